"""A log that is written directly: one entry a commit, put if absent, with nothing read but what is new.

It only appends, and only to tables whose every feature `table_features` knows. What it must know of a table are its
version and the transaction versions of the partitions that it lands. They are read once, at the opening, from the
newest checkpoint and the entries behind it, and from then on the entries of others are read as they come. deltalake is
asked where that is not to be had.
"""

from __future__ import annotations

import logging
import time

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from headrace.errors import ContractError

from .checkpoint_file import transactions_in
from .checkpoints import Checkpoints
from .log_entries import entry_text, read_entry
from .log_folder import LogFolder
from .table_log import Commit, StaleLog

log = logging.getLogger(__name__)

PRELOADED = 1_000  # entries at most that are read at the opening
PUT_ATTEMPTS = 50  # of one entry, each time that another writer takes its number


class DirectLog:
    """The log of `table`, an opened handle, as of its version."""

    def __init__(self, table: DeltaTable, folder: LogFolder, checkpoints: Checkpoints) -> None:
        self.version = int(table.version())
        self._table, self._folder, self._checkpoints = table, folder, checkpoints
        self._versions: dict[str, int | None] = {}
        self._knows_all = False  # an application id that is not among the versions has none
        self._read_versions()

    def refresh(self) -> None:
        """See `TableLog`."""
        while (text := self._folder.read(self.version + 1)) is not None:
            self._advance(text)
        self._check_end()

    def version_of(self, application: str) -> int | None:
        """See `TableLog`."""
        if application not in self._versions:
            if self._knows_all:
                return None
            try:
                found = self._table.transaction_version(application)
            except DeltaError as err:
                raise StaleLog(f"the log of version {self._table.version()} is gone: {err}") from err
            self._versions[application] = found
        return self._versions[application]

    def append(self, commit: Commit) -> None:
        """See `TableLog`."""
        text = entry_text(commit, at_ms=time.time_ns() // 1_000_000).encode()
        newest = self._check_end()
        for _ in range(PUT_ATTEMPTS):
            self._compare(commit)
            if self._put(text):
                self.version += 1
                self._versions |= {name: move.position for name, move in commit.moves.items()}
                self._checkpoints.after(self.version, newest)
                return
            self.refresh()
        raise StaleLog(f"{PUT_ATTEMPTS} entries of others came first, up to version {self.version}")

    def wait_for_checkpoint(self) -> None:
        """Returns when no checkpoint is being written."""
        self._checkpoints.wait()

    def _put(self, text: bytes) -> bool:
        """Puts the next entry; where the disk reports an error, the entry itself says whether it is there."""
        try:
            return self._folder.put(self.version + 1, text) or self._folder.read(self.version + 1) == text
        except OSError as err:
            if self._folder.read(self.version + 1) != text:
                raise
            log.warning("the disk reported an error, and the entry %s is there: %s", self.version + 1, err)
            return True

    def _advance(self, text: bytes) -> None:
        """Takes in the next entry of another writer."""
        path = self._folder.entry(self.version + 1)
        try:
            entry = read_entry(text)
        except (ValueError, KeyError, TypeError) as err:
            raise ContractError(f"the log entry {path} is damaged: {err}") from err
        if entry.alters_table:
            raise StaleLog(f"{path} alters the table")
        self._versions |= entry.transactions
        self.version += 1

    def _read_versions(self) -> None:
        """Takes the versions that the newest checkpoint and the entries behind it set."""
        newest = self._folder.checkpoint_version()
        is_near = self.version - newest <= PRELOADED  # else entries between them are not read
        before = self._versions_in(newest) if is_near else None
        since = self._versions_since(newest)
        if since is not None:
            self._versions = (before or {}) | since
            self._knows_all = before is not None

    def _versions_in(self, checkpoint: int) -> dict[str, int | None] | None:
        """None where the file cannot be read, or is of a version that the handle has not seen."""
        if checkpoint > self.version:
            return None
        try:
            return dict(transactions_in(self._folder.checkpoint(checkpoint))) if checkpoint >= 0 else {}
        except (OSError, ValueError, KeyError):
            return None

    def _versions_since(self, checkpoint: int) -> dict[str, int | None] | None:
        """Of the newest entries; None where one was cleaned up meanwhile, or is not to be understood."""
        found: dict[str, int | None] = {}
        for version in range(max(0, checkpoint + 1, self.version - PRELOADED), self.version + 1):
            text = self._folder.read(version)
            try:
                found |= read_entry(text).transactions if text is not None else {}
            except (ValueError, KeyError, TypeError):
                text = None
            if text is None:
                return None
        return found

    def _compare(self, commit: Commit) -> None:
        for name, move in commit.moves.items():
            if self.version_of(name) != move.expected:
                raise StaleLog(f"another writer has moved {name}")

    def _check_end(self) -> int:
        """Makes sure that no later entry has been there and was cleaned up, so that the next number is really free.

        Returns the version of the newest checkpoint, -1 where there is none.

        Entries go only once a checkpoint has them, the oldest first. So the last one that was read must still be there,
        or be that of the newest checkpoint, and no checkpoint may be ahead.
        """
        newest = self._folder.checkpoint_version()
        is_ahead = newest > self.version and not self._folder.has(self.version + 1)
        if is_ahead or (newest != self.version and not self._folder.has(self.version)):
            raise StaleLog(f"entries after version {self.version} were cleaned up")
        return newest
