"""A rebuild beside the present tables: equal to a fresh clean, whatever interrupts it, and nobody else is disturbed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import SparkSession
from support.clean_shop import books, orders_tables
from support.delta_rows import read_rows
from support.rebuilt_shop import FITTED, cleaner, land, rebuild
from support.shop import orders

from headrace.audit import CleaningBooks, audit_cleaning
from headrace.compaction import Compacted, compact
from headrace.errors import CheckFailed, Held, LockTimeout, Superseded, UsageError
from headrace.holds import Failure, Hold, write_hold
from headrace.lake import read_columns
from headrace.lake_tables import choose_tables
from headrace.locks import exclusive
from headrace.pipeline.definition import source_rules
from headrace.rebuilds import read_standing
from headrace.source_switch import Switched, switch_source
from headrace.tables import SourceTables

COMMITS = 3


class Death(Exception):
    """The end of a run at a step."""


def tables_of(lake: Path) -> SourceTables:
    return orders_tables(lake, **FITTED)


def audited(lake: Path, number: int) -> CleaningBooks:
    return audit_cleaning(lake, "orders", "orders", tables_of(lake).numbered(number))


@pytest.fixture(scope="module")
def cleaned(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake cleaned by plan 1; only to be copied."""
    lake = tmp_path_factory.mktemp("cleaned")
    for commit in range(COMMITS):
        land(lake, commit)
    cleaner(spark, lake, 1).clean_all()
    return lake


@pytest.fixture
def lake(cleaned: Path, tmp_path: Path) -> Path:
    return shutil.copytree(cleaned, tmp_path / "lake")


def freshly_cleaned(spark: SparkSession, lake: Path, folder: Path, version: int) -> dict[str, list]:
    """The oracle: the same raw, cleaned from nothing, in one piece, by the plan."""
    shutil.copytree(lake / "raw", folder / "raw")
    cleaner(spark, folder, version).clean_all()
    return books(orders_tables(folder, **FITTED))


def test_it_equals_a_fresh_clean_though_raw_and_the_present_tables_are_written_and_compacted_meanwhile(
    spark: SparkSession, lake: Path, tmp_path: Path
):
    present, began = tables_of(lake), cleaner(spark, lake, 1)
    seen: list[tuple[str, int]] = []
    compactions: list[Compacted] = []

    def meanwhile(step: str) -> None:
        seen.append((step, tables_of(lake).number))
        if step == "unit" and seen.count(("unit", 1)) == 1:
            land(lake, COMMITS)
            assert began.clean_all().rows == 6  # as a stream would, under the lock of the source
        if step == "unit" and seen.count(("unit", 1)) == COMMITS:  # the last unit holds the source until the switch
            for folder in (present.clean, present.numbered(2).clean, present.numbered(2).quarantine):
                (table,) = choose_tables(lake, [str(folder.relative_to(lake))], [])
                compactions.append(compact(table, lock_wait_s=60))

    made = rebuild(spark, lake, 2, meanwhile).run(switch=False)
    assert (made.number, made.present, made.plan, made.placed, tables_of(lake).number) == (2, 1, 2, 24, 1)
    assert all(found.removed > 1 for found in compactions), compactions
    with pytest.raises(UsageError, match=r"rebuild 2 .* is not finished, or lacks what has landed since"):
        switch_source(lake, "orders", tables_of(lake), 2, lock_wait_s=1)

    land(lake, COMMITS + 1)
    done = rebuild(spark, lake, 2, meanwhile).run()
    fresh = freshly_cleaned(spark, lake, tmp_path / "fresh", 2)
    assert (done.number, done.present, done.placed, seen[-1]) == (2, 2, 6, ("switched", 2))
    assert {number for step, number in seen if step != "switched"} == {1}
    assert books(tables_of(lake)) == fresh
    assert {row["_plan"] for row in read_rows(tables_of(lake).clean)} == {2}
    assert done.rows == {kind: len(rows) for kind, rows in fresh.items()}
    assert done.rows_before == {kind: len(rows) for kind, rows in books(present).items()} != done.rows
    assert audited(lake, 2).faults == {}
    assert audited(lake, 1).faults == {"waiting": 6}

    with pytest.raises(Superseded, match=r"switched to its rebuild 2, and this run began with 1"):
        began.clean_all()
    assert switch_source(lake, "orders", tables_of(lake), 1, lock_wait_s=1) == Switched(2, 1, waiting=6)
    assert cleaner(spark, lake, 1).clean_all().rows == 6
    assert audited(lake, 1).faults == {}


STEPS = ("begun", "judged", "after_quarantine", "after_duplicates", "after_clean", "unit", "caught_up", "audited")
FEW_STEPS = ("after_quarantine", "unit", "audited")


