"""Locks, between real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headrace import locks
from headrace.errors import LockTimeout

HOLDER = """
import sys
from pathlib import Path
from headrace import locks

file, mode = Path(sys.argv[1]), sys.argv[2]
held = locks.shared(file, wait_s=5) if mode == "shared" else locks.exclusive(file, wait_s=5, purpose="clean of flights")
with held:
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process_holds(file: Path, mode: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(file), mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.stdin.close()


@contextmanager
def held_here(file: Path, mode: str, wait_s: float) -> Iterator[None]:
    lock = locks.shared(file, wait_s=wait_s) if mode == "shared" else locks.exclusive(file, wait_s=wait_s, purpose="us")
    with lock:
        yield


@pytest.mark.parametrize(
    ("theirs", "ours"), [("exclusive", "exclusive"), ("exclusive", "shared"), ("shared", "exclusive")]
)
def test_who_holds_a_lock_alone_keeps_all_others_out(tmp_path, theirs, ours):
    file = tmp_path / ".flights.lock"
    with another_process_holds(file, theirs), pytest.raises(LockTimeout), held_here(file, ours, wait_s=0.2):
        pass


def test_sharers_hold_a_lock_together(tmp_path):
    file = tmp_path / ".flights.lock"
    others = another_process_holds(file, "shared"), another_process_holds(file, "shared")
    with others[0], others[1], held_here(file, "shared", wait_s=0.2):
        pass


def test_who_waited_too_long_is_told_the_holder_and_the_setting(tmp_path):
    file = tmp_path / ".flights.lock"
    with (
        another_process_holds(file, "exclusive") as holder,
        pytest.raises(LockTimeout) as raised,
        held_here(file, "exclusive", wait_s=0.1),
    ):
        pass
    message = str(raised.value)
    assert message.startswith(
        f"waited 0.1 s for {file}, which is held by process {holder.pid} (clean of flights, since 20"
    )
    assert "lock_wait_s" in message


def test_a_lock_that_is_given_up_can_be_had_within_the_wait(tmp_path):
    file = tmp_path / ".flights.lock"
    with another_process_holds(file, "exclusive") as holder:
        holder.stdin.close()
        with held_here(file, "exclusive", wait_s=30.0):
            assert f'"pid": {os.getpid()}' in file.read_text()


def test_a_holder_that_is_killed_frees_its_lock(tmp_path):
    file = tmp_path / ".flights.lock"
    with another_process_holds(file, "exclusive") as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with held_here(file, "exclusive", wait_s=0.0):
            pass


def test_the_lock_file_names_nobody_once_it_is_free(tmp_path):
    file = tmp_path / "not yet there" / ".flights.lock"
    with held_here(file, "exclusive", wait_s=0.0):
        pass
    assert file.read_text() == ""


def test_one_process_can_hold_the_locks_of_two_tables(tmp_path):
    with (
        held_here(tmp_path / "a.lock", "exclusive", wait_s=0.0),
        held_here(tmp_path / "b.lock", "exclusive", wait_s=0.0),
    ):
        pass


def test_an_error_inside_frees_the_lock(tmp_path):
    file = tmp_path / ".flights.lock"
    with pytest.raises(ZeroDivisionError), held_here(file, "exclusive", wait_s=0.0):
        raise ZeroDivisionError
    with another_process_holds(file, "exclusive"):
        pass
