"""A day of thin traffic, at a commit a second: what the table costs at its end, and after the day's compaction.

The commits are made one after another as fast as the machine allows, by the lander's own way to commit, and its clock
is set: the n-th commit is made at the n-th step of the day. Each log entry and checkpoint gets that time as its own on
the disk, and the clean-up of the log reads the same clock; before the next step a checkpoint that is due is done, as
it would be in a second. In the full day the checkpoints of its first sixteen hours, of which nothing is left at its
end, are made at every 2,000th commit and not at every hundredth.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from deltalake import DeltaTable
from support.growing_table import PARTITIONS, Growing, append_s
from support.kafka_oracle import query

from headrace.compaction import compact
from headrace.ingestion import checkpoints
from headrace.lake_tables import choose_tables

DAY_S = 86_400
RETENTION_S = 4 * 3_600  # of the log of a raw table
INTERVAL, RARELY = 100, 2_000  # commits between its checkpoints, and between those that leave no trace
SUPERSEDED_S = 600  # how long every checkpoint stays
OPEN_S, GROWTH = 2.0, 2.0
MIB = 2**20


@dataclass(frozen=True)
class Costs:
    """Of a table: CPU-seconds to open it (by deltalake; by a lander, with its positions), to append 1,000 rows (to it,
    and to one of a hundred commits at the same time), and to write a checkpoint; its log, and its newest checkpoint.
    """

    open_s: float
    lander_s: float
    append_s: float
    young_append_s: float
    checkpoint_s: float
    entries: int
    checkpoints: int
    log_bytes: int
    checkpoint_bytes: int

    @classmethod
    def of(cls, table: Growing, folder: Path, young: Growing) -> Costs:
        open_s, lander_s = cpu_s(lambda: DeltaTable(table.folder)), cpu_s(table.opened)
        spent_s = append_s(table, young)
        table.landing.wait_for_checkpoint()
        checkpoint_s = cpu_s(lambda: DeltaTable(table.folder).create_checkpoint())
        files = list(folder.iterdir())
        made = sorted(file for file in files if file.name.endswith(".checkpoint.parquet"))
        entries = sum(file.suffix == ".json" for file in files)
        sizes = sum(file.stat().st_size for file in files)
        return cls(open_s, lander_s, *spent_s, checkpoint_s, entries, len(made), sizes, made[-1].stat().st_size)

    def __str__(self) -> str:
        return (
            f"opened in {self.open_s:.2f} s of CPU, by a lander in {self.lander_s:.2f}; "
            f"1,000 rows in {self.append_s * 1e3:.2f} ms, and {self.young_append_s * 1e3:.2f} after a hundred commits; "
            f"checkpoint of {self.checkpoint_bytes / MIB:.2f} MiB in {self.checkpoint_s:.2f} s; "
            f"log of {self.entries:,} entries and {self.checkpoints} checkpoints, {self.log_bytes / MIB:.1f} MiB"
        )


def cpu_s(act):
    before_s = time.process_time()
    act()
    return time.process_time() - before_s


class Day:
    """A table at whose every step of `step_s` simulated seconds one record is committed."""

    def __init__(self, lake, step_s, monkeypatch):
        self.table, self.young, self.step_s = Growing(lake), Growing(lake / "young"), step_s
        self.young.grow_to(INTERVAL)
        self.log = Path(self.table.folder) / "_delta_log"
        self._midnight_s, self._dated = time.time() - DAY_S, set()
        monkeypatch.setattr(checkpoints, "time", SimpleNamespace(monotonic=time.monotonic, time=lambda: self.now_s))
        self._date_all()

    @property
    def now_s(self):
        return self._midnight_s + self.table.commits * self.step_s

    def pass_to(self, commits, interval=INTERVAL):
        """Lets the day go on until so many commits are made, with a checkpoint after each `interval` of them."""
        upkeep = self.table.landing._log._checkpoints
        upkeep._upkeep = replace(upkeep._upkeep, interval=interval)
        while self.table.commits < commits:
            self.table.append(1)
            self._date(self.log / f"{self.table.landing._log.version:020d}.json")
            if self.table.landing._log._checkpoints.is_busy:
                self.table.landing.wait_for_checkpoint()
                self._date_all()

    def costs(self):
        """What the table costs now; the appends and the checkpoint of the trial are of this moment, too."""
        found = Costs.of(self.table, self.log, self.young)
        self._date_all()
        return found

    def _date_all(self):
        self._date(*(file for file in self.log.iterdir() if file not in self._dated))

    def _date(self, *files):
        for file in files:
            os.utime(file, (self.now_s, self.now_s))
            self._dated.add(file)

    def compact(self, lake):
        (raw,) = choose_tables(lake, [], ["t"])
        return compact(raw, lock_wait_s=5.0)


def holds_all(table):
    """Whether every record of every partition is there once, and a lander knows all positions."""
    rows = query(
        table.folder, "select _partition as p, count(*) as n, count(distinct _offset) as d from t group by _partition"
    )
    found = {row["p"]: (row["n"], row["d"]) for row in rows}
    assert table.opened().positions(range(PARTITIONS)) == table.ends
    return found == {partition: (end, end) for partition, end in table.ends.items()}


def a_day(tmp_path, monkeypatch, commits, interval):
    """The costs of a table of a hundred commits, after a day, and compacted; what must hold on any machine, does."""
    day = Day(tmp_path, DAY_S / commits, monkeypatch)
    day.pass_to(INTERVAL)
    morning = day.costs()
    day.pass_to(commits - round(2 * RETENTION_S / day.step_s), interval)
    day.pass_to(commits)
    old = day.costs()
    done = day.compact(tmp_path)
    day.pass_to(day.table.commits + 2 * INTERVAL)  # until a checkpoint stands for the entry that names all that went
    compacted = day.costs()
    for name, costs in (("a hundred commits", morning), (f"{commits:,} commits", old), ("compacted", compacted)):
        print(f"{name}: {costs}")
    assert holds_all(day.table)
    assert done.removed > commits / 2
    assert old.entries <= 1.5 * RETENTION_S / day.step_s + interval + 2 * INTERVAL
    assert old.checkpoints <= SUPERSEDED_S / day.step_s / INTERVAL + 7
    return old, compacted


def test_over_a_day_the_log_keeps_the_entries_of_four_hours_and_nothing_is_lost(tmp_path, monkeypatch):
    a_day(tmp_path, monkeypatch, commits=600, interval=INTERVAL)


@pytest.mark.prove
@pytest.mark.timeout(7_200)
def test_after_a_day_of_a_commit_a_second_a_table_is_opened_and_appended_to_as_in_the_morning(tmp_path, monkeypatch):
    for costs in a_day(tmp_path, monkeypatch, commits=DAY_S, interval=RARELY):
        assert costs.open_s < OPEN_S
        assert costs.lander_s < OPEN_S
        assert costs.append_s <= GROWTH * costs.young_append_s
