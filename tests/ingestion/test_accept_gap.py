"""Positions outside the log of the real broker: who stops, who goes on, and what the table says of a gap."""

from __future__ import annotations

import hashlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kafka import TopicPartition
from support.eventually import eventually

from headrace.errors import PositionLost, UsageError
from headrace.gaps import CUT, DELETED
from headrace.ingestion import place_of
from headrace.ingestion.landing import Landing
from headrace.ingestion.positions import Move
from headrace.ingestion.raw_table import RawTable
from headrace.journal import open_journal
from headrace.landing_audit import audit_landing


def numbered(*numbers):
    return [b"value %d" % number for number in numbers]


def delete_before(topic, offset, partition=0):
    with topic.admin() as admin:
        admin.delete_records({TopicPartition(topic.name, partition): offset})


def offsets(topic, partition=0):
    rows = topic.query(f"select _offset as o from t where _partition = {partition} order by 1")
    return [row["o"] for row in rows]


def journal(folder, topic, sent):
    """The journal of who sent these (partition, offset, value)."""
    folder.mkdir()
    columns = {
        "sequence": pa.array(range(len(sent)), pa.int64()),
        "topic": pa.array([topic.name] * len(sent), pa.string()),
        "partition": pa.array([partition for partition, _, _ in sent], pa.int32()),
        "offset": pa.array([offset for _, offset, _ in sent], pa.int64()),
        "sha256": pa.array([hashlib.sha256(value).digest() for *_, value in sent], pa.binary(32)),
    }
    pq.write_table(pa.table(columns), folder / "part-0.parquet")
    return folder


def audited(topic, sent, folder):
    """The books of a topic, and of who sent these."""
    with open_journal(journal(folder / "journal", topic, sent)) as opened:
        return audit_landing(opened, topic.lake, topic.name)


@pytest.fixture
def gapped(topic):
    """A topic of two partitions, of whose first offsets 5 to 7 were deleted before they were landed."""
    topic.create(partitions=2).send(*numbered(*range(5)))
    topic.land()
    topic.send(*numbered(*range(5, 10)))
    topic.send(*numbered(0, 1), partition=1)
    delete_before(topic, 8)
    return topic


def test_an_accepted_gap_is_passed_over_recorded_and_explained_by_the_audit(gapped, tmp_path):
    with pytest.raises(PositionLost, match=f"--accept-gap {gapped.name}:0"):
        gapped.land()
    result = gapped.land(accept_gaps=frozenset({(gapped.name, 0)}))
    assert [(gap.partition, gap.first, gap.end, gap.reason) for gap in result.gaps] == [(0, 5, 8, DELETED)]
    assert (offsets(gapped, 0), offsets(gapped, 1)) == ([0, 1, 2, 3, 4, 8, 9], [0, 1])
    sent = [(0, number, value) for number, value in enumerate(numbered(*range(10)))]
    sent += [(1, number, value) for number, value in enumerate(numbered(0, 1))]
    books = audited(gapped, sent, tmp_path)
    assert (books.journal, books.raw, books.accepted, books.lost_write) == (12, 9, 3, 0)
    assert books.faults == {}
    assert books.gaps == result.gaps


def test_what_is_lost_beside_an_accepted_gap_stays_lost(gapped, tmp_path):
    gapped.land(accept_gaps=frozenset({(gapped.name, 0)}))
    gapped.send(*numbered(10))
    delete_before(gapped, 11)
    gapped.send(*numbered(11))
    with pytest.raises(PositionLost):
        gapped.land()
    sent = [(0, offset, b"value %d" % offset) for offset in range(12)]
    sent += [(1, number, value) for number, value in enumerate(numbered(0, 1))]
    books = audited(gapped, sent, tmp_path)
    assert (books.accepted, books.faults) == (3, {"waiting": 2})
    assert books.examples == ("waiting: partition 0, offset 10", "waiting: partition 0, offset 11")


def test_a_gap_is_accepted_once_and_then_there_is_none(gapped):
    gapped.land(accept_gaps=frozenset({(gapped.name, 0)}))
    asked = r"there is no gap: the table asks for offset 10 next, and the broker begins at 8 and ends at 10"
    with pytest.raises(UsageError, match=asked):
        gapped.land(accept_gaps=frozenset({(gapped.name, 0)}))


def test_one_wrong_place_accepts_none(gapped):
    with pytest.raises(UsageError, match="there is no gap"):
        gapped.land(accept_gaps=frozenset({(gapped.name, 0), (gapped.name, 1)}))
    assert offsets(gapped) == [0, 1, 2, 3, 4]
    with pytest.raises(PositionLost):
        gapped.land()


def test_a_partition_or_topic_that_is_not_there_is_told(gapped):
    with pytest.raises(UsageError, match=r":7: the topic has no such partition, only 0 to 1"):
        gapped.land(accept_gaps=frozenset({(gapped.name, 7)}))
    with pytest.raises(UsageError, match=rf"does not land a topic 'other'. Did you mean: {gapped.name}\?"):
        gapped.land(accept_gaps=frozenset({("other", 0)}))


@pytest.mark.parametrize("text", ["orders", "orders:", ":3", "orders:x", "orders:-1", "orders:³"])
def test_a_place_is_a_topic_and_a_partition(text):
    with pytest.raises(UsageError, match=f"wants TOPIC:PARTITION, such as orders:3, found '{text}'"):
        place_of(text)


def test_a_colon_may_be_in_front_of_the_last_one():
    assert place_of("a:b:12") == ("a:b", 12)


def test_a_lander_that_runs_goes_on_by_itself_when_someone_else_has_accepted_the_gap(gapped, background, monkeypatch):
    monkeypatch.setattr("headrace.ingestion.stopped.LOOK_AGAIN_S", 0.3)
    background(gapped)
    eventually(lambda: offsets(gapped, 1) == [0, 1])
    gapped.land(accept_gaps=frozenset({(gapped.name, 0)}), group=f"other-{gapped.name}")
    gapped.send(*numbered(10))
    eventually(lambda: offsets(gapped) == [0, 1, 2, 3, 4, 8, 9, 10])
    background.end()
    (result,) = background.results
    assert result.lost == ()


@pytest.fixture
def ahead(topic):
    """A topic of ten records, of which the table believes to have twelve: as if the broker were an older copy."""
    topic.create().send(*numbered(*range(10)))
    topic.land()
    with topic.admin() as admin:
        cluster_id = admin.describe_cluster()["cluster_id"]
    table = RawTable.of(topic.lake, topic.name, cluster_id)
    (topic_id,) = {row["i"] for row in topic.query("select _topic_id as i from t")}
    Landing(table, topic_id).commit([], {0: Move(10, 12)}, lock_wait_s=1.0)
    return topic


def test_a_position_behind_the_end_stops_and_names_the_offsets_that_will_be_given_twice(ahead):
    with pytest.raises(PositionLost, match=r"ends at 10: .* offsets 10 to 11, which the table has, will be given to"):
        ahead.land()


def test_an_accepted_cut_goes_on_where_the_table_ends_and_never_lands_an_offset_twice(ahead):
    (gap,) = ahead.land(accept_gaps=frozenset({(ahead.name, 0)})).gaps
    assert (gap.first, gap.end, gap.reason) == (10, 12, CUT)
    ahead.send(*numbered(10))  # an offset that the table counts as landed
    assert ahead.land().rows == {ahead.name: 0}
    ahead.send(*numbered(11, 12, 13))
    assert ahead.land().rows == {ahead.name: 2}
    assert offsets(ahead) == [*range(10), 12, 13]
