from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
from pyspark.errors import StreamingQueryException
from pyspark.sql import SparkSession
from support.clean_shop import books, cleaner, orders_tables
from support.raw_lake import Record, append_raw
from support.shop import order

from headrace.errors import LockTimeout, UsageError
from headrace.jobs.report import Report
from headrace.jobs.stream import CleaningStream, wait_for_all
from headrace.locks import exclusive
from headrace.tables import raw_table

QUIET = Report(json_lines=True)

# Three commits of raw, each with a copy of the one before it and a document that is none.
COMMITS = [
    [Record(order(1), 0), Record(order(2), 1), Record(b"{", 2)],
    [Record(order(1), 3), Record(order(3), 4), Record(None, 5)],
    [Record(order(3, amount=9.0), 6), Record(order(4), 7), Record(b"[]", 8)],
]


def stream(spark: SparkSession, lake: Path, checkpoint: str = "checkpoint") -> CleaningStream:
    """A stream over the orders of `lake` that ends when all that has landed is clean, one raw commit a micro-batch."""
    found = CleaningStream("orders", cleaner(spark, lake, run=checkpoint), QUIET)
    found.start(spark, raw_table(lake, "orders"), lake / checkpoint, max_files=1, interval_s=None)
    wait_for_all([found], threading.Event())
    return found


@pytest.fixture(scope="module")
def by_batch(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory):
    lake = tmp_path_factory.mktemp("batch")
    for records in COMMITS:
        append_raw(lake, "orders", records)
    cleaner(spark, lake).clean_all()
    return books(orders_tables(lake))


def test_micro_batches_give_the_tables_of_one_batch(spark: SparkSession, tmp_path: Path, by_batch):
    for records in COMMITS:
        append_raw(tmp_path, "orders", records)
    assert stream(spark, tmp_path).counts.rows == 9
    assert books(orders_tables(tmp_path)) == by_batch


def test_a_lost_checkpoint_a_batch_between_and_a_restart_change_nothing(spark: SparkSession, tmp_path: Path, by_batch):
    append_raw(tmp_path, "orders", COMMITS[0])
    stream(spark, tmp_path)
    append_raw(tmp_path, "orders", COMMITS[1])
    cleaner(spark, tmp_path, run="batch").clean_all()
    append_raw(tmp_path, "orders", COMMITS[2])
    shutil.rmtree(tmp_path / "checkpoint")
    assert stream(spark, tmp_path).counts.rows == 3
    assert books(orders_tables(tmp_path)) == by_batch


def test_a_micro_batch_that_cannot_go_on_says_why_in_our_words(spark: SparkSession, tmp_path: Path):
    append_raw(tmp_path, "orders", COMMITS[0])
    with exclusive(orders_tables(tmp_path).lock, wait_s=1, purpose="test"), pytest.raises(LockTimeout, match="test"):
        stream(spark, tmp_path)


def test_a_checkpoint_of_another_table_stops_with_what_to_do(spark: SparkSession, tmp_path: Path):
    append_raw(tmp_path, "orders", COMMITS[0])
    stream(spark, tmp_path)
    shutil.rmtree(raw_table(tmp_path, "orders"))
    append_raw(tmp_path, "orders", COMMITS[0])
    with pytest.raises(UsageError, match="Remove the checkpoint folder"):
        stream(spark, tmp_path)


def test_a_stream_that_fails_ends_the_run_though_another_would_go_on(spark: SparkSession, tmp_path: Path):
    for lake in (tmp_path / "well", tmp_path / "locked"):
        append_raw(lake, "orders", COMMITS[0])
    stop, streams = (
        threading.Event(),
        [CleaningStream(name, cleaner(spark, tmp_path / name), QUIET) for name in ("well", "locked")],
    )
    with exclusive(orders_tables(tmp_path / "locked").lock, wait_s=1, purpose="test"):
        for found in streams:
            lake = tmp_path / found.name
            found.start(spark, raw_table(lake, "orders"), lake / "checkpoint", max_files=1, interval_s=0.1)
        with pytest.raises(LockTimeout, match="test"):
            wait_for_all(streams, stop)
    assert streams[0].has_ended(stop)


def test_a_failure_while_cleaning_is_not_blamed_on_the_checkpoint(spark: SparkSession, tmp_path: Path):
    def fail(step: str) -> None:
        raise ArithmeticError("no memory for localCheckpoint")

    append_raw(tmp_path, "orders", COMMITS[0])
    found = CleaningStream("orders", cleaner(spark, tmp_path, on_step=fail), QUIET)
    found.start(spark, raw_table(tmp_path, "orders"), tmp_path / "checkpoint", max_files=1, interval_s=None)
    with pytest.raises(StreamingQueryException, match="no memory"):
        wait_for_all([found], threading.Event())
