"""A table of many commits: what it costs to open it and to go on, and that no position is lost on the way."""

from __future__ import annotations

import statistics
import time

import pytest
from deltalake import DeltaTable
from support.kafka_oracle import query
from support.kafka_records import record

from headrace import tables
from headrace.ingestion.landing import Landing
from headrace.ingestion.positions import Move
from headrace.ingestion.raw_columns import record_columns
from headrace.ingestion.raw_table import RawTable

PARTITIONS = 8
OPEN_S = 2.0  # what a reader may take to open a table of ten thousand commits
GROWTH = 2.0  # what an append to it may cost, in appends to a table of a hundred


class Growing:
    """A raw table to which its lander commits small batches, a partition after the other."""

    def __init__(self, lake) -> None:
        self.lake, self.folder = lake, str(tables.raw_table(lake, "t"))
        self.landing = self.opened()
        self.ends = dict.fromkeys(range(PARTITIONS), 0)
        self.commits = 0

    def opened(self):
        landing = Landing(RawTable.of(self.lake, "t", "cluster"), "ID", durable=False)
        landing.positions(range(PARTITIONS))
        return landing

    def append(self, rows):
        """One commit; returns the CPU-seconds of it."""
        partition = self.commits % PARTITIONS
        first = self.ends[partition]
        batch = record_columns(partition, [record(first + each, partition=partition) for each in range(rows)])
        before_s = time.process_time()
        self.landing.commit([batch], {partition: Move(first or None, first + rows)}, lock_wait_s=5.0)
        spent_s = time.process_time() - before_s
        self.ends[partition] += rows
        self.commits += 1
        return spent_s

    def grow_to(self, commits):
        while self.commits < commits:
            self.append(1)
        self.landing.wait_for_checkpoint()

    def append_s(self):
        """What a thousand rows take, by the median of some appends."""
        return statistics.median(self.append(1_000) for _ in range(31))


def test_after_hundreds_of_commits_every_position_is_known_and_the_last_checkpoint_is_near(tmp_path):
    table = Growing(tmp_path)
    table.grow_to(450)
    assert table.opened().positions(range(PARTITIONS)) == table.ends
    newest = table.landing._log._folder.checkpoint_version()
    assert DeltaTable(table.folder).version() - newest < 2 * 100
    assert query(table.folder, "select count(*) as n from t") == [{"n": 450}]


@pytest.mark.prove
@pytest.mark.timeout(1_200)
def test_a_table_of_ten_thousand_commits_opens_at_once_and_is_appended_to_as_one_of_a_hundred(tmp_path):
    table = Growing(tmp_path)
    table.grow_to(100)
    young_s = table.append_s()
    table.grow_to(10_000)
    old_s = table.append_s()
    started_s = time.perf_counter()
    version = DeltaTable(table.folder).version()
    open_s = time.perf_counter() - started_s
    started_s = time.perf_counter()
    positions = table.opened().positions(range(PARTITIONS))
    lander_s = time.perf_counter() - started_s
    print(f"append of 1,000 rows: {young_s * 1e3:.2f} ms of CPU at 100 commits, {old_s * 1e3:.2f} ms at {version:,}")
    print(f"opened in {open_s:.2f} s by deltalake, in {lander_s:.2f} s by a lander with its positions")
    assert positions == table.ends
    assert query(table.folder, "select count(*) as n from t") == [{"n": sum(table.ends.values())}]
    assert open_s < OPEN_S
    assert old_s <= GROWTH * young_s
