from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.ingestion.data_file import DataFile
from headrace.ingestion.log_entries import Entry, entry_text, is_cut, read_entry
from headrace.ingestion.positions import Move
from headrace.ingestion.table_log import Commit

FILE = DataFile(Path("/lake/raw/t/part-1.zstd.parquet"), 512, 1_700_000_000_123, '{"numRecords":2}')


def commit(file=FILE, **moves):
    """A commit with moves given as p0=(expected, position)."""
    named = {f"headrace/land/ID/{name[1:]}": Move(*move) for name, move in moves.items()}
    notes = {"rows": 2 if file else 0, "positions": {name[1:]: list(move) for name, move in moves.items()}}
    return Commit(file, named, notes)


def text(made):
    return entry_text(made, at_ms=1_700_000_000_456).encode()


def test_an_entry_announces_what_follows_then_sets_the_positions_and_adds_the_rows_last():
    lines = [json.loads(line) for line in text(commit(p0=(None, 7), p1=(3, 9))).splitlines()]
    assert [next(iter(line)) for line in lines] == ["commitInfo", "txn", "txn", "add"]
    assert lines[0]["commitInfo"]["headrace"] == {"rows": 2, "positions": {"0": [None, 7], "1": [3, 9]}}
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


def test_an_empty_entry_is_a_commit_of_nothing():
    assert read_entry(b"") == Entry({}, alters_table=False)


@pytest.mark.parametrize("damage", [b'{"txn": {"appId": "a"', b"\x00" * 64, b"[1]", b'{"commitInfo": {}}\n\xff'])
def test_an_entry_that_is_no_json_is_refused(damage):
    with pytest.raises(ValueError, match=r"."):
        read_entry(damage)


@given(
    moves=st.dictionaries(st.integers(0, 9).map("p{}".format), st.tuples(st.integers(0, 9), st.integers(10, 99))),
    has_file=st.booleans(),
    cut=st.floats(0, 1, exclude_max=True),
)
def test_an_entry_that_is_cut_anywhere_is_empty_or_unreadable_or_known_to_be_cut(moves, has_file, cut):
    whole = text(commit(FILE if has_file else None, **moves))
    assert not is_cut(whole)
    part = whole[: int(cut * len(whole))]
    if part and part != whole.rstrip(b"\n"):
        try:
            assert is_cut(part)
        except ValueError:
            with pytest.raises(ValueError, match=r"."):
                read_entry(part)


def test_an_entry_of_another_writer_is_never_called_cut():
    assert not is_cut(
        b'{"commitInfo":{"engineInfo":"delta-rs:py-1.6.6","headrace":{"rows":5,"positions":{"0":[0,5]}}}}'
    )
    assert not is_cut(b'{"add":{"path":"x"}}')
    assert not is_cut(b"")
