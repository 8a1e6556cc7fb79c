"""What was rejected is judged again: each record lands once, whatever interrupts a replay and however often it runs."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession
from support.clean_shop import books, cleaner, orders_tables, replayer
from support.delta_rows import NOT_COMPARED, read_rows
from support.raw_lake import Record, append_raw
from support.rejected_shop import (
    CLEANED,
    DUPLICATES,
    RECORDS,
    REJECTED_FOR,
    STILL_REJECTED,
    STRICT,
    land_rejected,
    without_gift,
)
from support.shop import order
from support.stream_kills import audit_orders

from headrace.errors import LockTimeout
from headrace.jobs.source_replay import Replayed
from headrace.locks import exclusive

ALL = Replayed(
    cleaned=2,
    duplicates=3,
    rejected=3,
    reasons={"invalid_json": 1, "not_allowed": 1, "out_of_range": 1},
    attempts=6,
)
NOTHING_NEW = Replayed(rejected=3, reasons=ALL.reasons)


@pytest.fixture(scope="module")
def strict(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake that was cleaned under the strict rules, to be copied."""
    lake = land_rejected(tmp_path_factory.mktemp("strict"))
    counts = cleaner(spark, lake, **STRICT).clean_all()
    assert counts.reasons == Counter(REJECTED_FOR.values())
    return lake


@pytest.fixture(scope="module")
def replayed(spark: SparkSession, strict: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Replayed]:
    """That lake after one replay that nothing interrupted, for tests that only read it; and what the replay counted."""
    lake = shutil.copytree(strict, tmp_path_factory.mktemp("calm") / "lake")
    return lake, replayer(spark, lake).replay()


@pytest.fixture
def lake(strict: Path, tmp_path: Path) -> Path:
    """A copy of its own of the lake that was cleaned under the strict rules."""
    return shutil.copytree(strict, tmp_path / "lake")


def versions(lake: Path) -> list[int]:
    tables = orders_tables(lake)
    return [DeltaTable(path).version() for path in (tables.quarantine, tables.duplicates, tables.clean)]


def attempts(lake: Path) -> list[tuple[object, ...]]:
    """The later attempts: offset, number, outcome, reason."""
    rows = read_rows(orders_tables(lake).quarantine)
    return sorted((row["_offset"], row["attempt"], row["outcome"], row["reason"]) for row in rows if row["attempt"] > 1)


def test_each_rejected_record_becomes_what_the_present_rules_make_of_it(replayed):
    lake, counts = replayed
    assert counts == ALL
    clean = {row["_offset"] for row in read_rows(orders_tables(lake).clean)}
    assert clean == CLEANED | ({record.offset for record in RECORDS} - REJECTED_FOR.keys())
    duplicates = {row["_offset"]: row["winner_offset"] for row in read_rows(orders_tables(lake).duplicates)}
    assert duplicates == DUPLICATES


def test_a_copy_that_was_clean_first_stays_the_winner_and_other_bytes_are_a_conflict(replayed):
    rows = {row["_offset"]: row["same_bytes"] for row in read_rows(orders_tables(replayed[0]).duplicates)}
    assert rows == {3: True, 4: False, 9: False}


def test_each_answer_is_an_attempt_without_bytes_and_a_rejection_that_stays_as_it_was_is_none(replayed):
    lake, _ = replayed
    assert attempts(lake) == [
        (1, 2, "cleaned", None),
        (2, 2, "cleaned", None),
        (3, 2, "duplicate", None),
        (4, 2, "duplicate", None),
        (8, 2, "rejected", "out_of_range"),
        (9, 2, "duplicate", None),
    ]
    later = [row for row in read_rows(orders_tables(lake).quarantine) if row["attempt"] > 1]
    assert {(row["key"], row["value"], row["headers"]) for row in later} == {(None, None, None)}


def test_the_audit_balances_before_and_after(strict, replayed):
    before, after = audit_orders(strict), audit_orders(replayed[0])
    assert (before.clean, before.duplicates, before.quarantine) == (3, 0, 8)
    assert (after.clean, after.duplicates, after.quarantine) == (5, 3, len(STILL_REJECTED))
    assert before.faults == after.faults == {}
    assert before.unfinished == after.unfinished == 0


def test_a_replayed_row_is_the_row_that_cleaning_by_the_present_rules_makes(spark, replayed, tmp_path):
    direct = land_rejected(tmp_path)
    cleaner(spark, direct).clean_all()
    ours, theirs = (
        {
            row["id"]: {name: row[name] for name in row.keys() - NOT_COMPARED}
            for row in read_rows(orders_tables(at).clean)
        }
        for at in (replayed[0], direct)
    )
    assert ours.keys() == theirs.keys()
    # Of order 4 the copy that was clean first stays; cleaning anew keeps the one that came first.
    assert (ours.pop("order-4")["_offset"], theirs.pop("order-4")["_offset"]) == (5, 4)
    assert ours == theirs


def test_replays_that_die_between_their_writes_one_after_the_other_land_every_row_once(spark, lake, replayed):
    unfinished = {"judged": 0, "after_duplicates": 3, "after_clean": 5, "after_attempts": 0}
    for step, placed in unfinished.items():

        def die(passed: str, step: str = step) -> None:
            if passed == step:
                raise InterruptedError(step)

        with pytest.raises(InterruptedError):
            replayer(spark, lake, die, run=step).replay()
        found = audit_orders(lake)
        assert (step, found.unfinished, found.faults) == (step, placed, {})
    assert books(orders_tables(lake)) == books(orders_tables(replayed[0]))
    before = versions(lake)
    assert replayer(spark, lake).replay() == NOTHING_NEW
    assert versions(lake) == before


def test_only_the_reasons_that_were_asked_for_are_judged_and_cleaning_goes_on_between(spark, lake):
    assert replayer(spark, lake).replay(["invalid_json"]) == Replayed(rejected=1, reasons={"invalid_json": 1})
    more = [Record(without_gift(2), 11), Record(without_gift(8), 12), Record(order(8), 13)]
    append_raw(lake, "orders", more)
    running = cleaner(spark, lake, run="stream", **STRICT)
    running.clean_up_to({("topic-0", 0): 12})
    counts = replayer(spark, lake).replay(["missing_field"])
    assert (counts.cleaned, counts.duplicates, counts.rejected) == (3, 4, 1)
    assert running.clean_all().duplicates == 1  # order 8 was clean by then
    found = audit_orders(lake)
    assert (found.clean, found.duplicates, found.quarantine, found.faults) == (6, 5, 3, {})


def test_a_replay_waits_for_the_lock_of_the_source_and_then_names_its_holder(spark, lake):
    with (
        exclusive(orders_tables(lake).lock, wait_s=1, purpose="clean orders"),
        pytest.raises(LockTimeout, match="clean orders"),
    ):
        replayer(spark, lake).replay()
