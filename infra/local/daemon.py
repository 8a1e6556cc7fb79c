"""A process that outlives the command which started it, and can be told from any other without trusting its number.

The process inherits an open file that is locked with flock, so the operating system drops the lock at the instant when
the process ends, however it ends. A held lock therefore means that it runs, and that the number written in that file is
still its own and not that of a stranger who got it later. (A child would share the lock; Kafka has none.)
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

POLL_INTERVAL_S = 0.05
LAUNCHED_WITHIN_S = 10.0
PROBES_LAST_AT_MOST_S = 5.0  # who asks whether it runs holds the lock for microseconds

# The outer shell leaves the process to init, so that no parent has to reap it; the inner one writes its own number, and
# becomes the command only when that went well (a disk may be full).
LAUNCH = """/bin/sh -c 'echo $$ > "$0" && exec "$@"' "$0" "$@" &"""


def launch(command: Sequence[str], *, pid_file: Path, folder: Path, log_file: Path) -> None:
    """Starts `command` in `folder`, in a session of its own, its output appended to `log_file`; files are private.

    `pid_file` must not belong to a running process.
    """
    descriptor = os.open(pid_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(descriptor)
        os.ftruncate(descriptor, 0)  # the number of an earlier process
        log_file.touch(mode=0o600)
        with log_file.open("ab") as log:
            subprocess.run(  # noqa: S603  the shell text is the constant above, the command comes as arguments
                ["/bin/sh", "-c", LAUNCH, str(pid_file), *command],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[descriptor],
                start_new_session=True,
                umask=0o077,
                check=True,
            )
    finally:
        os.close(descriptor)
    _wait_for_number(pid_file)


def running(pid_file: Path) -> int | None:
    """The number of the process launched with `pid_file`, while it runs; None also while it is being launched."""
    if not _is_held(pid_file):
        return None
    text = pid_file.read_text().strip()
    return int(text) if text.isdigit() else None


def stop(pid_file: Path, *, grace_s: float) -> bool:
    """Ends the process: SIGTERM, and SIGKILL when it still runs after `grace_s`. False when none ran."""
    stopped = False
    for number, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, grace_s)):
        pid = running(pid_file)
        if pid is None:
            return stopped
        os.kill(pid, number)
        stopped = True
        deadline_s = time.monotonic() + patience_s
        while running(pid_file) is not None and time.monotonic() < deadline_s:
            time.sleep(POLL_INTERVAL_S)
    return stopped


def _wait_for_number(pid_file: Path) -> None:
    """Returns when the launched process has written its number, or has ended before that."""
    deadline_s = time.monotonic() + LAUNCHED_WITHIN_S
    while _is_held(pid_file) and running(pid_file) is None and time.monotonic() < deadline_s:
        time.sleep(POLL_INTERVAL_S)


def _is_held(pid_file: Path) -> bool:
    try:
        descriptor = os.open(pid_file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _lock(descriptor: int) -> None:
    deadline_s = time.monotonic() + PROBES_LAST_AT_MOST_S
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline_s:
                raise
            time.sleep(POLL_INTERVAL_S)
