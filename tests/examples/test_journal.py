from __future__ import annotations

import hashlib

import pyarrow.parquet as pq
import pytest

from headrace.errors import ContractError, UsageError
from headrace.examples.flights.defect_kinds import Defect
from headrace.examples.flights.journal import Journal
from headrace.examples.flights.sequence import Record

TOPICS = {"flight_departed": "demo.flight_departed"}


def record(number, value=b"{}", defect=None, partition=0):
    return Record(number, "flight_departed", partition, 1_357_035_420_000, b"key", value, defect)


def test_a_segment_says_where_each_record_is_and_what_was_in_it(tmp_path):
    journal = Journal(tmp_path)
    journal.append(TOPICS, [record(4), record(5, None, Defect.TOMBSTONE, partition=1)], [10, 3])
    [segment] = tmp_path.glob("part-*")
    assert segment.name == "part-00000.parquet"
    assert pq.read_table(segment).to_pylist() == [
        {
            "sequence": 4,
            "topic": "demo.flight_departed",
            "partition": 0,
            "offset": 10,
            "sha256": hashlib.sha256(b"{}").digest(),
            "defect": None,
        },
        {
            "sequence": 5,
            "topic": "demo.flight_departed",
            "partition": 1,
            "offset": 3,
            "sha256": None,
            "defect": "tombstone",
        },
    ]


def test_what_was_journaled_is_read_again_with_the_next_positions(tmp_path):
    Journal(tmp_path).append(TOPICS, [record(0), record(1)], [0, 1])
    Journal(tmp_path).append(TOPICS, [record(2), record(3, partition=1)], [2, 0])
    read = Journal(tmp_path).read()
    assert sorted(read.sequence.tolist()) == [0, 1, 2, 3]
    assert read.positions == {("demo.flight_departed", 0): 3, ("demo.flight_departed", 1): 1}


def test_a_new_journal_is_empty(tmp_path):
    journal = Journal(tmp_path / "new")
    assert journal.read_identity() is None
    assert journal.read().sequence.tolist() == []


def test_what_a_kill_left_of_a_segment_is_no_segment(tmp_path):
    journal = Journal(tmp_path)
    journal.append(TOPICS, [record(0)], [0])
    (tmp_path / ".part-00001.parquet.tmp").write_bytes(b"PAR1 half")
    journal.append(TOPICS, [record(1)], [1])
    assert sorted(path.name for path in tmp_path.glob("part-*")) == ["part-00000.parquet", "part-00001.parquet"]
    assert sorted(journal.read().sequence.tolist()) == [0, 1]


def test_a_damaged_segment_is_named(tmp_path):
    (tmp_path / "part-00000.parquet").write_bytes(b"not parquet")
    with pytest.raises(ContractError, match=r"part-00000\.parquet is not a readable segment"):
        Journal(tmp_path).read()


def test_a_number_that_was_journaled_twice_is_an_error(tmp_path):
    for _ in range(2):
        Journal(tmp_path).append(TOPICS, [record(0)], [0])
    with pytest.raises(ContractError, match="a sequence number is in the journal twice"):
        Journal(tmp_path).read()


@pytest.mark.parametrize("content", ["", "[]", '{"format": 2}', "{}"])
def test_an_identity_of_another_format_is_refused(tmp_path, content):
    (tmp_path / "identity.json").write_text(content)
    with pytest.raises(UsageError, match="Use another journal folder"):
        Journal(tmp_path).read_identity()
