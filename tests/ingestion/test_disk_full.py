from __future__ import annotations

import os

import pytest
from deltalake import DeltaTable
from support.kafka_oracle import query
from support.kafka_records import record
from support.small_disk import fill, small_disk_at

from headrace import tables
from headrace.errors import MachineError
from headrace.ingestion import checkpoints, steps
from headrace.ingestion.landing import Landing
from headrace.ingestion.positions import Move
from headrace.ingestion.raw_columns import record_columns
from headrace.ingestion.raw_table import RawTable


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one megabyte."""
    with small_disk_at(tmp_path / "disk", "1m") as folder:
        yield folder


def land(table, offset, size=1_000):
    batch = record_columns(0, [record(offset, os.urandom(size))])
    return table.commit([batch], {0: Move(offset or None, offset + 1)}, lock_wait_s=1.0)


def test_a_disk_that_fills_up_loses_nothing_and_landing_resumes_when_there_is_room(small_disk):
    table = Landing(RawTable.of(small_disk, "flights", "cluster"), "ID")
    land(table, 0)
    fill(small_disk)
    with pytest.raises(MachineError, match="Make room and start again"):
        land(table, 1)
    assert query(tables.raw_table(small_disk, "flights"), "select _offset from t") == [{"_offset": 0}]
    (small_disk / "filler").unlink()
    again = Landing(RawTable.of(small_disk, "flights", "cluster"), "ID")
    assert again.positions([0]) == {0: 1}
    land(again, 1)
    assert query(tables.raw_table(small_disk, "flights"), "select count(*) as n from t") == [{"n": 2}]


def test_a_table_that_cannot_even_be_made_is_told_as_a_full_disk(small_disk):
    fill(small_disk)
    with pytest.raises(MachineError, match="is full"):
        Landing(RawTable.of(small_disk, "flights", "cluster"), "ID")


def test_a_disk_that_is_full_when_the_log_entry_comes_leaves_no_part_of_it(small_disk):
    def on_step(step):
        if step == steps.BEFORE_LOG_ENTRY and (small_disk / "full").exists():
            fill(small_disk)

    table = Landing(RawTable.of(small_disk, "flights", "cluster"), "ID", on_step=on_step)
    land(table, 0)
    (small_disk / "full").touch()
    with pytest.raises(MachineError, match="Make room and start again"):
        land(table, 1)
    (small_disk / "full").unlink()
    (small_disk / "filler").unlink()
    folder = tables.raw_table(small_disk, "flights")
    assert len(list(folder.glob("*.parquet"))) == 1
    assert sorted(path.name for path in (folder / "_delta_log").iterdir()) == [
        "00000000000000000000.json",
        "00000000000000000001.json",
    ]
    land(table, 1)
    assert query(folder, "select count(*) as n from t") == [{"n": 2}]


def test_a_disk_that_is_full_when_a_checkpoint_comes_costs_the_checkpoint_and_no_commit(
    small_disk, caplog, monkeypatch
):
    monkeypatch.setattr(checkpoints, "RETRY_S", 0.0)
    table = Landing(RawTable.of(small_disk, "flights", "cluster"), "ID")
    folder = tables.raw_table(small_disk, "flights")
    short = {"delta.checkpointInterval": "4"}  # due at the second landing, not at the first, whose thread might race
    DeltaTable(str(folder)).alter.set_table_properties(short, raise_if_not_exists=False)
    land(table, 0)
    fill(small_disk, but_pages=4)  # a data file and an entry, but no checkpoint
    land(table, 1, size=10)
    table.wait_for_checkpoint()
    assert "no checkpoint was made, and no commit is missing" in caplog.text
    assert query(folder, "select count(*) as n from t") == [{"n": 2}]
    (small_disk / "filler").unlink()
    land(table, 2)
    table.wait_for_checkpoint()
    assert (folder / "_delta_log/_last_checkpoint").exists()
    again = Landing(RawTable.of(small_disk, "flights", "cluster"), "ID")
    assert again.positions([0]) == {0: 3}
    assert query(folder, "select count(*) as n from t") == [{"n": 3}]
