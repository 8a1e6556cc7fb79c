"""Locks beside local tables, so that two engines never commit to one Delta log at once.

On a local disk Spark's Delta log store serialises writers inside one JVM only; deltalake writers are safe among
themselves. So deltalake processes share a table's lock for each commit, and Spark, or whoever alters a table, holds it
alone. The operating system drops a lock with its process, so a crash leaves none behind.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import LockTimeout

POLL_INTERVAL_S = 0.05


@contextmanager
def shared(lock_file: Path, *, wait_s: float) -> Iterator[None]:
    """Holds `lock_file` beside other sharers.

    Raises:
        LockTimeout: someone held it alone for `wait_s` seconds; the message names the holder.
    """
    with _held(lock_file, fcntl.LOCK_SH, wait_s):
        yield


@contextmanager
def exclusive(lock_file: Path, *, wait_s: float, purpose: str) -> Iterator[None]:
    """Holds `lock_file` alone, and writes into it who holds it and for what `purpose`.

    Raises:
        LockTimeout: others held it for `wait_s` seconds; the message names the last known holder.
    """
    with _held(lock_file, fcntl.LOCK_EX, wait_s) as descriptor:
        holder = json.dumps({"pid": os.getpid(), "purpose": purpose, "since": time.strftime("%FT%TZ", time.gmtime())})
        os.ftruncate(descriptor, 0)
        with suppress(OSError):  # the note is a courtesy: a full disk keeps nobody from a lock
            os.pwrite(descriptor, holder.encode(), 0)
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)


@contextmanager
def _held(lock_file: Path, mode: int, wait_s: float) -> Iterator[int]:
    descriptor = _opened(lock_file)
    try:
        deadline = time.monotonic() + wait_s
        while not _try(descriptor, mode):
            if time.monotonic() >= deadline:
                raise LockTimeout(
                    f"waited {wait_s:g} s for {lock_file}, which is held by {_holder(descriptor)}. "
                    "Wait for it to finish, or stop it; the setting lock_wait_s says how long to wait"
                )
            time.sleep(POLL_INTERVAL_S)
        yield descriptor
    finally:
        os.close(descriptor)


def _opened(lock_file: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(lock_file, flags, 0o600)
    except FileNotFoundError:
        lock_file.parent.mkdir(parents=True, exist_ok=True)
        return os.open(lock_file, flags, 0o600)


def _try(descriptor: int, mode: int) -> bool:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except OSError as err:
        if err.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True


def _holder(descriptor: int) -> str:
    text = os.pread(descriptor, 4096, 0).decode(errors="replace")
    try:
        found = json.loads(text)
        return f"process {found['pid']} ({found['purpose']}, since {found['since']})"
    except (ValueError, KeyError, TypeError):
        return "another process"
