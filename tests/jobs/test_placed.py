"""What need not be looked up between units of work, and that nothing is placed twice for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from support.clean_shop import cleaner, orders_tables
from support.delta_rows import read_rows
from support.raw_lake import Record, append_raw
from support.shop import order

from headrace.jobs.cleaning import Counts, SourceCleaner
from headrace.tables import OFFSET, PARTITION, raw_table

TOPIC_ID, REFUSED = "topic-0", b"{"


def land(lake: Path, *offsets: int, partition: int = 0) -> None:
    """An order at each offset; one in five is broken."""
    values = [(REFUSED if at % 5 == 4 else order(1_000 * partition + at), at) for at in offsets]
    append_raw(lake, "orders", [Record(value, at, partition=partition) for value, at in values])


def looked_up(spark: SparkSession, run: SourceCleaner, lake: Path, last: int) -> bool:
    """Whether a unit up to `last` would look its rows up in the tables; the run has to be made anew afterwards."""
    raw = spark.read.format("delta").load(str(raw_table(lake, "orders")))
    missing = run._placed.missing(raw, {(TOPIC_ID, 0): last}, empty=False)
    return "LeftAnti" in missing._jdf.queryExecution().optimizedPlan().toString()


def placed(lake: Path) -> list[tuple[int, int]]:
    """All positions that are in a table of the orders, as often as they are."""
    tables = orders_tables(lake)
    paths = (tables.clean, tables.duplicates, tables.quarantine)
    return sorted((row[PARTITION], row[OFFSET]) for path in paths for row in read_rows(path))


def unit(run: SourceCleaner, last: int, partition: int = 0) -> Counts:
    return run.clean_up_to({(TOPIC_ID, partition): last})


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    land(tmp_path, *range(12))
    return tmp_path


def in_order(count: int) -> list[tuple[int, int]]:
    return [(0, offset) for offset in range(count)]


@pytest.mark.parametrize(("before", "units"), [(None, {4: 5, 8: 4}), (4, {7: 3, 9: 2})], ids=["new", "old"])
def test_a_run_knows_after_two_units_that_nothing_need_be_looked_up(spark, lake, before, units):
    """Over new tables, and over old ones, where it asks what lies behind its first unit."""
    if before:
        unit(cleaner(spark, lake, run="before"), before)
    run = cleaner(spark, lake)
    assert {last: unit(run, last).rows for last in units} == units
    assert not looked_up(spark, run, lake, 11)
    assert placed(lake) == in_order(max(units) + 1)


def test_a_run_that_begins_before_what_is_placed_doubles_nothing(spark, lake):
    cleaner(spark, lake, run="before").clean_all()
    land(lake, 12, 13)
    run = cleaner(spark, lake)
    assert [unit(run, last).rows for last in (3, 8, 12, 13)] == [0, 0, 1, 1]
    assert placed(lake) == in_order(14)


def test_what_another_run_places_between_two_units_is_looked_up(spark, lake):
    run = cleaner(spark, lake)
    unit(run, 3)
    assert unit(cleaner(spark, lake, run="between"), 8).rows == 5
    assert [unit(run, last).rows for last in (6, 10)] == [0, 2]
    assert placed(lake) == in_order(11)


def test_a_unit_that_failed_is_looked_up_when_it_is_tried_again(spark, lake):
    def die(step):
        if step == "after_quarantine" and run._units == 2 and not died:
            died.append(step)
            raise RuntimeError(step)

    died: list[str] = []
    run = cleaner(spark, lake, on_step=die)
    unit(run, 3)
    with pytest.raises(RuntimeError, match="after_quarantine"):
        unit(run, 9)
    assert unit(run, 9) == Counts(clean=4)  # offsets 4 and 9 are in quarantine already
    assert placed(lake) == in_order(10)


def test_a_unit_that_ends_before_the_last_one_places_nothing_and_lowers_no_floor(spark, lake):
    run = cleaner(spark, lake)
    assert [unit(run, last).rows for last in (7, 4, 9)] == [8, 0, 2]
    assert placed(lake) == in_order(10)


def test_a_partition_that_is_new_to_the_run_is_looked_up(spark, lake):
    land(lake, *range(4), partition=1)
    unit(cleaner(spark, lake, run="before"), 1, partition=1)
    run = cleaner(spark, lake)
    unit(run, 4)
    assert run.clean_up_to({(TOPIC_ID, 0): 6, (TOPIC_ID, 1): 3}).rows == 2 + 2
    assert placed(lake) == [*in_order(7), *[(1, offset) for offset in range(4)]]
