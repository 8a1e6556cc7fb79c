"""A raw table to which a lander commits and commits."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from headrace import tables
from headrace.ingestion.landing import Landing
from headrace.ingestion.positions import Move
from headrace.ingestion.raw_columns import record_columns
from headrace.ingestion.raw_table import RawTable

from .kafka_records import record

PARTITIONS = 8


class Growing:
    """A raw table to which its lander commits small batches, a partition after the other."""

    def __init__(self, lake: Path) -> None:
        self.lake, self.folder = lake, str(tables.raw_table(lake, "t"))
        self.landing = self.opened()
        self.ends = dict.fromkeys(range(PARTITIONS), 0)
        self.commits = 0

    def opened(self) -> Landing:
        """A lander that has just come to the table, and asked for all positions."""
        landing = Landing(RawTable.of(self.lake, "t", "cluster"), "ID", durable=False)
        landing.positions(range(PARTITIONS))
        return landing

    def append(self, rows: int) -> float:
        """One commit; returns its CPU-seconds, without those of a checkpoint that is made beside it."""
        partition = self.commits % PARTITIONS
        first = self.ends[partition]
        batch = record_columns(partition, [record(first + each, partition=partition) for each in range(rows)])
        before_s = time.thread_time()
        self.landing.commit([batch], {partition: Move(first or None, first + rows)}, lock_wait_s=5.0)
        spent_s = time.thread_time() - before_s
        self.ends[partition] += rows
        self.commits += 1
        return spent_s

    def grow_to(self, commits: int) -> None:
        while self.commits < commits:
            self.append(1)
        self.landing.wait_for_checkpoint()


def append_s(*tables: Growing) -> list[float]:
    """What a thousand rows take in each, by the median of appends in turns: no machine is as fast at all times."""
    spent_s = [[table.append(1_000) for table in tables] for _ in range(31)]
    return [statistics.median(each) for each in zip(*spent_s, strict=True)]
