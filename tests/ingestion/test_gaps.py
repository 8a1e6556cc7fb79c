"""Accepting a gap, on a real table: one commit moves the position and says so, and the table remembers it."""

from __future__ import annotations

import json

import pytest
from deltalake import DeltaTable
from support.kafka_records import record

from headrace import locks, tables
from headrace.errors import LandingConflict, LockTimeout, MachineError
from headrace.fsck import check_table
from headrace.gaps import CUT, DELETED
from headrace.ingestion import gaps
from headrace.ingestion.gaps import accept_gap
from headrace.ingestion.landing import Landing
from headrace.ingestion.positions import Bounds, Lost, Move
from headrace.ingestion.raw_columns import record_columns
from headrace.ingestion.raw_table import RawTable
from headrace.lake_tables import choose_tables

PLACE = ("orders", 0)
DELETED_TO_8 = Lost(PLACE, 5, Bounds(8, 20))


@pytest.fixture
def raw(tmp_path):
    """A raw table with offsets 0 to 4 of partition 0."""
    table = RawTable.of(tmp_path, "orders", "cluster")
    land(table, 0, 5)
    return table


def land(table, first, end):
    batch = record_columns(0, [record(offset) for offset in range(first, end)])
    Landing(table, "ID").commit([batch], {0: Move(first or None, end)}, lock_wait_s=1.0)


def positions(table):
    return Landing(table, "ID").positions([0])


def test_the_position_moves_over_deleted_records_and_the_table_says_so(raw):
    gap = accept_gap(raw, "ID", DELETED_TO_8, lock_wait_s=1.0)
    assert (gap.partition, gap.first, gap.end, gap.reason) == (0, 5, 8, DELETED)
    assert "@" in gap.accepted_by
    assert positions(raw) == {0: 8}
    assert Landing(raw, "ID").gaps() == (gap,)
    land(raw, 8, 10)
    assert positions(raw) == {0: 10}


def test_it_is_one_commit_whose_entry_tells_the_same(raw):
    version = DeltaTable(str(raw.folder)).version()
    gap = accept_gap(raw, "ID", DELETED_TO_8, lock_wait_s=1.0)
    table = DeltaTable(str(raw.folder))
    assert table.version() == version + 1
    note = table.history(1)[0]["headrace"]
    note = json.loads(note) if isinstance(note, str) else note
    assert (note["rows"], note["positions"]) == (0, {"0": [5, 8]})
    assert note["gaps"][0] == {**vars(gap)}


def test_a_log_that_was_cut_leaves_the_position_where_it_is(raw):
    gap = accept_gap(raw, "ID", Lost(PLACE, 5, Bounds(0, 3)), lock_wait_s=1.0)
    assert (gap.first, gap.end, gap.reason) == (3, 5, CUT)
    assert positions(raw) == {0: 5}


def test_gaps_add_up_and_belong_to_their_topic_id(raw):
    first = accept_gap(raw, "ID", DELETED_TO_8, lock_wait_s=1.0)
    second = accept_gap(raw, "ID", Lost(PLACE, 8, Bounds(9, 20)), lock_wait_s=1.0)
    assert Landing(raw, "ID").gaps() == (first, second)
    assert Landing(raw, "NEW").gaps() == ()


def test_the_table_remembers_gaps_when_its_log_was_cleaned(raw):
    gap = accept_gap(raw, "ID", DELETED_TO_8, lock_wait_s=1.0)
    table = DeltaTable(str(raw.folder))
    table.create_checkpoint()
    for entry in (raw.folder / "_delta_log").glob("*.json"):
        entry.unlink()
    assert Landing(raw, "ID").gaps() == (gap,)
    assert positions(raw) == {0: 8}


def test_a_position_that_another_lander_has_moved_is_left_alone(raw):
    land(raw, 5, 6)
    with pytest.raises(LandingConflict, match="already at 6"):
        accept_gap(raw, "ID", DELETED_TO_8, lock_wait_s=1.0)
    assert Landing(raw, "ID").gaps() == ()


def test_an_error_after_a_commit_that_succeeded_is_no_error(raw, monkeypatch):
    write = gaps._write

    def interrupted(*arguments):
        write(*arguments)
        raise OSError("the connection was lost")

    monkeypatch.setattr(gaps, "_write", interrupted)
    gap = accept_gap(raw, "ID", DELETED_TO_8, lock_wait_s=1.0)
    assert Landing(raw, "ID").gaps() == (gap,)


def test_an_error_before_the_commit_is_told(raw, monkeypatch):
    def broken(*arguments):
        raise OSError("no such device")

    monkeypatch.setattr(gaps, "_write", broken)
    with pytest.raises(MachineError, match="cannot be written: no such device"):
        accept_gap(raw, "ID", DELETED_TO_8, lock_wait_s=1.0)
    assert positions(raw) == {0: 5}


def test_who_writes_meanwhile_is_waited_for(raw, tmp_path):
    held = locks.shared(tables.raw_lock(tmp_path, "orders"), wait_s=1.0)
    with held, pytest.raises(LockTimeout):
        accept_gap(raw, "ID", DELETED_TO_8, lock_wait_s=0.1)


def test_a_user_without_a_name_is_told_by_number(raw, monkeypatch):
    def nobody():
        raise KeyError("uid not found")

    monkeypatch.setattr(gaps.getpass, "getuser", nobody)
    assert accept_gap(raw, "ID", DELETED_TO_8, lock_wait_s=1.0).accepted_by.partition("@")[0].isdigit()


@pytest.mark.parametrize("lost", [DELETED_TO_8, Lost(PLACE, 5, Bounds(0, 3))], ids=["deleted", "cut"])
def test_a_table_with_a_gap_is_sound(raw, tmp_path, lost):
    accept_gap(raw, "ID", lost, lock_wait_s=1.0)
    (position,) = positions(raw).values()
    land(raw, position, position + 3)
    (table,) = choose_tables(tmp_path, [], ["orders"])
    assert check_table(table, deep=True).findings == ()