def dying_at(step: str) -> Callable[[str], None]:
    def on_step(passed: str) -> None:
        if passed == step:
            raise Death(step)

    return on_step


def die_and_go_on(spark: SparkSession, lake: Path, folder: Path, steps: Sequence[str]) -> None:
    """One rebuild that dies at each of the steps in turn and goes on each time, and last at the switch."""
    before = books(tables_of(lake))
    for step in steps:
        with pytest.raises(Death, match=step):
            rebuild(spark, lake, 2, dying_at(step)).run()
        assert books(tables_of(lake)) == before
    with pytest.raises(Death, match="switched"):
        rebuild(spark, lake, 2, dying_at("switched")).run()
    assert books(tables_of(lake)) == freshly_cleaned(spark, lake, folder, 2)
    assert tables_of(lake).number == 2
    assert audited(lake, 2).faults == {}


def test_a_run_that_dies_is_gone_on_with_and_the_present_tables_stay_until_the_switch(
    spark: SparkSession, lake: Path, tmp_path: Path
):
    die_and_go_on(spark, lake, tmp_path / "fresh", FEW_STEPS)


@pytest.mark.prove
def test_a_run_that_dies_at_any_step_is_gone_on_with(spark: SparkSession, lake: Path, tmp_path: Path):
    die_and_go_on(spark, lake, tmp_path / "fresh", STEPS)


class TestRefusals:
    """What stops a rebuild, before it has begun or before it switches."""

    def begun(self, spark: SparkSession, lake: Path) -> None:
        with pytest.raises(Death):
            rebuild(spark, lake, 2, dying_at("begun")).run()

    def test_another_plan_or_other_rules_than_it_was_begun_with_would_mix_and_anew_begins_the_next(self, spark, lake):
        self.begun(spark, lake)
        with pytest.raises(UsageError, match=r"rebuild 2 .*begun by plan 2, and plan 3 is in use now.*--anew"):
            rebuild(spark, lake, 3).run()
        with pytest.raises(UsageError, match=r"rebuild 2 .*by other rules than the pipeline file has now"):
            rebuild(spark, lake, 2, late={"after": "1d", "action": "quarantine"}).run()
        with pytest.raises(Death):
            rebuild(spark, lake, 3, dying_at("begun")).run(anew=True)
        standing = read_standing(tables_of(lake).rebuilds, tables_of(lake).definition)
        assert (standing.present, standing.making.number, standing.making.plan) == (1, 3, 3)

    def test_what_is_held_is_decided_first_and_what_was_released_is_let_through(self, spark, lake):
        hold = Hold({("topic-0", 0): 3}, 1, [Failure("few", "1", "at least 2")], 1_357_000_000_000_000)
        write_hold(tables_of(lake).hold, hold)
        with pytest.raises(Held, match="headrace release"):
            rebuild(spark, lake, 2).run()
        write_hold(tables_of(lake).hold, Hold(hold.last, 1, hold.failures, hold.since_us, released=True))
        self.begun(spark, lake)

    def test_a_second_rebuild_of_the_source_ends_and_names_the_first(self, spark, lake):
        lock_file = tables_of(lake).lock.with_name(".orders.rebuild.lock")
        second = rebuild(spark, lake, 2)
        second._lock_wait_s = 0.1
        with (
            exclusive(lock_file, wait_s=1, purpose="rebuild orders"),
            pytest.raises(LockTimeout, match="rebuild orders"),
        ):
            second.run()

    def test_books_that_do_not_balance_are_not_switched_to(self, spark, lake):
        def double_a_row(step: str) -> None:
            if step == "caught_up":
                clean = tables_of(lake).numbered(2).clean
                table = DeltaTable(clean)
                names = [field.name for field in table.schema().fields]
                write_deltalake(clean, read_columns(table, names, "_partition = 0 AND _offset = 0"), mode="append")

        with pytest.raises(CheckFailed, match=r"rebuild 2 .*does not balance: 1 doubled .*partition 0, offset 0"):
            rebuild(spark, lake, 2, double_a_row, unit_offsets=100).run()
        assert tables_of(lake).number == 1


def test_words_for_people_are_no_rules_and_admission_is():
    said = {"columns": {"id": {"type": "string", "description": "The number."}, "at": {"type": "timestamp"}}}
    plain = {"columns": {"at": {"type": "timestamp"}, "id": {"type": "string"}}}
    strict = {"columns": {"id": {"type": "string", "required": True}, "at": {"type": "timestamp"}}}
    less = {"derive": {}, "clean": {}}
    assert source_rules(orders(**said, **less)) == source_rules(orders(**plain, **less))
    assert source_rules(orders(**strict, **less)) != source_rules(orders(**plain, **less))
