"""What a lander leaves in the lake of how it stands, and who reads it."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from headrace.ingestion import state_file
from headrace.ingestion.flush import FlushReason
from headrace.ingestion.standing import PartitionStanding, PartitionState, Standing, TopicStanding
from headrace.ingestion.state_file import Life, StateFile, lander_states
from headrace.ingestion.tally import Tally
from headrace.tables import landers_folder

STANDING = Standing(
    at_s=0.0,
    joined=True,
    topics=(TopicStanding("orders", 12, 3_400, 0.5, 7.25),),
    partitions=(
        PartitionStanding("orders", 0, PartitionState.LANDING, landed=70, beginning=20, end=100),
        PartitionStanding("orders", 1, PartitionState.STOPPED, landed=10, beginning=20, end=100),
    ),
)


def now():
    return replace(STANDING, at_s=time.time())


@pytest.fixture
def gone():
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def file_of(lake, **changes):
    """A file that another lander has left."""
    folder = landers_folder(lake)
    folder.mkdir(parents=True, exist_ok=True)
    content = {"host": socket.gethostname(), "pid": os.getpid(), "at_s": time.time()} | changes
    path = folder / f"{content['host']}-{content['pid']}.json"
    path.write_text(json.dumps(content))
    return path


def test_a_lander_that_runs_tells_how_it_stands(tmp_path):
    tally, file = Tally(), StateFile(tmp_path, "group")
    tally.committed("orders", FlushReason.ROWS, rows=70, size_bytes=9, seconds=0.1, now_s=5.0)
    file.post(now(), tally)
    (state,) = lander_states(tmp_path)
    assert state.life is Life.RUNS
    found = {name: state.content[name] for name in ("group", "topics", "partitions", "stopped", "lag", "rows")}
    assert found == {
        "group": "group",
        "topics": ["orders"],
        "partitions": {"starting": 0, "landing": 1, "paused": 0, "stopped": 1},
        "stopped": ["orders:1"],
        "lag": 120,
        "rows": 70,
    }
    assert (state.content["last_commit_at_s"], state.content["buffered_bytes"]) == (5.0, 3_400)


def test_the_rate_is_that_of_the_last_seconds(tmp_path, monkeypatch):
    monkeypatch.setattr(state_file, "WRITE_INTERVAL_S", 0.0)
    at_s = 100.0
    monkeypatch.setattr(state_file.time, "monotonic", lambda: at_s)
    tally, file = Tally(), StateFile(tmp_path, "group")
    for second in range(30):
        at_s = 100.0 + second
        tally.rows["orders"] += 1_000 if second < 15 else 10
        file.post(now(), tally)
    (state,) = lander_states(tmp_path)
    assert state.content["rows_per_s"] == 10.0


def test_the_file_is_private_and_goes_with_its_lander(tmp_path):
    file = StateFile(tmp_path, "group")
    file.post(now(), Tally())
    (path,) = landers_folder(tmp_path).iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    file.remove()
    assert list(landers_folder(tmp_path).iterdir()) == []


def test_a_lander_that_never_posted_leaves_no_lake(tmp_path):
    StateFile(tmp_path / "lake", "group").remove()
    assert not (tmp_path / "lake").exists()


def test_a_process_that_is_gone_is_told_by_its_id_and_cleared_away_by_the_next(tmp_path, gone):
    killed = file_of(tmp_path, pid=gone)
    assert [state.life for state in lander_states(tmp_path)] == [Life.GONE]
    StateFile(tmp_path, "group").post(now(), Tally())
    assert not killed.exists()


def test_one_that_says_nothing_any_more_is_silent(tmp_path):
    file_of(tmp_path, at_s=time.time() - 60)
    file_of(tmp_path, host="elsewhere", pid=1, at_s=time.time() - 60)
    assert [state.life for state in lander_states(tmp_path)] == [Life.SILENT, Life.SILENT]


def test_one_of_another_machine_is_told_by_its_age_alone(tmp_path, gone):
    file_of(tmp_path, host="elsewhere", pid=gone)
    assert [state.life for state in lander_states(tmp_path)] == [Life.RUNS]


def test_a_file_that_is_no_state_is_passed_over(tmp_path):
    file_of(tmp_path).write_text("{")
    assert lander_states(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_a_warning_once_and_landing_goes_on(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(state_file, "WRITE_INTERVAL_S", 0.0)
    landers_folder(tmp_path).write_text("in the way")
    file = StateFile(tmp_path, "group")
    file.post(now(), Tally())
    file.post(now(), Tally())
    assert caplog.text.count("does not see this lander") == 1
