"""Appending pushed rows to the lake, beside the rows that were built."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError

from headrace import locks
from headrace.errors import MachineError
from headrace.tables import GroupTables

from .group_rows import arrow_schema

# Manifests pin versions of this table, so neither its log nor its files go early. Pushes may be small and many.
PROPERTIES = {
    "delta.appendOnly": "true",
    "delta.logRetentionDuration": "interval 365 days",
    "delta.deletedFileRetentionDuration": "interval 30 days",
    "delta.checkpointInterval": "100",
}


def append_pushed(tables: GroupTables, columns: Mapping[str, str], rows: pa.Table, *, lock_wait_s: float) -> None:
    """Appends `rows` (`columns`: name to type, in order) in one commit; makes the table on the first push.

    Raises:
        LockTimeout: the table was held alone for `lock_wait_s` seconds.
        MachineError: it cannot be written.
    """
    path = str(tables.pushed)
    try:
        if not DeltaTable.is_deltatable(path):
            with locks.exclusive(tables.pushed_lock, wait_s=lock_wait_s, purpose="creating the table of pushed rows"):
                if not DeltaTable.is_deltatable(path):
                    DeltaTable.create(path, arrow_schema(columns), configuration=PROPERTIES)
        with locks.shared(tables.pushed_lock, wait_s=lock_wait_s):
            write_deltalake(path, rows.cast(arrow_schema(columns)), mode="append")
    except (DeltaError, OSError) as err:
        raise MachineError(f"{tables.pushed} cannot be written: {err}. Nothing of this push was stored there") from err
