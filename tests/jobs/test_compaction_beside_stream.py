"""Compaction beside a stream that runs: raw and the three tables, between and under its micro-batches."""

from __future__ import annotations

import threading
from pathlib import Path
from uuid import uuid4

import pytest
from pyspark.sql import SparkSession
from support.clean_shop import cleaner, orders_tables
from support.delta_rows import read_rows
from support.eventually import eventually
from support.raw_lake import Record, append_raw
from support.shop import order
from support.stream_kills import audit_orders

from headrace.compaction import Compacted, compact
from headrace.fsck import check_table
from headrace.jobs.report import Report
from headrace.jobs.stream import CleaningStream
from headrace.lake_tables import choose_tables, tables_of
from headrace.tables import raw_table

ROUNDS, COMMITS_A_ROUND = 2, 2
RECORDS_A_COMMIT = 4
QUIET = Report(json_lines=True)


def land(lake: Path, commit: int) -> None:
    """A new order, a copy of one before, a record that is none, and another new order."""
    values = [order(2 * commit), order(max(0, 2 * commit - 2)), b"{", order(2 * commit + 1)]
    append_raw(lake, "orders", [Record(value, RECORDS_A_COMMIT * commit + at) for at, value in enumerate(values)])


@pytest.mark.slow
def test_it_loses_and_doubles_nothing_and_the_stream_goes_on(spark: SparkSession, tmp_path: Path):
    lake, done = tmp_path / "lake", list[Compacted]()
    land(lake, 0)

    def compact_raw_under_a_micro_batch(step: str) -> None:
        """Raw is not locked by who reads it: its files are replaced between the reading and the writing."""
        if step == "judged":
            done.append(compact(choose_tables(lake, [], ["orders"])[0], lock_wait_s=30))

    running = CleaningStream("orders", cleaner(spark, lake, compact_raw_under_a_micro_batch, run=str(uuid4())), QUIET)
    running.start(spark, raw_table(lake, "orders"), tmp_path / "checkpoint", max_files=1, interval_s=0.1)
    try:
        eventually(lambda: running.counts.rows == RECORDS_A_COMMIT, within_s=600)
        for number in range(ROUNDS):
            for commit in range(COMMITS_A_ROUND):
                land(lake, 1 + COMMITS_A_ROUND * number + commit)
            done += [compact(table, lock_wait_s=60) for table in tables_of(lake) if table.kind != "checks"]
            placed = RECORDS_A_COMMIT * (1 + COMMITS_A_ROUND * (number + 1))
            eventually(lambda placed=placed: running.counts.rows == placed, within_s=600)
            assert not running.has_ended(threading.Event())
    finally:
        running.stop()
    check(lake, done)


def check(lake: Path, done: list[Compacted]) -> None:
    compacted = {found.table.kind for found in done if found.removed > 1}
    assert compacted == {"raw", "clean", "quarantine", "duplicates"}, done
    commits = range(1 + ROUNDS * COMMITS_A_ROUND)
    places = {
        kind: sorted(row["_offset"] for row in read_rows(getattr(orders_tables(lake), kind), "_offset"))
        for kind in ("clean", "duplicates", "quarantine")
    }
    assert places == {
        "clean": sorted(RECORDS_A_COMMIT * commit + at for commit in commits for at in (0, 3)),
        "duplicates": [RECORDS_A_COMMIT * commit + 1 for commit in commits],
        "quarantine": [RECORDS_A_COMMIT * commit + 2 for commit in commits],
    }
    assert audit_orders(lake).faults == {}
    for table in tables_of(lake):
        assert check_table(table, deep=True).is_sound, table.name
