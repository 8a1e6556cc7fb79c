"""Cleaning the shop's orders in the test's own Spark session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from pyspark.sql import SparkSession

from headrace.jobs.cleaning import SourceCleaner
from headrace.jobs.source_replay import SourceReplay
from headrace.tables import SourceTables, raw_table, source_tables

from .delta_rows import comparable
from .shop import shop

Cleaner = TypeVar("Cleaner", bound=SourceCleaner)


def orders_tables(lake: Path, **changes: object) -> SourceTables:
    """The tables of the shop's orders."""
    return source_tables(lake, "shop", "orders", shop(**changes).definition("orders"))


def cleaner(
    spark: SparkSession,
    lake: Path,
    on_step: Callable[[str], None] = lambda step: None,
    run: str = "run",
    warn: Callable[[str], None] = lambda text: None,
    **changes: object,
) -> SourceCleaner:
    """A cleaner of the shop's orders over `lake`, as a fresh process would make it."""
    return _of_orders(SourceCleaner, spark, lake, on_step, run, changes, warn)


def replayer(
    spark: SparkSession,
    lake: Path,
    on_step: Callable[[str], None] = lambda step: None,
    run: str = "replay",
    **changes: object,
) -> SourceReplay:
    """A replay of the quarantine of the shop's orders, as a fresh process would make it."""
    return _of_orders(SourceReplay, spark, lake, on_step, run, changes)


def _of_orders(
    kind: type[Cleaner],
    spark: SparkSession,
    lake: Path,
    on_step: Callable[[str], None],
    run: str,
    changes: Mapping[str, object],
    warn: Callable[[str], None] = lambda text: None,
) -> Cleaner:
    return kind(
        spark,
        shop(**changes).sources["orders"],
        raw=raw_table(lake, "orders"),
        tables=orders_tables(lake, **changes),
        application=f"headrace/clean/{run}",
        lock_wait_s=1.0,
        on_step=on_step,
        warn=warn,
    )


def books(tables: SourceTables) -> dict[str, list[tuple[object, ...]]]:
    """Everything in the three tables of a source, comparable."""
    return {
        "clean": comparable(tables.clean),
        "duplicates": comparable(tables.duplicates),
        "quarantine": comparable(tables.quarantine),
    }
