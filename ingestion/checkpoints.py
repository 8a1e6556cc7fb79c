"""Checkpoints of a log that is written directly, and the clean-up of the entries that they replace.

Both are done by a thread of their own, so that no commit waits: a checkpoint stands beside the entries under its final
name at once. It is the one before it with what was added since, or, where more has happened, deltalake makes it from a
handle of its own. A checkpoint that fails or is cut short costs nothing but the next reader's time, and the next one is
due at the next commit.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deltalake.exceptions import DeltaError

from headrace import locks
from headrace.errors import LockTimeout

from . import steps
from .grown_log import grown_log
from .log_folder import LAST_CHECKPOINT, LogFolder, sync
from .log_retention import LogFile, expired, interval_s
from .raw_table import one_line, open_delta

log = logging.getLogger(__name__)

INTERVAL = 100  # commits, where the table does not say
RETENTION_S = 30 * 86_400.0  # Delta's own, where the table does not say
SPANS = 2  # of the retention: of each, one checkpoint stays, so that the log begins no earlier than half of it before
SUPERSEDED_S = 600.0  # how long an older checkpoint stays: a reader may have looked up its name, and not opened it yet
RETRY_S = 1.0  # after a checkpoint that failed
LOCK_WAIT_S = 1.0  # for the clean-up; the next checkpoint comes soon


@dataclass(frozen=True)
class LogUpkeep:
    """What the properties of a table ask for: a checkpoint every `interval` commits, entries kept for `retention_s`."""

    interval: int
    retention_s: float | None  # None: they are kept for ever

    @classmethod
    def of(cls, properties: Mapping[str, str]) -> LogUpkeep:
        """Reads the properties; an interval of time that cannot be read keeps all entries."""
        cleans = properties.get("delta.enableExpiredLogCleanup", "true").lower() == "true"
        text = properties.get("delta.logRetentionDuration")
        retention_s = RETENTION_S if text is None else interval_s(text)
        return cls(int(properties.get("delta.checkpointInterval", INTERVAL)), retention_s if cleans else None)


class Checkpoints:
    """Keeps the log of one table short. `on_step` hears of a checkpoint while it is being written."""

    def __init__(
        self, table: Path, lock_file: Path, upkeep: LogUpkeep, *, durable: bool, on_step: steps.OnStep = steps.ignore
    ) -> None:
        self._table, self._lock_file, self._upkeep = table, lock_file, upkeep
        self._folder = LogFolder(table, durable=durable)
        self._durable, self._on_step = durable, on_step
        self._thread: threading.Thread | None = None
        self._not_before_s = 0.0

    def after(self, version: int, newest: int) -> None:
        """Starts a checkpoint if one is due after the commit of `version`, and none is being written.

        `newest` is the version of the newest checkpoint, -1 where there is none.
        """
        if version - newest < self._upkeep.interval or self.is_busy or time.monotonic() < self._not_before_s:
            return
        writing = threading.Event()
        self._thread = threading.Thread(target=self._make, args=(writing,), name=f"checkpoint of {self._table.name}")
        self._thread.start()
        if self._on_step is not steps.ignore:
            writing.wait()
            self._on_step(steps.DURING_CHECKPOINT)

    @property
    def is_busy(self) -> bool:
        """Whether one is being written."""
        return self._thread is not None and self._thread.is_alive()

    def wait(self) -> None:
        """Returns when none is being written."""
        if self._thread:
            self._thread.join()

    def _make(self, writing: threading.Event) -> None:
        try:
            grown = grown_log(self._folder)
            if grown:
                writing.set()
                file = grown.parquet()
                self._folder.put_checkpoint(grown.version, file, grown.hint(len(file)))
            else:
                self._make_by_deltalake(writing)
            self._clean()
        except (DeltaError, OSError) as err:
            self._not_before_s = time.monotonic() + RETRY_S
            log.warning("%s: no checkpoint was made, and no commit is missing: %s", self._table, one_line(err))
        except LockTimeout as err:
            log.info("%s: the log is cleaned up at the next checkpoint: %s", self._table, err)
        finally:
            writing.set()

    def _make_by_deltalake(self, writing: threading.Event) -> None:
        table = open_delta(self._table)
        writing.set()
        table.create_checkpoint()
        if self._durable:
            self._sync(table.version())

    def _sync(self, version: int) -> None:
        """Has the checkpoint on the disk before the entries go that it replaces."""
        sync(self._folder.checkpoint(version))
        sync(self._folder.folder / LAST_CHECKPOINT)
        sync(self._folder.folder)

    def _clean(self) -> None:
        """Removes what is past its time, with the table held alone: a commit that is under way has looked at it."""
        if self._upkeep.retention_s is None:
            return
        now_s, retention_s = time.time(), self._upkeep.retention_s
        names = expired(
            self._files(),
            before_s=now_s - retention_s,
            superseded_before_s=now_s - SUPERSEDED_S,
            span_s=max(1.0, retention_s / SPANS),
        )
        if names:
            with locks.exclusive(self._lock_file, wait_s=LOCK_WAIT_S, purpose="cleaning up the log"):
                for name in names:
                    (self._folder.folder / name).unlink(missing_ok=True)

    def _files(self) -> list[LogFile]:
        found = []
        with os.scandir(self._folder.folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # an entry that has just been given its name
                    found.append(LogFile(entry.name, entry.stat().st_mtime))
        return found
