"""Compaction: the many small files of a table become few large ones. Its rows, positions and versions stay.

A compaction is a commit that changes no data, so append-only tables take it, streams pass over it, and readers of
earlier versions still find their files until a vacuum. Raw is compacted beside the landers: their commits only add,
which no compaction minds, and deltalake's writers are safe among themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from deltalake import ColumnProperties, CommitProperties, DeltaTable, WriterProperties
from deltalake.exceptions import CommitFailedError, DeltaError

from . import locks
from .errors import ContractError, MachineError, UsageError
from .lake import open_table
from .lake_tables import RAW, LakeTable

DELTA_RETRIES = 50  # of the log entry, when a lander takes its number
ATTEMPTS = 5  # when another commit has changed what this one read, such as the properties of the table
TARGET_MB = 128

NOT_COMPACTED = {
    "pushed": "of two pushes with all clocks alike the one of the later file holds, and one file has no order",
    "rows": "its newest commit says what the rows were made from, and a build writes them anew in few files",
    "tables": "it belongs to whoever makes it",
}


@dataclass(frozen=True)
class Compacted:
    """What a compaction did: files that went and files that came (both 0 where there was nothing to do)."""

    table: LakeTable
    version: int
    removed: int
    added: int


def compact(table: LakeTable, *, target_mb: int = TARGET_MB, lock_wait_s: float) -> Compacted:
    """Puts files of a table together up to `target_mb` each, in the order of their rows.

    Raises:
        UsageError: a table of this kind is not compacted; the message says why.
        ContractError: it cannot be read.
        MachineError: it cannot be written, such as on a full disk; it is as it was.
        LockTimeout: someone else held the table, or compacts it.
    """
    if why := NOT_COMPACTED.get(table.kind):
        raise UsageError(f"{table.name} is not compacted: {why}")
    with _lock(table, lock_wait_s):
        for attempt in range(1, ATTEMPTS + 1):
            handle = open_table(table.folder, made_by="Its job")
            try:
                return _compact(table, handle, target_mb)
            except CommitFailedError as err:
                if attempt == ATTEMPTS:
                    raise ContractError(f"{table.folder} is altered faster than it can be compacted: {err}") from err
            except (DeltaError, OSError) as err:
                raise MachineError(
                    f"{table.folder} cannot be compacted: {' '.join(str(err).split())[:300]}. It is as it was"
                ) from err
    raise AssertionError("unreachable")


def _compact(table: LakeTable, handle: DeltaTable, target_mb: int) -> Compacted:
    done = handle.optimize.compact(
        target_size=target_mb << 20,
        max_concurrent_tasks=1,
        writer_properties=_writer(table),
        commit_properties=CommitProperties(max_commit_retries=DELTA_RETRIES),
    )
    return Compacted(table, handle.version(), int(done["numFilesRemoved"]), int(done["numFilesAdded"]))


def _writer(table: LakeTable) -> WriterProperties:
    """As the lander writes: payloads are nearly unique, and a dictionary costs 2.4 times the CPU."""
    if table.kind != RAW:
        return WriterProperties(compression="ZSTD")
    same_for_all = {name: ColumnProperties(dictionary_enabled=True) for name in ("_topic_id", "timestamp_type")}
    return WriterProperties(
        compression="ZSTD",
        default_column_properties=ColumnProperties(dictionary_enabled=False),
        column_properties=same_for_all,
    )


@contextmanager
def _lock(table: LakeTable, wait_s: float) -> Iterator[None]:
    """One compaction a table; of raw beside the landers, of what Spark writes alone."""
    of_compaction = table.lock_file.with_name(f"{table.lock_file.name.removesuffix('.lock')}.compaction.lock")
    purpose = f"compaction of {table.name}"
    with locks.exclusive(of_compaction, wait_s=wait_s, purpose=purpose):
        shared = table.kind == RAW
        with (
            locks.shared(table.lock_file, wait_s=wait_s)
            if shared
            else locks.exclusive(table.lock_file, wait_s=wait_s, purpose=purpose)
        ):
            yield
