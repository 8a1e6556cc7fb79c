"""A launched process is known by a lock that only it holds, so a stale number is never trusted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from support.eventually import eventually

from headrace.infra.local import daemon


@pytest.fixture
def pid_file(tmp_path):
    file = tmp_path / "a process.pid"
    yield file
    daemon.stop(file, grace_s=1)


def launch(pid_file, *command: str) -> int:
    daemon.launch(command, pid_file=pid_file, folder=pid_file.parent, log_file=pid_file.with_suffix(".log"))
    pid = daemon.running(pid_file)
    assert pid is not None
    return pid


def test_a_launched_process_runs_until_it_is_stopped(pid_file):
    launch(pid_file, "sleep", "600")
    assert daemon.stop(pid_file, grace_s=10)
    assert daemon.running(pid_file) is None
    assert not daemon.stop(pid_file, grace_s=10)


def test_its_number_is_its_own(pid_file):
    pid = launch(pid_file, "/bin/sh", "-c", "echo $$; exec sleep 600")
    log = pid_file.with_suffix(".log")
    assert int(eventually(lambda: log.read_text().strip())) == pid


def test_a_killed_process_is_seen_to_be_gone(pid_file):
    os.kill(launch(pid_file, "sleep", "600"), signal.SIGKILL)
    eventually(lambda: daemon.running(pid_file) is None)


def test_a_process_that_ignores_sigterm_is_killed(pid_file):
    launch(pid_file, "/bin/sh", "-c", "trap '' TERM; echo deaf; exec sleep 600")
    eventually(lambda: "deaf" in pid_file.with_suffix(".log").read_text())
    assert daemon.stop(pid_file, grace_s=0.3)
    assert daemon.running(pid_file) is None


def test_the_number_of_a_stranger_is_not_taken_for_the_process(pid_file):
    with subprocess.Popen(["sleep", "600"]) as stranger:
        pid_file.write_text(f"{stranger.pid}\n")  # what a crash leaves, after the number was given to someone else
        assert daemon.running(pid_file) is None
        assert not daemon.stop(pid_file, grace_s=1)
        assert stranger.poll() is None
        stranger.kill()


def test_it_outlives_the_command_that_launched_it(pid_file):
    program = (
        "import sys; from pathlib import Path; from headrace.infra.local import daemon; file = Path(sys.argv[1]); "
        "daemon.launch(['sleep', '600'], pid_file=file, folder=file.parent, log_file=file.with_suffix('.log'))"
    )
    subprocess.run([sys.executable, "-c", program, str(pid_file)], check=True, timeout=60)
    assert daemon.running(pid_file) is not None


def test_two_are_never_launched_with_one_file(pid_file, monkeypatch):
    monkeypatch.setattr(daemon, "PROBES_LAST_AT_MOST_S", 0.1)
    pid = launch(pid_file, "sleep", "600")
    with pytest.raises(BlockingIOError):
        daemon.launch(
            ["sleep", "600"], pid_file=pid_file, folder=pid_file.parent, log_file=pid_file.with_suffix(".log")
        )
    assert daemon.running(pid_file) == pid


def test_a_command_that_ends_at_once_is_not_running(pid_file):
    daemon.launch(["false"], pid_file=pid_file, folder=pid_file.parent, log_file=pid_file.with_suffix(".log"))
    eventually(lambda: daemon.running(pid_file) is None)
