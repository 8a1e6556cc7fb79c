from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading

import pytest
from deltalake import DeltaTable
from support.eventually import eventually
from support.kafka_oracle import query
from support.kafka_records import record
from support.rooms import REPOSITORY

from headrace import locks, tables
from headrace.ingestion import checkpoints, steps
from headrace.ingestion.checkpoints import Checkpoints, LogUpkeep
from headrace.ingestion.landing import Landing
from headrace.ingestion.log_folder import LogFolder
from headrace.ingestion.positions import Move
from headrace.ingestion.raw_columns import record_columns
from headrace.ingestion.raw_table import RawTable


def table_of(lake, *, retention="interval 4 hours", interval=5):
    """A raw table whose log is kept as said."""
    Landing(RawTable.of(lake, "t", "cluster"), "ID")
    properties = {"delta.logRetentionDuration": retention, "delta.checkpointInterval": str(interval)}
    DeltaTable(str(folder(lake))).alter.set_table_properties(properties, raise_if_not_exists=False)


def folder(lake):
    return tables.raw_table(lake, "t")


def lander(lake, on_step=steps.ignore):
    return Landing(RawTable.of(lake, "t", "cluster"), "ID", on_step=on_step)


def land(to, first, last):
    for offset in range(first, last):
        to.commit([record_columns(0, [record(offset)])], {0: Move(offset or None, offset + 1)}, lock_wait_s=5.0)
        to.wait_for_checkpoint()


def log_of(lake):
    """What is in the log, short: 3 is an entry, 3c a checkpoint."""
    names = sorted(path.name for path in (folder(lake) / "_delta_log").iterdir() if path.name[0].isdigit())
    return [f"{int(name[:20])}{'c' if 'checkpoint' in name else ''}" for name in names]


def count(lake):
    return query(folder(lake), "select count(*) as n, count(distinct _offset) as d from t")[0]


def test_a_checkpoint_is_made_at_the_interval_of_the_table_and_the_hint_names_it(tmp_path):
    table_of(tmp_path)
    land(lander(tmp_path), 0, 11)
    assert [name for name in log_of(tmp_path) if "c" in name] == ["4c", "9c"]
    assert LogFolder(folder(tmp_path), durable=True).checkpoint_version() == 9
    assert lander(tmp_path).positions([0]) == {0: 11}


def test_entries_past_their_time_go_and_the_positions_stay(tmp_path):
    table_of(tmp_path, retention="interval 0 seconds")
    land(lander(tmp_path), 0, 11)
    assert log_of(tmp_path) == ["9c", "9", "10", "11", "12"]
    assert lander(tmp_path).positions([0]) == {0: 11}
    assert count(tmp_path) == {"n": 11, "d": 11}


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({}, LogUpkeep(100, 2_592_000.0)),
        ({"delta.checkpointInterval": "7", "delta.logRetentionDuration": "interval 4 hours"}, LogUpkeep(7, 14_400.0)),
        (
            {"delta.enableExpiredLogCleanup": "false", "delta.logRetentionDuration": "interval 1 day"},
            LogUpkeep(100, None),
        ),
        ({"delta.logRetentionDuration": "interval 1 fortnight"}, LogUpkeep(100, None)),
    ],
)
def test_the_upkeep_is_what_the_properties_say(properties, expected):
    assert LogUpkeep.of(properties) == expected


def test_the_commits_do_not_wait_for_a_checkpoint(tmp_path, monkeypatch):
    table_of(tmp_path)
    table, go_on = lander(tmp_path), threading.Event()
    monkeypatch.setattr(Checkpoints, "_clean", lambda self: go_on.wait(30))
    for offset in range(8):
        table.commit([record_columns(0, [record(offset)])], {0: Move(offset or None, offset + 1)}, lock_wait_s=5.0)
    busy = table._log._checkpoints.is_busy
    go_on.set()
    table.wait_for_checkpoint()
    assert busy
    assert count(tmp_path) == {"n": 8, "d": 8}


def test_who_watches_hears_of_a_checkpoint_while_it_is_written(tmp_path):
    table_of(tmp_path)
    passed = []
    land(lander(tmp_path, passed.append), 0, 4)
    assert passed.count(steps.DURING_CHECKPOINT) == 1
    assert passed[-2:] == [steps.BEFORE_LOG_ENTRY, steps.AFTER_LOG_ENTRY]


def test_a_checkpoint_that_fails_is_told_costs_no_commit_and_is_made_later(tmp_path, monkeypatch, caplog):
    table_of(tmp_path)
    table = lander(tmp_path)

    def full(self, version):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Checkpoints, "_sync", full)
    monkeypatch.setattr(checkpoints, "RETRY_S", 0.0)
    land(table, 0, 4)
    assert "no checkpoint was made, and no commit is missing" in caplog.text
    monkeypatch.undo()
    (folder(tmp_path) / "_delta_log/_last_checkpoint").unlink()
    land(table, 4, 5)
    eventually(lambda: LogFolder(folder(tmp_path), durable=True).checkpoint_version() > 0)
    assert count(tmp_path) == {"n": 5, "d": 5}


def test_a_clean_up_that_cannot_have_the_table_alone_waits_for_the_next_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "LOCK_WAIT_S", 0.1)
    table_of(tmp_path, retention="interval 0 seconds")
    table = lander(tmp_path)
    with locks.shared(tables.raw_lock(tmp_path, "t"), wait_s=1):
        land(table, 0, 5)
    assert "1" in log_of(tmp_path)
    land(table, 5, 10)
    assert "1" not in log_of(tmp_path)
    assert count(tmp_path) == {"n": 10, "d": 10}


@pytest.mark.slow
def test_landers_that_are_killed_during_a_checkpoint_lose_nothing_and_double_nothing(tmp_path):
    """Each dies at another moment of it: what it leaves must serve the next one, deltalake and a reader."""
    seed = 20130101
    draw = random.Random(seed)
    table_of(tmp_path, retention="interval 0 seconds", interval=4)
    environment = os.environ | {"PYTHONPATH": f"{REPOSITORY / 'src'}{os.pathsep}{REPOSITORY / 'tests'}"}
    for _ in range(5):
        command = [sys.executable, "-m", "support.killed_checkpoint", str(tmp_path), str(draw.uniform(0, 0.03))]
        killed = subprocess.run(command, env=environment, capture_output=True, timeout=60)
        assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
        found = count(tmp_path)
        assert found["n"] == found["d"]
        assert lander(tmp_path).positions([0]) == {0: found["n"]}
    table = lander(tmp_path)
    land(table, found["n"], found["n"] + 9)
    assert count(tmp_path) == {"n": found["n"] + 9, "d": found["n"] + 9}
    assert len(log_of(tmp_path)) <= 2 * 4 + 2
