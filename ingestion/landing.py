"""Landing into a raw table: rows and next positions in one Delta commit, exactly once.

The table's log says where to resume. Every commit goes through one state of the log: the positions are compared on it
before a byte is written, and a commit from a state that another lander has overtaken is refused, because both name the
same transaction id. An exception on commit proves nothing: the log is read again, and that decides.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from headrace import locks, tables
from headrace.errors import ContractError, LandingConflict, MachineError
from headrace.gaps import Gap

from . import steps
from .checkpoints import Checkpoints, LogUpkeep
from .column_encodings import ColumnEncodings
from .commit_summary import CommitSummary
from .data_file import DataFile, write_data_file
from .deltalake_log import DeltalakeLog
from .direct_log import DirectLog
from .gaps import gaps_of
from .log_folder import LogFolder
from .positions import Move
from .raw_columns import raw_rows
from .raw_table import RawTable, one_line
from .table_features import TableShape
from .table_log import Commit, StaleLog, TableLog

log = logging.getLogger(__name__)

COMMIT_ATTEMPTS = 5  # after a refusal that is not for a position, such as by an alteration of the table


class Landing:
    """Commits the records of one topic id. Not for use by two threads at once.

    With `durable`, a commit is on the disk before it counts: a power cut takes back nothing. Without it the last ones
    may be lost; their rows and positions go together, so they are landed again while Kafka still holds them.

    Raises:
        ContractError, ForeignCluster, MachineError, LockTimeout: the table cannot be had; see `RawTable`.
    """

    def __init__(
        self,
        table: RawTable,
        topic_id: str,
        *,
        lock_wait_s: float = 600.0,
        durable: bool = True,
        on_step: steps.OnStep = steps.ignore,
    ) -> None:
        self.topic, self.topic_id = table.topic, topic_id
        self._place, self._durable, self._on_step = table, durable, on_step
        self._encodings = ColumnEncodings()
        self._foreign: list[str] = []  # what keeps us from writing the log, as last told
        table.create_if_missing(topic_id, lock_wait_s=lock_wait_s)
        self.generation = table.enter(topic_id, lock_wait_s=lock_wait_s)
        self._log = self._log_of(table.open())

    def positions(self, partitions: Iterable[int]) -> dict[int, int | None]:
        """The landed position of each partition, with all that others have landed until now; None where nothing is.

        Raises:
            ContractError: the log is damaged, or the table has been altered into another one.
        """
        try:
            self._log.refresh()
        except StaleLog:
            self._log = self._log_of(self._place.open())
        return self._versions(partitions)

    def gaps(self) -> tuple[Gap, ...]:
        """The ranges that somebody has accepted as not landed, read anew."""
        return gaps_of(self._place.open(), self.topic_id)

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
            ContractError: someone altered or damaged the table.
        """
        landed_at_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
        rows = raw_rows(batches, topic_id=self.topic_id, generation=self.generation, landed_at_ms=landed_at_ms)
        notes = self._notes(rows, moves)
        with locks.shared(self._place.lock_file, wait_s=lock_wait_s):
            self._compare(moves)
            file = self._write(rows) if rows.num_rows else None
            named = {self._application(partition): move for partition, move in sorted(moves.items())}
            try:
                self._append(Commit(file, named, notes), moves)
            except (LandingConflict, MachineError):
                if file:
                    file.path.unlink(missing_ok=True)
                raise
        return int(rows.num_rows)

    def wait_for_checkpoint(self) -> None:
        """Returns when no checkpoint is being written."""
        if isinstance(self._log, DirectLog):
            self._log.wait_for_checkpoint()

    def _log_of(self, table: DeltaTable) -> TableLog:
        """The way into the log of an opened table: our own, unless it has something that we do not know."""
        folder = LogFolder(self._place.folder, durable=self._durable)
        unknown = TableShape.of(table).unknown()
        if unknown != self._foreign:
            log.warning("%s: commits go through deltalake, because the table has %s", self.topic, ", ".join(unknown))
        self._foreign = unknown
        if unknown:
            return DeltalakeLog(table, folder)
        upkeep = LogUpkeep.of(table.metadata().configuration)
        return DirectLog(
            table,
            folder,
            Checkpoints(
                self._place.folder, self._place.lock_file, upkeep, durable=self._durable, on_step=self._on_step
            ),
        )

    def _notes(self, rows: pa.Table, moves: Mapping[int, Move]) -> dict[str, object]:
        ranges = {str(partition): [move.expected, move.position] for partition, move in sorted(moves.items())}
        return {"topic_id": self.topic_id, "positions": ranges, **CommitSummary.of(rows).notes()}

    def _write(self, rows: pa.Table) -> DataFile:
        self._encodings.observe(rows)
        try:
            file = write_data_file(self._place.folder, rows, payload=self._encodings.payload(), durable=self._durable)
        except OSError as err:
            raise self._place.write_error(err) from err
        self._on_step(steps.AFTER_DATA_FILE)
        return file

    def _append(self, commit: Commit, moves: Mapping[int, Move]) -> None:
        """Writes the log entry; after an error the log itself says whether it is there."""
        for attempt in range(1, COMMIT_ATTEMPTS + 1):
            self._on_step(steps.BEFORE_LOG_ENTRY)
            try:
                self._log.append(commit)
            except (StaleLog, DeltaError, OSError) as err:
                table = self._place.open()
                self._log = self._log_of(table)
                in_doubt = commit.file is not None or not isinstance(err, StaleLog)
                if in_doubt and self._is_done(table, commit, moves):
                    log.warning("%s: a commit reported an error and had succeeded: %s", self.topic, one_line(err))
                    break
                self._compare(moves)
                if not isinstance(err, StaleLog):
                    raise self._place.write_error(err) from err
                if attempt == COMMIT_ATTEMPTS:
                    raise MachineError(f"{self._place.folder}: a commit was refused {attempt} times: {err}") from err
                log.info("%s: a commit was refused, trying again: %s", self.topic, one_line(err))
            else:
                break
        self._on_step(steps.AFTER_LOG_ENTRY)

    def _compare(self, moves: Mapping[int, Move]) -> None:
        for partition, found in self._versions(moves).items():
            expected = moves[partition].expected
            if found != expected:
                raise LandingConflict(self.topic, partition, expected, found)

    def _is_done(self, table: DeltaTable, commit: Commit, moves: Mapping[int, Move]) -> bool:
        """Whether the log, read anew, holds this commit. Of rows their file tells, as another lander may be ahead.

        Of positions alone only they can tell, so nobody asks after a refusal, when another lander may have set them.
        """
        if commit.file:
            return any(uri.endswith(commit.file.path.name) for uri in table.file_uris())
        return self._versions(moves) == {partition: move.position for partition, move in moves.items()}

    def _versions(self, partitions: Iterable[int]) -> dict[int, int | None]:
        wanted = list(partitions)
        try:
            return {partition: self._log.version_of(self._application(partition)) for partition in wanted}
        except StaleLog:
            self._log = self._log_of(self._place.open())
        try:
            return {partition: self._log.version_of(self._application(partition)) for partition in wanted}
        except StaleLog as err:
            raise ContractError(f"{self._place.folder} cannot be read as a Delta table: {one_line(err)}") from err

    def _application(self, partition: int) -> str:
        return tables.landing_application(self.topic_id, partition)
