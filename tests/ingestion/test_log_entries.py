from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.ingestion.data_file import DataFile
from headrace.ingestion.log_entries import Entry, entry_text, read_entry
from headrace.ingestion.positions import Move
from headrace.ingestion.table_log import Commit
from headrace.log_entry import LogEntry

FILE = DataFile(Path("/lake/raw/t/part-1.zstd.parquet"), 512, 1_700_000_000_123, '{"numRecords":2}')


def commit(file=FILE, **moves):
    """A commit with moves given as p0=(expected, position)."""
    named = {f"headrace/land/ID/{name[1:]}": Move(*move) for name, move in moves.items()}
    positions = {name[1:]: list(move) for name, move in moves.items()}
    notes = {"topic_id": "ID", "rows": 2 if file else 0, "positions": positions}
    return Commit(file, named, notes)


def text(made):
    return entry_text(made, at_ms=1_700_000_000_456).encode()


def test_an_entry_announces_what_follows_then_sets_the_positions_and_adds_the_rows_last():
    lines = [json.loads(line) for line in text(commit(p0=(None, 7), p1=(3, 9))).splitlines()]
    assert [next(iter(line)) for line in lines] == ["commitInfo", "txn", "txn", "add"]
    announced = {"topic_id": "ID", "rows": 2, "positions": {"0": [None, 7], "1": [3, 9]}}
    assert lines[0]["commitInfo"]["headrace"] == announced
    assert lines[0]["commitInfo"]["timestamp"] == 1_700_000_000_456
    assert lines[1]["txn"] == {"appId": "headrace/land/ID/0", "version": 7}
    assert lines[3]["add"] == {
        "path": "part-1.zstd.parquet",
        "partitionValues": {},
        "size": 512,
        "modificationTime": 1_700_000_000_123,
        "dataChange": True,
        "stats": '{"numRecords":2}',
    }


def test_positions_never_expire_because_no_transaction_says_when_it_was():
    assert b"lastUpdated" not in text(commit(p0=(None, 7)))


def test_a_lander_reads_the_positions_that_others_set():
    assert read_entry(text(commit(p0=(None, 7), p1=(3, 9)))) == Entry(
        {"headrace/land/ID/0": 7, "headrace/land/ID/1": 9}, alters_table=False
    )


@pytest.mark.parametrize("action", ["metaData", "protocol"])
def test_an_entry_that_alters_the_table_is_noticed(action):
    assert read_entry(json.dumps({action: {}}).encode()) == Entry({}, alters_table=True)


@pytest.mark.parametrize(
    "damage", [b"", b"\n", b'{"txn": {"appId": "a"', b"\x00" * 64, b"[1]", b'{"commitInfo": {}}\n\xff']
)
def test_an_entry_that_is_empty_or_no_json_is_refused(damage):
    with pytest.raises(ValueError, match=r"."):
        read_entry(damage)


@given(
    moves=st.dictionaries(st.integers(0, 9).map("p{}".format), st.tuples(st.integers(0, 9), st.integers(10, 99))),
    has_file=st.booleans(),
    cut=st.floats(0, 1, exclude_max=True),
)
def test_an_entry_that_is_cut_anywhere_is_known_to_be(moves, has_file, cut):
    whole = text(commit(FILE if has_file else None, **moves))
    assert fault_of(whole) is None
    part = whole[: int(cut * len(whole))]
    if part != whole.rstrip(b"\n"):
        assert fault_of(part) is not None


def fault_of(entry):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "00000000000000000001.json"
        path.write_bytes(entry)
        return LogEntry.read(path).fault
