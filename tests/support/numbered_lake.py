"""A lake with rebuilds of the shop's orders as cleaning has left them, written by deltalake: positions, no values."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
from deltalake import write_deltalake

from headrace.rebuilds import Standing, write_standing
from headrace.tables import SourceTables, source_tables

from .raw_lake import Record, append_raw
from .shop import order, shop

POSITION = {"_topic_id": pa.string(), "_generation": pa.int32(), "_partition": pa.int32(), "_offset": pa.int64()}
ATTEMPT = {**POSITION, "attempt": pa.int32(), "outcome": pa.string()}
DUPLICATE = {**POSITION, **{f"winner{name}": kind for name, kind in POSITION.items()}}


def land_orders(lake: Path, offsets: Iterable[int]) -> None:
    """Appends orders to raw at these offsets of partition 0, in one commit."""
    append_raw(lake, "orders", [Record(order(offset), offset) for offset in offsets])


def present_tables(lake: Path) -> SourceTables:
    """The present tables of the shop's orders."""
    return source_tables(lake, "shop", "orders", shop().definition("orders"))


def write_rebuild(lake: Path, number: int, clean: Iterable[int]) -> SourceTables:
    """Writes the three tables of one rebuild; its clean table has these offsets."""
    tables = present_tables(lake).numbered(number)
    rows = [{"_topic_id": "topic-0", "_generation": 0, "_partition": 0, "_offset": offset} for offset in clean]
    for folder, kinds, found in (
        (tables.quarantine, ATTEMPT, []),
        (tables.duplicates, DUPLICATE, []),
        (tables.clean, POSITION, rows),
    ):
        write_deltalake(folder, pa.Table.from_pylist(found, schema=pa.schema(kinds)), mode="append")
    return tables


def stand(tables: SourceTables, present: int, since_us: int = 0) -> None:
    """Says which rebuild is present."""
    write_standing(tables.rebuilds, tables.definition, Standing(present, since_us))
