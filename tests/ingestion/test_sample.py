"""A sample of a topic: which records it holds, and that it leaves nothing behind."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import KafkaProducer

from headrace.errors import BrokerError, SettingsError
from headrace.infra.local.ports import choose_port
from headrace.ingestion.positions import Bounds
from headrace.ingestion.sample import MAX_BYTES, PARTS, parts_of, sample_topics

EXTENTS = st.lists(st.tuples(st.integers(0, 1_000), st.integers(0, 1_000)), max_size=8)


def bounds_of(extents: list[tuple[int, int]]) -> dict[tuple[str, int], Bounds]:
    return {("t", number): Bounds(begin, begin + held) for number, (begin, held) in enumerate(extents)}


@given(EXTENTS, st.integers(1, 500))
def test_parts_lie_inside_their_partitions_do_not_overlap_and_ask_for_no_more_than_was_asked(extents, records):
    bounds = bounds_of(extents)
    parts = [part for those in parts_of(bounds, records, MAX_BYTES) for part in those]
    assert sum(min(part.records, part.stop - part.start) for part in parts) <= max(records, PARTS)
    for place, bound in bounds.items():
        ours = sorted((part.start, part.stop) for part in parts if part.place == place)
        assert all(bound.beginning <= start < stop <= bound.end for start, stop in ours)
        assert all(before[1] <= after[0] for before, after in pairwise(ours))
    assert bool(parts) == any(held for _, held in extents)


@given(EXTENTS)
def test_where_the_partitions_hold_no_more_than_was_asked_all_is_read(extents):
    bounds = bounds_of(extents)
    most = max((held for _, held in extents), default=0)
    parts = [part for those in parts_of(bounds, PARTS * max(len(extents), 1) * (most + 1), MAX_BYTES) for part in those]
    assert sum(part.stop - part.start for part in parts) == sum(held for _, held in extents)
    assert all(part.records >= part.stop - part.start for part in parts)


def test_a_long_partition_is_read_at_its_beginning_its_middle_and_its_end(topic):
    topic.create(partitions=2)
    topic.send(*[b"%d" % number for number in range(3_000)], key=b"k", timestamp_ms=1_700_000_000_123)
    topic.send(b"last", None, partition=1, key=b"k")
    (found,) = sample_topics({"short": topic.name}, topic.address, records=300)
    first = [record for record in found.records if record.partition == 0]
    assert [record.offset for record in first] == [*range(50), *range(1475, 1525), *range(2950, 3000)]
    assert [record.value for record in first] == [b"%d" % record.offset for record in first]
    assert {(record.key, record.timestamp_us) for record in first} == {(b"k", 1_700_000_000_123_000)}
    assert [record.value for record in found.records if record.partition == 1] == [b"last", None]
    assert (found.topic, found.offsets, found.partitions) == ("short", 3_002, 2)


def test_large_records_end_a_part_before_its_number_of_records_does(topic):
    topic.create()
    topic.send(*[b"x" * 500_000] * 60)
    (found,) = sample_topics({"t": topic.name}, topic.address, records=10_000)
    assert MAX_BYTES <= sum(len(record.value) for record in found.records) <= MAX_BYTES + 500_000


def test_an_aborted_transaction_is_not_read_and_does_not_hold_the_sample_up(topic):
    topic.create()
    producer = KafkaProducer(bootstrap_servers=topic.address, transactional_id=topic.name)
    producer.init_transactions()
    for value, end in ((b"kept", producer.commit_transaction), (b"aborted", producer.abort_transaction)):
        producer.begin_transaction()
        producer.send(topic.name, value)
        producer.flush()
        end()
    producer.close()
    (found,) = sample_topics({"t": topic.name}, topic.address, records=100)
    assert ([record.value for record in found.records], found.offsets) == ([b"kept"], 4)


def test_an_empty_topic_gives_no_record_and_an_unknown_one_the_nearest_names(topic):
    topic.create(partitions=3)
    (found,) = sample_topics({"t": topic.name}, topic.address, records=100)
    assert (list(found.records), found.offsets, found.partitions) == ([], 0, 3)
    wrong = topic.name[:-1] + "x"
    with pytest.raises(BrokerError, match=f"there is no topic '{wrong}' .* Did you mean: .*{topic.name}"):
        sample_topics({"t": wrong}, topic.address, records=100)


def test_a_sample_joins_no_group(topic):
    topic.create().send(b"x")
    with topic.admin() as admin:
        before = admin.list_groups()
        sample_topics({"t": topic.name}, topic.address, records=10)
        assert admin.list_groups() == before


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_an_address_at_which_no_broker_answers_is_told(monkeypatch):
    monkeypatch.setattr("headrace.ingestion.sample.CONNECT_WAIT_S", 0.5)
    with pytest.raises(BrokerError, match=r"no Kafka broker answers at 127\.0\.0\.1:\d+ .* 'headrace up'"):
        sample_topics({"t": "t"}, f"127.0.0.1:{choose_port()}", records=10)
    with pytest.raises(SettingsError, match="'nowhere' is not an address of brokers"):
        sample_topics({"t": "t"}, "nowhere", records=10)
