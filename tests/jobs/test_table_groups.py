"""Feature groups over reference tables: a changed row corrects what it said before, at the same instant."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from support.event_lake import read_rows_us

from headrace.features.spec import group_spec
from headrace.jobs.feature_table import FeatureBuilder
from headrace.jobs.table_source import TableCleaner
from headrace.pipeline import Pipeline
from headrace.tables import group_tables, source_tables

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
MINUTE_US = 60_000_000
NOON_US = int(NOON.timestamp()) * 1_000_000
COLUMNS = {"item": {"type": "string"}, "shop": {"type": "string"}, "price": {"type": "double"}}
PIPELINE = Pipeline(
    pipeline="mall",
    sources={
        "items": {"table": "items", "event_id": ["item"], "columns": COLUMNS},
        "offers": {
            "table": "offers",
            "event_id": ["item"],
            "event_at": "offered_at",
            "columns": COLUMNS | {"offered_at": {"type": "timestamp"}},
        },
    },
    entities={"item": {"keys": ["item"]}, "shop": {"keys": ["shop"]}},
    features={
        "item_facts": {"entity": "item", "source": "items", "latest": ["price"]},
        "shop_offers": {
            "entity": "shop",
            "source": "offers",
            "aggregate": {"offers": {"count": "events"}, "price": ["sum", "last"]},
            "windows": ["1h"],
            "hop": "30m",
        },
    },
)
FIRST = [("lamp", "north", 5.0, 0), ("sofa", "north", 90.0, 10)]
SECOND = [("lamp", "north", 6.0, 0), ("sofa", "north", 90.0, 10), ("desk", "north", 40.0, 20)]  # the lamp is corrected
UNTIL_US = NOON_US + 30 * MINUTE_US


class Mall:
    """Two reference tables of the same rows, of which one has no event_at, and a group over each."""

    def __init__(self, spark: Any, folder: Path) -> None:
        self._spark, self._folder = spark, folder

    def say(self, rows: list[tuple[str, str, float, int]]) -> None:
        """Writes new versions of both tables, and cleans them."""
        names = ("item", "shop", "price", "minute")
        said = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])
        at_us = [NOON_US + minute * MINUTE_US for minute in said.column("minute").to_pylist()]
        items = said.drop_columns(["minute"])
        self._clean("items", items)
        self._clean("offers", items.append_column("offered_at", pa.array(at_us, pa.timestamp("us", "UTC"))))

    def _clean(self, name: str, rows: pa.Table) -> None:
        table, run = self._folder / "tables" / name, f"test/{uuid4()}"
        table.parent.mkdir(parents=True, exist_ok=True)
        write_deltalake(table, rows, mode="overwrite")
        tables = source_tables(self._folder, "mall", name, PIPELINE.definition(name))
        source = PIPELINE.sources[name]
        TableCleaner(self._spark, source, table=table, tables=tables, application=run, lock_wait_s=1.0).clean_newest()

    def build(self) -> None:
        for name in PIPELINE.features:
            spec = group_spec(PIPELINE, name)
            source = source_tables(self._folder, "mall", spec.source.name, PIPELINE.definition(spec.source.name))
            tables = group_tables(self._folder, "mall", name, spec.definition)
            builder = FeatureBuilder(self._spark, application=f"test/{uuid4()}", lock_wait_s=1.0)
            builder.build(spec, tables, source, UNTIL_US)

    def rows(self, group: str, *columns: str) -> list[tuple[Any, ...]]:
        """The rows that hold, in order of key and instant."""
        found = group_tables(self._folder, "mall", group, group_spec(PIPELINE, group).definition).features
        rows = sorted(read_rows_us(found), key=lambda row: row["_created_at"])
        key = "item" if group == "item_facts" else "shop"
        newest = {(row[key], row["event_at"]): row for row in rows}
        return [tuple(row[column] for column in columns) for _, row in sorted(newest.items())]


@pytest.fixture(scope="module")
def mall(spark, tmp_path_factory):
    """A mall that built its groups before and after the correction."""
    found = Mall(spark, tmp_path_factory.mktemp("mall"))
    for rows in (FIRST, SECOND):
        found.say(rows)
        found.build()
    return found


def test_rows_without_an_instant_hold_from_1970_and_a_changed_one_replaces_what_it_said(mall):
    assert mall.rows("item_facts", "item", "event_at", "known_at", "price") == [
        ("desk", 0, 0, 40.0),
        ("lamp", 0, 0, 6.0),
        ("sofa", 0, 0, 90.0),
    ]


def test_a_corrected_row_counts_once_in_windows_and_with_what_it_says_now(mall):
    found = mall.rows("shop_offers", "event_at", "offers_count_1h", "price_sum_1h", "price_last_1h")
    assert [((at_us - NOON_US) / MINUTE_US, *rest) for at_us, *rest in found] == [
        (pytest.approx(1 / MINUTE_US), 1, 6.0, 6.0),
        (pytest.approx(10 + 1 / MINUTE_US), 2, 96.0, 90.0),
        (pytest.approx(20 + 1 / MINUTE_US), 3, 136.0, 40.0),
    ]
