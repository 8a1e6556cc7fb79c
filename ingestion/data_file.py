"""Data files: one Parquet file a commit, with the statistics that its log entry carries."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from io import FileIO
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
    "write_page_checksum": True,  # 2 % of the CPU; by it fsck finds a flipped bit
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
    encoded = _encoded(rows)
    try:
        with path.open("xb", buffering=0) as file:
            _write_all(file, _parquet(encoded, dictionary))
            if durable:
                os.fsync(file.fileno())
            status = os.fstat(file.fileno())
        if durable:
            sync(folder)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return DataFile(path, status.st_size, status.st_mtime_ns // 1_000_000, json.dumps(_statistics(encoded)))


def _parquet(rows: pa.Table, dictionary: Collection[str]) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, use_dictionary=list(dictionary), **_FORMAT)
    return sink.getvalue()


def _write_all(file: FileIO, data: pa.Buffer) -> None:
    """Writes to the end: an unbuffered file takes what there is room for, and 2 GiB at most."""
    left = memoryview(data)
    while left.nbytes:
        left = left[file.write(left) :]


def _encoded(rows: pa.Table) -> pa.Table:
    """The rows with their short texts as dictionaries, which are then written as they are."""
    for name in _SHORT_TEXTS:
        index = rows.column_names.index(name)
        rows = rows.set_column(index, name, _as_dictionary(rows.column(index)))
    return rows


def _as_dictionary(column: pa.ChunkedArray) -> pa.DictionaryArray:
    first = column[0]
    if first.is_valid and pc.all(pc.equal(column, first), skip_nulls=False).as_py():  # a fifth of the time
        indices = pa.repeat(pa.scalar(0, pa.int32()), len(column))
        return pa.DictionaryArray.from_arrays(indices, pa.array([first.as_py()], column.type))
    return column.combine_chunks().dictionary_encode()


def _statistics(rows: pa.Table) -> dict[str, Any]:
    """Of rows whose short texts are dictionaries."""
    columns = {name: rows.column(name) for name in STATISTICS_COLUMNS}
    bounds = {name: _bounds(column) for name, column in columns.items()}
    known = {name: bound for name, bound in bounds.items() if bound["min"] is not None}
    return {
        "numRecords": rows.num_rows,
        "minValues": {name: _plain(bound["min"]) for name, bound in known.items()},
        "maxValues": {name: _plain(bound["max"]) for name, bound in known.items()},
        "nullCount": {name: column.null_count for name, column in columns.items()},
    }


def _bounds(column: pa.ChunkedArray) -> dict[str, Any]:
    values = column.chunk(0).dictionary if pa.types.is_dictionary(column.type) else column
    return dict(pc.min_max(values).as_py())


def _plain(value: object) -> object:
    """A value as the Delta protocol writes it: instants to the millisecond, which is all that ours have."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value
