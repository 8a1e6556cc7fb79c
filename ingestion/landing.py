"""Landing into a raw table: rows and next positions in one Delta commit, exactly once.

The table's log says where to resume. Every commit goes through one pinned handle: the positions are compared on it
before a byte is written, and a commit from a handle that another lander has overtaken is refused, because both name the
same transaction id. An exception on commit proves nothing: the log is read again, and that decides.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa
from deltalake import CommitProperties, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction

from headrace import locks, tables
from headrace.errors import LandingConflict, MachineError

from . import steps
from .data_file import DataFile, write_data_file
from .raw_columns import RAW_SCHEMA, raw_rows
from .raw_table import RawTable, one_line

log = logging.getLogger(__name__)

COMMIT_ATTEMPTS = 5  # after a refusal that is not for a position, such as by an alteration of the table
DELTA_RETRIES = 50  # of the log entry, when another lander takes its number


@dataclass(frozen=True)
class Move:
    """From the position that the table is expected to have (None: none yet) to the one that it shall have."""

    expected: int | None
    position: int


class Landing:
    """Commits the records of one topic id. Not for use by two threads at once.

    Raises:
        ContractError, ForeignCluster, MachineError, LockTimeout: the table cannot be had; see `RawTable`.
    """

    def __init__(
        self, table: RawTable, topic_id: str, *, lock_wait_s: float = 600.0, on_step: steps.OnStep = steps.ignore
    ) -> None:
        self.topic, self.topic_id = table.topic, topic_id
        self._place, self._on_step = table, on_step
        table.create_if_missing(topic_id, lock_wait_s=lock_wait_s)
        self.generation = table.enter(topic_id, lock_wait_s=lock_wait_s)
        self._table = table.open()

    def positions(self, partitions: Iterable[int]) -> dict[int, int | None]:
        """The landed position of each partition, read anew from the log; None where nothing has been landed."""
        self._table = self._place.open()
        return self._versions(partitions)

    def commit(
        self,
        batches: Iterable[pa.RecordBatch],
        moves: Mapping[int, Move],
        *,
        lock_wait_s: float,
        now_ms: int | None = None,
    ) -> int:
        """Commits records (as `record_columns` makes them) and the positions after them, or positions alone.

        Returns how many rows were committed. `now_ms` is their `landed_at`, by default the wall clock.

        Raises:
            LandingConflict: another lander has moved one of these partitions; nothing was written. Drop what is
                buffered, read `positions` and seek to them.
            LockTimeout: someone held the table alone for `lock_wait_s`; nothing was written, try again.
            MachineError: the disk is full or broken; nothing was committed.
        """
        landed_at_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
        rows = raw_rows(batches, topic_id=self.topic_id, generation=self.generation, landed_at_ms=landed_at_ms)
        row_count = int(rows.num_rows)
        with locks.shared(self._place.lock_file, wait_s=lock_wait_s):
            self._compare(moves)
            file = self._write(rows) if row_count else None
            try:
                self._commit(file, moves, row_count)
            except (LandingConflict, MachineError):
                if file:
                    file.path.unlink(missing_ok=True)
                raise
        return row_count

    def _write(self, rows: pa.Table) -> DataFile:
        try:
            file = write_data_file(self._place.folder, rows)
        except OSError as err:
            raise self._place.write_error(err) from err
        self._on_step(steps.AFTER_DATA_FILE)
        return file

    def _commit(self, file: DataFile | None, moves: Mapping[int, Move], rows: int) -> None:
        """Writes the log entry; after an error the log itself says whether it is there."""
        for attempt in range(1, COMMIT_ATTEMPTS + 1):
            self._on_step(steps.BEFORE_LOG_ENTRY)
            try:
                self._append(file, moves, rows)
                self._table.update_incremental()
            except (DeltaError, OSError) as err:
                self._table = self._place.open()
                if self._is_done(file, moves):
                    log.warning("%s: a commit reported an error and had succeeded: %s", self.topic, one_line(err))
                    break
                self._compare(moves)
                if attempt == COMMIT_ATTEMPTS or not isinstance(err, CommitFailedError):
                    raise self._place.write_error(err) from err
                log.info("%s: a commit was refused, trying again: %s", self.topic, one_line(err))
            else:
                break
        self._on_step(steps.AFTER_LOG_ENTRY)

    def _append(self, file: DataFile | None, moves: Mapping[int, Move], rows: int) -> None:
        ordered = sorted(moves.items())
        ranges = {str(partition): [move.expected, move.position] for partition, move in ordered}
        self._table.create_write_transaction(
            [_add_action(file)] if file else [],
            mode="append",
            schema=Schema.from_arrow(RAW_SCHEMA),
            commit_properties=CommitProperties(
                custom_metadata={"headrace": {"topic_id": self.topic_id, "rows": rows, "positions": ranges}},
                max_commit_retries=DELTA_RETRIES,
                app_transactions=[
                    Transaction(tables.landing_application(self.topic_id, partition), move.position)
                    for partition, move in ordered
                ],
            ),
        )

    def _compare(self, moves: Mapping[int, Move]) -> None:
        for partition, found in self._versions(moves).items():
            expected = moves[partition].expected
            if found != expected:
                raise LandingConflict(self.topic, partition, expected, found)

    def _is_done(self, file: DataFile | None, moves: Mapping[int, Move]) -> bool:
        """Whether the log, read anew, holds this commit; positions cannot tell, as another lander may be ahead."""
        if file:
            return any(uri.endswith(file.path.name) for uri in self._table.file_uris())
        return self._versions(moves) == {partition: move.position for partition, move in moves.items()}

    def _versions(self, partitions: Iterable[int]) -> dict[int, int | None]:
        return {
            partition: self._table.transaction_version(tables.landing_application(self.topic_id, partition))
            for partition in partitions
        }


def _add_action(file: DataFile) -> AddAction:
    return AddAction(file.path.name, file.size_bytes, {}, file.modified_at_ms, True, file.statistics)
