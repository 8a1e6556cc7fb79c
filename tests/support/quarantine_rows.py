"""The three tables of a source, written attempt by attempt by deltalake, as cleaning and replays leave them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from deltalake import write_deltalake

from headrace.tables import SourceTables, source_tables

START_US = 1_357_035_300_000_000  # 2013-01-01T10:15:00Z
SECOND_US = 1_000_000

POSITION = [
    ("_topic_id", pa.string()),
    ("_generation", pa.int32()),
    ("_partition", pa.int32()),
    ("_offset", pa.int64()),
]
SCHEMA = pa.schema(
    [
        *POSITION,
        ("attempt", pa.int32()),
        ("outcome", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("arrived_at", pa.timestamp("us", "UTC")),
        ("key", pa.binary()),
        ("value", pa.binary()),
    ]
)


@dataclass(frozen=True)
class Attempt:
    """One row of the quarantine. It arrived as many seconds after `START_US` as its offset says."""

    offset: int
    attempt: int = 1
    outcome: str = "rejected"
    reason: str | None = "invalid_json"
    detail: str | None = "the value is not exactly one JSON document"
    value: bytes | None = b"{"
    key: bytes | None = b"key"


def write_tables(
    lake: Path,
    attempts: Iterable[Attempt],
    *,
    clean: Iterable[int] = (),
    duplicates: Iterable[int] = (),
    definition: str = "0123456789ab",
) -> SourceTables:
    """Writes them for the source `orders` of the pipeline `shop`; `clean` and `duplicates` are offsets."""
    tables = source_tables(lake, "shop", "orders", definition)
    rows = [_position(each.offset) | _attempt(each) for each in attempts]
    write_deltalake(tables.quarantine, pa.Table.from_pylist(rows, schema=SCHEMA), mode="append")
    for path, offsets in ((tables.clean, clean), (tables.duplicates, duplicates)):
        placed = [_position(offset) for offset in offsets]
        write_deltalake(path, pa.Table.from_pylist(placed, schema=pa.schema(POSITION)), mode="append")
    return tables


def _position(offset: int) -> dict[str, object]:
    return {"_topic_id": "topic-0", "_generation": 0, "_partition": 0, "_offset": offset}


def _attempt(each: Attempt) -> dict[str, object]:
    first = each.attempt == 1  # the bytes are in the first attempt only
    return {
        "attempt": each.attempt,
        "outcome": each.outcome,
        "reason": each.reason,
        "detail": each.detail,
        "arrived_at": START_US + each.offset * SECOND_US,
        "key": each.key if first else None,
        "value": each.value if first else None,
    }
