"""Data files: one Parquet file a commit, with the statistics that its log entry carries."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .column_encodings import ALWAYS
from .log_folder import sync
from .raw_columns import STATISTICS_COLUMNS

# Of real events (JSON of 220 bytes) zstd at level 1 takes the CPU of lz4 and of snappy, and half their bytes. The other
# columns take no room worth compressing: they are constant, or grow evenly.
_PAYLOAD = ("key", "value", "headers.list.element.key", "headers.list.element.value")
_SHORT_TEXTS = ("_topic_id", "timestamp_type")
_FORMAT: dict[str, Any] = {
    "compression": dict.fromkeys(_PAYLOAD, "zstd"),
    "compression_level": dict.fromkeys(_PAYLOAD, 1),
    "column_encoding": {"_offset": "DELTA_BINARY_PACKED", "timestamp": "DELTA_BINARY_PACKED"},
    "write_statistics": False,  # a file is one row group, and the log has its statistics
    "store_schema": False,
}


@dataclass(frozen=True)
class DataFile:
    """A Parquet file in a table's folder that no commit names yet."""

    path: Path
    size_bytes: int
    modified_at_ms: int
    statistics: str  # JSON of the Delta protocol


def write_data_file(
    folder: Path, rows: pa.Table, *, dictionary: Collection[str] = ALWAYS, durable: bool = True
) -> DataFile:
    """Writes `rows` as a new file in `folder` and, with `durable`, has it on the disk before it returns.

    `dictionary` are the columns to encode so; see `ColumnEncodings`.

    Raises:
        OSError: it could not be written; nothing of it is left.
    """
    path = folder / f"part-{uuid.uuid4()}.zstd.parquet"
    try:
        with pa.OSFile(str(path), "wb") as file:
            pq.write_table(_encoded(rows), file, use_dictionary=list(dictionary), **_FORMAT)
        if durable:
            sync(path)
            sync(folder)
        status = path.stat()
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return DataFile(path, status.st_size, status.st_mtime_ns // 1_000_000, json.dumps(_statistics(rows)))


def _encoded(rows: pa.Table) -> pa.Table:
    """The rows with their short texts as dictionaries, which are then written as they are."""
    for name in _SHORT_TEXTS:
        index = rows.column_names.index(name)
        rows = rows.set_column(index, name, rows.column(index).combine_chunks().dictionary_encode())
    return rows


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
