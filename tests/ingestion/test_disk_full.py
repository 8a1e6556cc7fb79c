from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import suppress

import pytest
from support.kafka_oracle import query
from support.kafka_records import record

from headrace import tables
from headrace.errors import MachineError
from headrace.ingestion.landing import Landing, Move
from headrace.ingestion.raw_columns import record_columns
from headrace.ingestion.raw_table import RawTable


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one megabyte."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root on Linux, to mount a small file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"needs the right to mount a small file system: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder):
    """Takes what room there is, to the last byte."""
    with suppress(OSError), (folder / "filler").open("wb", buffering=0) as file:
        while file.write(bytes(512)):
            pass


def land(table, offset):
    batch = record_columns(0, [record(offset, os.urandom(1_000))])
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
