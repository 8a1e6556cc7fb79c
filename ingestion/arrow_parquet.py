"""A raw table's rows as a Parquet file by Arrow's writer: the way where numba, and so `raw_parquet`, cannot be had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .encoded_rows import Bounds, PayloadEncoding, RawParquet
from .raw_columns import STATISTICS_COLUMNS

_FEW_VALUES = ("_topic_id", "_generation", "_partition", "timestamp_type", "leader_epoch", "landed_at")
_PAYLOAD = ("key", "value", "headers.list.element.key", "headers.list.element.value")
_FORMAT: dict[str, Any] = {
    "compression": dict.fromkeys(_PAYLOAD, "zstd"),
    "compression_level": dict.fromkeys(_PAYLOAD, 1),
    "column_encoding": {"_offset": "DELTA_BINARY_PACKED", "timestamp": "DELTA_BINARY_PACKED"},
    "write_statistics": False,  # a file is one row group, and the log has its statistics
    "write_page_checksum": True,  # by it fsck finds a flipped bit
    "store_schema": False,
}


def arrow_parquet(rows: pa.Table, payload: Mapping[str, PayloadEncoding]) -> RawParquet:
    """The file of rows of `RAW_SCHEMA`, at least one; `payload` says which of key and value get a dictionary."""
    sink = pa.BufferOutputStream()
    dictionary = [name for name, encoding in payload.items() if encoding.has_dictionary]
    pq.write_table(rows, sink, use_dictionary=[*_FEW_VALUES, *dictionary], **_FORMAT)
    return RawParquet([sink.getvalue().to_pybytes()], {name: _bounds(rows.column(name)) for name in STATISTICS_COLUMNS})


def _bounds(column: pa.ChunkedArray) -> Bounds:
    """Instants as the integers that are stored."""
    values = column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
    found = pc.min_max(values).as_py()
    return Bounds(found["min"], found["max"], column.null_count)
