"""Data files: one Parquet file a commit, with the statistics that its log entry carries."""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .raw_columns import STATISTICS_COLUMNS


@dataclass(frozen=True)
class DataFile:
    """A Parquet file in a table's folder that no commit names yet."""

    path: Path
    size_bytes: int
    modified_at_ms: int
    statistics: str  # JSON of the Delta protocol


def write_data_file(folder: Path, rows: pa.Table) -> DataFile:
    """Writes `rows` as a new file in `folder` and has it on the disk before it returns.

    The log entry is not synced by anyone; a data file that is, cannot be missing when its entry survives a power cut.

    Raises:
        OSError: it could not be written; nothing of it is left.
    """
    path = folder / f"part-{uuid.uuid4()}.zstd.parquet"
    try:
        with path.open("xb") as file:
            pq.write_table(
                rows,
                file,
                compression="zstd",
                use_dictionary=[
                    "_topic_id",
                    "timestamp_type",
                ],  # payloads are nearly unique: a dictionary costs 2.4 times the CPU
                write_statistics=list(STATISTICS_COLUMNS),
                store_schema=False,
            )
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise
    status = path.stat()
    return DataFile(path, status.st_size, status.st_mtime_ns // 1_000_000, json.dumps(_statistics(rows)))


def _statistics(rows: pa.Table) -> dict[str, Any]:
    columns = {name: rows.column(name) for name in STATISTICS_COLUMNS}
    bounds = {name: pc.min_max(column).as_py() for name, column in columns.items()}
    known = {name: bound for name, bound in bounds.items() if bound["min"] is not None}
    return {
        "numRecords": rows.num_rows,
        "minValues": {name: _plain(bound["min"]) for name, bound in known.items()},
        "maxValues": {name: _plain(bound["max"]) for name, bound in known.items()},
        "nullCount": {name: column.null_count for name, column in columns.items()},
    }


def _plain(value: object) -> object:
    """A value as the Delta protocol writes it: instants to the millisecond, which is all that ours have."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value
