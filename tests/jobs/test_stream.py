from __future__ import annotations

import os
import shutil
import signal
import threading
import uuid
from pathlib import Path

import pytest
from deltalake import DeltaTable
from pyspark.errors import StreamingQueryException
from pyspark.sql import SparkSession
from support.clean_shop import books, cleaner, orders_tables
from support.delta_rows import read_rows
from support.raw_lake import Record, append_raw
from support.shop import order, write_shop

from headrace.errors import LockTimeout, UsageError
from headrace.jobs import clean_stream
from headrace.jobs.report import Report
from headrace.jobs.stream import CleaningStream, wait_for_all
from headrace.locks import exclusive
from headrace.rebuilds import Standing, write_standing
from headrace.tables import raw_table

QUIET = Report(json_lines=True)

# Three commits of raw, each with a copy of the one before it and a document that is none.
COMMITS = [
    [Record(order(1), 0), Record(order(2), 1), Record(b"{", 2)],
    [Record(order(1), 3), Record(order(3), 4), Record(None, 5)],
    [Record(order(3, amount=9.0), 6), Record(order(4), 7), Record(b"[]", 8)],
]


@pytest.fixture
def run_stream(spark: SparkSession):
    """Runs the entry in this session; its handlers of signals are gone afterwards."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield lambda *options: clean_stream.main(["--until-end", "--max-files=1", *options])
    for number, handler in handlers.items():
        signal.signal(number, handler)


def stream(spark: SparkSession, lake: Path, checkpoint: str = "checkpoint") -> CleaningStream:
    """A stream over the orders of `lake` that ends when all that has landed is clean, one raw commit a micro-batch."""
    found = CleaningStream("orders", cleaner(spark, lake, run=str(uuid.uuid4())), QUIET)  # new in every run
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


@pytest.mark.parametrize("part", ["offsets", "commits"])
def test_an_empty_file_of_a_checkpoint_stops_loudly_and_without_the_checkpoint_nothing_is_lost(
    spark: SparkSession, tmp_path: Path, by_batch, part
):
    append_raw(tmp_path, "orders", COMMITS[0])
    stream(spark, tmp_path)
    newest = max((tmp_path / "checkpoint" / part).glob("[0-9]*"), key=lambda path: int(path.name))
    os.truncate(newest, 0)
    newest.with_name(f".{newest.name}.crc").unlink()  # a power cut leaves it empty, too
    for records in COMMITS[1:]:
        append_raw(tmp_path, "orders", records)
    with pytest.raises(UsageError, match="Remove the checkpoint folder"):
        stream(spark, tmp_path)
    shutil.rmtree(tmp_path / "checkpoint")
    stream(spark, tmp_path)
    assert books(orders_tables(tmp_path)) == by_batch


def test_a_stream_that_was_stopped_while_raw_was_compacted_goes_on_where_it_was(
    spark: SparkSession, tmp_path: Path, by_batch
):
    append_raw(tmp_path, "orders", COMMITS[0])
    stream(spark, tmp_path)
    for records in COMMITS[1:]:
        append_raw(tmp_path, "orders", records)
    assert DeltaTable(raw_table(tmp_path, "orders")).optimize.compact()["numFilesRemoved"] == 3
    assert stream(spark, tmp_path).counts.rows == 6
    assert books(orders_tables(tmp_path)) == by_batch


def test_a_changed_definition_begins_anew_beside_the_old_tables_with_a_checkpoint_of_its_own(
    run_stream, tmp_path: Path
):
    append_raw(tmp_path, "orders", COMMITS[0])
    for changes in ({}, {"derive": {}}):
        file = write_shop(tmp_path / "shop.yaml", **changes)
        assert run_stream(f"--pipeline={file}", f"--lake={tmp_path}") == 0
        tables = orders_tables(tmp_path, **changes)
        assert len(read_rows(tables.clean)) == 2
        assert (tmp_path / "shop" / "checkpoints" / "orders" / tables.clean.name / "commits").is_dir()


def test_a_stream_whose_source_was_switched_ends_and_goes_on_with_the_present_tables(
    run_stream, tmp_path: Path, capsys
):
    append_raw(tmp_path, "orders", COMMITS[0])
    options = [f"--pipeline={write_shop(tmp_path / 'shop.yaml')}", f"--lake={tmp_path}"]
    before = orders_tables(tmp_path)

    def switch_meanwhile(step: str) -> None:
        if step == "after_clean" and orders_tables(tmp_path).number == 1:
            write_standing(before.rebuilds, before.definition, Standing(2))
            append_raw(tmp_path, "orders", COMMITS[1])

    assert clean_stream.main(["--max-files=1", "--interval-s=0.1", *options], on_step=switch_meanwhile) == 1
    assert "switched to its rebuild 2, and this run began with 1" in capsys.readouterr().err
    assert len(read_rows(before.clean)) == 2
    assert run_stream(*options) == 0
    assert (orders_tables(tmp_path).number, len(read_rows(orders_tables(tmp_path).clean))) == (2, 3)


def test_a_second_stream_of_the_same_source_ends_and_names_the_first(run_stream, tmp_path: Path, capsys):
    append_raw(tmp_path, "orders", COMMITS[0])
    checkpoint = tmp_path / "shop" / "checkpoints" / "orders" / orders_tables(tmp_path).clean.name
    file = write_shop(tmp_path / "shop.yaml")
    with exclusive(checkpoint.with_name(f".{checkpoint.name}.lock"), wait_s=1, purpose="stream orders"):
        assert run_stream(f"--pipeline={file}", f"--lake={tmp_path}", "--lock-wait-s=0.1") == 1
    assert "(stream orders, since" in capsys.readouterr().err
    assert not orders_tables(tmp_path).clean.exists()


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
