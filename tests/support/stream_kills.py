"""Cleaning streams killed at named points, restarted, and audited: a few times in `make test`, many in `make prove`."""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deltalake import DeltaTable

from headrace.audit import CleaningBooks, audit_cleaning
from headrace.tables import SourceTables

from .clean_shop import orders_tables
from .cleaning_process import run_job
from .raw_lake import Record, append_raw
from .shop import order, write_shop

STEPS = ("after_quarantine", "after_duplicates", "after_clean", "judged")

# How many commits (quarantine, duplicates, clean) a killed micro-batch has made when it passes a step.
COMMITS_BEFORE = {
    "judged": (0, 0, 0),
    "after_quarantine": (1, 0, 0),
    "after_duplicates": (1, 1, 0),
    "after_clean": (1, 1, 1),
}

COMMITS_A_ROUND = 4  # of raw, landed before each kill; a kill comes in the first three of them
NEW, EXACT, CONFLICTING, BROKEN = 30, 4, 3, 5  # records of each raw commit, by what must become of them

# A stream of one raw commit a micro-batch, to the end of what has landed.
TO_THE_END = ("--until-end", "--max-files=1", "--json-lines")

Finish = Callable[[list[str]], int]


@dataclass(frozen=True)
class KillReport:
    """What a run of kills did and found; `commits` are of raw."""

    seed: int
    kills: Counter[str]  # by step
    commits: int
    books: CleaningBooks


class Feed:
    """Writes raw orders of the shop; every commit has new ones, copies of both kinds and broken records."""

    def __init__(self, lake: Path, seed: int) -> None:
        self.commits = 0
        self._lake, self._draw = lake, random.Random(seed)
        self._offsets, self._sent = Counter[int](), []

    def land(self, commits: int) -> None:
        for _ in range(commits):
            new = [(len(self._sent) + number, number % 2) for number in range(NEW)]
            self._sent += new
            values = [(partition, order(number)) for number, partition in new]
            values += [(partition, order(number)) for number, partition in self._draw.sample(self._sent, EXACT)]
            copied = self._draw.sample(self._sent, CONFLICTING)
            values += [(partition, order(number, amount=9.5)) for number, partition in copied]
            values += [(number % 2, value) for number, value in enumerate([b"{", None, b"\xff", b"[]", b'{"id":1}'])]
            append_raw(self._lake, "orders", [self._next(partition, value) for partition, value in values])
            self.commits += 1

    def _next(self, partition: int, value: bytes | None) -> Record:
        self._offsets[partition] += 1
        return Record(value, self._offsets[partition] - 1, partition)


def kill_streams(folder: Path, *, kills: int, seed: int, finish: Finish) -> KillReport:
    """Kills a stream `kills` times, spread evenly over `STEPS`; after each kill, `finish` starts it again, to its end.

    Each time, the books must balance then, and the killed run must have left exactly what its step says. `folder` gets
    the lake and the log.
    """
    draw, lake = random.Random(seed), folder / "lake"
    feed, killed = Feed(lake, seed), Counter[str]()
    options = [f"--pipeline={write_shop(folder / 'shop.yaml')}", f"--lake={lake}", *TO_THE_END]
    plan = [STEPS[index % len(STEPS)] for index in range(kills)]
    draw.shuffle(plan)
    for step in plan:
        feed.land(COMMITS_A_ROUND)
        occurrence = draw.randint(1, COMMITS_A_ROUND - 1)
        orders = [step, str(occurrence), *options]
        before = _versions(lake)
        exit_code = run_job("support.killed_stream", orders, log=folder / "streams.log")
        assert exit_code == -signal.SIGKILL, f"ended with {exit_code} and not at {step}: see {folder}/streams.log"
        _check_killed(lake, step, occurrence, before)
        killed[step] += 1
        assert finish(options) == 0, f"the restart after {step} failed: see {folder}/streams.log"
        books = audit_orders(lake)
        assert not books.faults, f"seed {seed}, after {killed}: {books}"
    return KillReport(seed, killed, feed.commits, books)


def audit_orders(lake: Path) -> CleaningBooks:
    """The books of the shop's orders."""
    return audit_cleaning(lake, "orders", "orders", orders_tables(lake))


def _check_killed(lake: Path, step: str, occurrence: int, before: tuple[int, ...]) -> None:
    """What a kill left behind: whole micro-batches, the writes up to the step, and no commit of Spark's checkpoint."""
    made = tuple(now - then for now, then in zip(_versions(lake), before, strict=True))
    assert made == tuple(occurrence - 1 + commits for commits in COMMITS_BEFORE[step]), (step, occurrence, made)
    books = audit_orders(lake)
    assert books.doubled == books.unexplained == 0, books
    assert books.lost + books.waiting > 0, f"nothing was left to do after {step}: {books}"
    checkpoint = lake / "shop" / "checkpoints" / "orders" / orders_tables(lake).clean.name
    begun, ended = (_numbers(checkpoint / name) for name in ("offsets", "commits"))
    assert max(begun) == max(ended, default=-1) + 1, (begun, ended)


def _versions(lake: Path) -> tuple[int, ...]:
    """How many commits quarantine, duplicates and clean have beyond their creation."""
    tables: SourceTables = orders_tables(lake)
    paths = (tables.quarantine, tables.duplicates, tables.clean)
    return tuple(DeltaTable(path).version() if path.exists() else 0 for path in paths)


def _numbers(folder: Path) -> list[int]:
    return [int(path.name) for path in folder.iterdir() if path.name.isdigit()]
