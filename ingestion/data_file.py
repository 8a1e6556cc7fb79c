"""Data files: one Parquet file a commit, with the statistics that its log entry carries."""

from __future__ import annotations

import functools
import json
import logging
import os
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from .encoded_rows import Bounds, PayloadEncoding, RawParquet
from .log_folder import sync
from .page_compression import Content
from .raw_columns import RAW_SCHEMA

log = logging.getLogger(__name__)

MOST_PARTS = 1024  # IOV_MAX of Linux
_INSTANTS = {field.name for field in RAW_SCHEMA if pa.types.is_timestamp(field.type)}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class DataFile:
    """A Parquet file in a table's folder that no commit names yet."""

    path: Path
    size_bytes: int
    modified_at_ms: int
    statistics: str  # JSON of the Delta protocol


def write_data_file(
    folder: Path, rows: pa.Table, *, payload: Mapping[str, PayloadEncoding] | None = None, durable: bool = True
) -> DataFile:
    """Writes `rows` as a new file in `folder` and, with `durable`, has it on the disk before it returns.

    `rows` are of `RAW_SCHEMA`, at least one. `payload` says how key and value are written; see `ColumnEncodings`.

    Raises:
        OSError: it could not be written; nothing of it is left.
    """
    path = folder / f"part-{uuid.uuid4()}.zstd.parquet"
    parquet = _encoder()(rows, payload or {})
    try:
        with path.open("xb", buffering=0) as file:
            write_all(file.fileno(), parquet.parts)
            if durable:
                os.fsync(file.fileno())
            status = os.fstat(file.fileno())
        if durable:
            sync(folder)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    statistics = json.dumps(_statistics(rows.num_rows, parquet.bounds))
    return DataFile(path, status.st_size, status.st_mtime_ns // 1_000_000, statistics)


@functools.cache
def _encoder() -> Callable[[pa.Table, Mapping[str, PayloadEncoding]], RawParquet]:
    """Ours, which is compiled; where numba cannot be had, Arrow's. Loaded with the first file."""
    try:
        from .raw_parquet import raw_parquet
    except ImportError as err:
        from .arrow_parquet import arrow_parquet

        log.warning("data files are written by Arrow, at half again the CPU: %s", err)
        return arrow_parquet
    return raw_parquet


def write_all(file: int, parts: Iterable[Content]) -> None:
    """Writes all parts, one behind the other: one call takes so many, what there is room for, and 2 GiB at most."""
    left = deque(memoryview(part) for part in parts if len(part))
    while left:
        written = os.writev(file, list(islice(left, MOST_PARTS)))
        while left and written >= left[0].nbytes:
            written -= left.popleft().nbytes
        if written:
            left[0] = left[0][written:]


def _statistics(rows: int, bounds: Mapping[str, Bounds]) -> dict[str, Any]:
    least = {name: _plain(name, each.least) for name, each in bounds.items()}
    greatest = {name: _plain(name, each.greatest) for name, each in bounds.items()}
    known = [name for name in bounds if least[name] is not None and greatest[name] is not None]
    return {
        "numRecords": rows,
        "minValues": {name: least[name] for name in known},
        "maxValues": {name: greatest[name] for name in known},
        "nullCount": {name: each.nulls for name, each in bounds.items()},
    }


def _plain(name: str, value: int | str | None) -> int | str | None:
    """A value as the Delta protocol writes it: instants to the millisecond, which is all that ours have.

    None for an instant outside the years 1 to 9999, which a producer can send and no engine reads back as a text.
    """
    if value is None or name not in _INSTANTS:
        return value
    try:
        instant = _EPOCH + timedelta(microseconds=int(value))
    except OverflowError:
        return None
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
