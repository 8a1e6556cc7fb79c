from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from deltalake import DeltaTable, Field
from deltalake.schema import PrimitiveType
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from support.clean_shop import books, cleaner, orders_tables
from support.delta_rows import read_rows
from support.raw_lake import Record, append_raw
from support.shop import order, orders

from headrace.errors import ContractError, LockTimeout
from headrace.jobs.cleaning import Counts, judge_records
from headrace.locks import exclusive
from headrace.plans import bind
from headrace.tables import SourceTables

HOUR_US = 3_600_000_000
START_US = 1_357_035_300_000_000  # 2013-01-01T10:15:00Z

MIXED = [
    Record(order(1), 0),
    Record(order(2), 1),
    Record(order(1), 2),  # an exact copy of offset 0
    Record(order(2, amount=6.0), 3),  # a copy of offset 1 with other bytes
    Record(b"{", 4),
    Record(None, 5),
    Record(order(3, amount=900.0, pieces=None), 6),
    Record(order(4, at="2012-12-01T00:00:00Z"), 7),  # late, and kept
    Record(order(5, extra=1), 8),
    Record(order(1), 0, partition=1),  # a copy across partitions
]


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    append_raw(tmp_path, "orders", MIXED)
    return tmp_path


@pytest.fixture(scope="module")
def cleaned(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[SourceTables, Counts]:
    """The tables of a lake that was cleaned once, for tests that only read them, and what the run counted."""
    lake = tmp_path_factory.mktemp("cleaned")
    append_raw(lake, "orders", MIXED)
    counts = cleaner(spark, lake).clean_all()
    return orders_tables(lake), counts


def test_every_raw_row_is_placed_once_and_counted(cleaned):
    tables, counts = cleaned
    assert counts == Counts(clean=5, duplicates=3, quarantine=2, reasons={"invalid_json": 1, "tombstone": 1})
    assert sorted(row["_offset"] for row in read_rows(tables.clean)) == [0, 1, 6, 7, 8]
    assert sorted(row["_offset"] for row in read_rows(tables.quarantine)) == [4, 5]
    assert len(read_rows(tables.duplicates)) == 3


def test_a_clean_row_is_typed_treated_and_says_where_it_comes_from(cleaned):
    row = next(row for row in read_rows(cleaned[0].clean) if row["id"] == "order-3")
    assert {name: row[name] for name in ("shop", "amount", "amount_original", "pieces", "pieces_original", "hour")} == {
        "shop": "north", "amount": 500.0, "amount_original": 900.0, "pieces": 1, "pieces_original": None, "hour": 10,
    }  # fmt: skip
    assert row["event_at"] == row["arrived_at"] == datetime(2013, 1, 1, 10, 15, tzinfo=UTC)
    assert (row["_topic_id"], row["_generation"], row["_partition"], row["_offset"]) == ("topic-0", 0, 0, 6)


def test_the_smallest_place_wins_and_a_copy_with_other_bytes_is_marked(cleaned):
    copies = {(row["_partition"], row["_offset"]): row for row in read_rows(cleaned[0].duplicates)}
    assert {
        place: (row["winner_partition"], row["winner_offset"], row["same_bytes"]) for place, row in copies.items()
    } == {
        (0, 2): (0, 0, True),
        (0, 3): (0, 1, False),
        (1, 0): (0, 0, True),
    }


def test_late_rows_and_undeclared_fields_are_flagged(cleaned):
    rows = {row["id"]: row for row in read_rows(cleaned[0].clean)}
    assert [name for name in sorted(rows) if rows[name]["_late"]] == ["order-4"]
    assert {name: row["_unknown_fields"] for name, row in rows.items() if row["_unknown_fields"]} == {
        "order-5": ["extra"]
    }


def test_a_late_row_is_quarantined_where_the_source_says_so_under_the_same_definition(spark: SparkSession, lake: Path):
    strict = {"late": {"after": "6d", "action": "quarantine"}, "unknown_fields": "quarantine"}
    counts = cleaner(spark, lake, **strict).clean_all()
    assert counts.reasons == {"invalid_json": 1, "late": 1, "tombstone": 1, "unknown_field": 1}
    assert orders_tables(lake, **strict) == orders_tables(lake)


def test_the_bytes_of_a_rejected_record_are_in_quarantine(cleaned):
    row = next(row for row in read_rows(cleaned[0].quarantine) if row["_offset"] == 4)
    assert (row["value"], row["key"], row["reason"], row["attempt"], row["outcome"]) == (
        b"{",
        b"key",
        "invalid_json",
        1,
        "rejected",
    )


def test_cleaning_again_writes_nothing(spark: SparkSession, lake: Path):
    cleaner(spark, lake).clean_all()
    versions = [DeltaTable(path).version() for path in (orders_tables(lake).clean, orders_tables(lake).duplicates)]
    assert cleaner(spark, lake, run="again").clean_all() == Counts()
    assert [
        DeltaTable(path).version() for path in (orders_tables(lake).clean, orders_tables(lake).duplicates)
    ] == versions


@pytest.mark.parametrize("step", ["after_quarantine", "after_duplicates", "after_clean"])
def test_a_run_that_dies_between_two_writes_is_finished_by_the_next(spark: SparkSession, lake: Path, cleaned, step):
    def die(passed: str) -> None:
        if passed == step:
            raise InterruptedError(step)

    with pytest.raises(InterruptedError):
        cleaner(spark, lake, on_step=die).clean_all()
    cleaner(spark, lake, run="second").clean_all()
    assert books(orders_tables(lake)) == books(cleaned[0])


def test_pieces_of_any_size_give_the_tables_of_one_run(spark: SparkSession, lake: Path, cleaned):
    cut = cleaner(spark, lake)
    for last in ({("topic-0", 0): 2}, {("topic-0", 1): 0}, {("topic-0", 0): 5}, {("topic-0", 0): 8, ("topic-0", 1): 0}):
        cut.clean_up_to(last)
    assert books(orders_tables(lake)) == books(cleaned[0])


def test_an_interval_takes_everything_before_its_last_offset_so_that_offsets_are_judged_in_order(
    spark: SparkSession, tmp_path
):
    records = [Record(order(number), number, arrived_at_us=START_US + number * HOUR_US) for number in range(6)]
    append_raw(tmp_path, "orders", records)
    run = cleaner(spark, tmp_path)
    assert (
        run.clean_all(START_US + 2 * HOUR_US, START_US + 4 * HOUR_US).clean == 4
    )  # offsets 0 to 3; the end is exclusive
    assert run.clean_all(START_US + 9 * HOUR_US, None) == Counts()
    assert run.clean_all().clean == 2


def test_a_record_whose_own_time_no_reader_could_hold_arrives_when_it_is_landed(spark: SparkSession, tmp_path: Path):
    last_of_9999_us = 253_402_300_799_999_000
    records = [Record(order(1), 0, arrived_at_us=last_of_9999_us), Record(order(2), 1, arrived_at_us=2**63 - 1)]
    raw = append_raw(tmp_path, "orders", [replace(record, landed_at_us=START_US) for record in records])
    rows = spark.read.format("delta").load(str(raw)).orderBy("_offset")
    judged = judge_records(rows, orders(), bind(orders(), None)).select(F.unix_micros("arrived_at"))
    assert [row[0] for row in judged.collect()] == [last_of_9999_us, START_US]


def test_a_re_created_topic_begins_again_at_offset_0_and_loses_to_the_first_generation(
    spark: SparkSession, tmp_path: Path
):
    append_raw(
        tmp_path, "orders", [Record(order(1), 0), Record(order(2), 0, generation=1), Record(order(1), 1, generation=1)]
    )
    assert cleaner(spark, tmp_path).clean_all() == Counts(clean=2, duplicates=1)
    copy = read_rows(orders_tables(tmp_path).duplicates)[0]
    assert (copy["_generation"], copy["winner_generation"], copy["winner_topic_id"]) == (1, 0, "topic-0")


def test_copies_may_be_bound_to_a_stretch_of_event_time(spark: SparkSession, tmp_path: Path):
    days = ["2013-01-01", "2013-01-15", "2013-02-05", "2013-02-10", "2013-01-20"]
    values = [order(1, at=f"{day}T00:00:00Z") for day in days]
    expected = naive_copies([1, 15, 36, 41, 20], within=20)
    assert expected == {1: 0, 3: 2, 4: 0}  # 36 is more than 20 days from 1, so it wins; 20 is near 1 again
    arrived = START_US + 60 * 24 * HOUR_US
    append_raw(
        tmp_path, "orders", [Record(value, offset, arrived_at_us=arrived) for offset, value in enumerate(values)]
    )
    run = cleaner(spark, tmp_path, copies_within="20d")
    run.clean_up_to({("topic-0", 0): 1})
    run.clean_all()
    found = {row["_offset"]: row["winner_offset"] for row in read_rows(orders_tables(tmp_path).duplicates)}
    assert found == expected


def naive_copies(days: list[int], within: int) -> dict[int, int]:
    winners: list[int] = []
    copies: dict[int, int] = {}
    for place, day in enumerate(days):
        near = [winner for winner in winners if abs(days[winner] - day) <= within]
        if near:
            copies[place] = near[0]
        else:
            winners.append(place)
    return copies


def test_a_commit_is_stamped_after_every_earlier_one_even_if_the_clock_goes_back(
    spark: SparkSession, tmp_path: Path, monkeypatch
):
    append_raw(tmp_path, "orders", [Record(order(1), 0), Record(order(2), 1), Record(order(3), 2)])
    run = cleaner(spark, tmp_path)
    monkeypatch.setattr("headrace.jobs.commit.time.time_ns", lambda: 2_000_000_000_000_000_000)
    run.clean_up_to({("topic-0", 0): 0})
    monkeypatch.setattr("headrace.jobs.commit.time.time_ns", lambda: 1_000_000_000_000_000_000)
    run.clean_up_to({("topic-0", 0): 1})
    cleaner(spark, tmp_path, run="another").clean_all()
    rows = sorted(
        read_rows(orders_tables(tmp_path).clean, "_offset, cast(_created_at as bigint) as us"),
        key=lambda row: row["_offset"],
    )
    assert [row["us"] for row in rows] == [2_000_000_000_000_000, 2_000_000_000_000_001, 2_000_000_000_000_002]


def test_the_clean_commit_says_how_many_rows_the_unit_placed(cleaned):
    newest = DeltaTable(cleaned[0].clean).history(1)[0]
    assert '"clean": 5, "duplicates": 3, "quarantine": {"invalid_json": 1, "tombstone": 1}' in str(newest)


def test_without_raw_rows_there_is_nothing_to_clean_and_the_message_says_what_to_run(
    spark: SparkSession, tmp_path: Path
):
    with pytest.raises(ContractError, match=r"where there is no table\. Land its topic first: headrace land"):
        cleaner(spark, tmp_path)


def test_a_table_that_somebody_altered_stops_the_run_before_anything_is_written(spark: SparkSession, lake: Path):
    cleaner(spark, lake).clean_all()
    table = DeltaTable(orders_tables(lake).clean)
    table.alter.add_columns([Field("by_hand", PrimitiveType("string"))])
    append_raw(lake, "orders", [Record(order(9), 9)])
    with pytest.raises(ContractError, match="differing columns by_hand"):
        cleaner(spark, lake).clean_all()


def test_a_second_run_waits_for_the_lock_of_the_source_and_then_names_its_holder(spark: SparkSession, lake: Path):
    with (
        exclusive(orders_tables(lake).lock, wait_s=1, purpose="clean orders"),
        pytest.raises(LockTimeout, match=r"clean orders"),
    ):
        cleaner(spark, lake).clean_all()


def test_the_tables_are_append_only_and_plain_enough_for_every_reader(cleaned):
    table = DeltaTable(cleaned[0].clean)
    assert (table.protocol().min_reader_version, table.protocol().min_writer_version) == (1, 2)
    assert table.metadata().configuration["delta.appendOnly"] == "true"
