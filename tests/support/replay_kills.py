"""Replays of the quarantine, killed at named points and run again, against a naive account of what must become of each
record.
"""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .clean_shop import orders_tables
from .cleaning_process import run_job
from .delta_rows import read_rows
from .raw_lake import Record, append_raw
from .rejected_shop import STRICT, without_gift
from .shop import order, write_shop
from .stream_kills import audit_orders

STEPS = ("after_duplicates", "after_clean", "judged", "after_attempts")
PARTITIONS = 2
RECORDS_A_ROUND = 40

Place = tuple[int, int]  # partition, offset
Run = Callable[[str, list[str]], int]  # an entry of headrace.jobs and its options; gives the exit code


@dataclass
class Account:
    """What must become of each record, by plain Python: cleaning by the strict rules, then a replay by the shop's."""

    clean: dict[int, Place] = field(default_factory=dict)  # by number of the order
    duplicates: dict[Place, Place] = field(default_factory=dict)  # to the winner
    broken: set[Place] = field(default_factory=set)
    waiting: dict[Place, int] = field(default_factory=dict)  # orders without a gift, not yet replayed

    def cleaned(self, place: Place, number: int | None, has_gift: bool) -> None:
        """A record that cleaning comes to, in the order of the offsets."""
        if number is None:
            self.broken.add(place)
        elif not has_gift:
            self.waiting[place] = number
        else:
            self._accept(place, number)

    def replayed(self) -> None:
        """Everything that waits, in the order of the places."""
        for place, number in sorted(self.waiting.items()):
            self._accept(place, number)
        self.waiting.clear()

    def _accept(self, place: Place, number: int) -> None:
        winner = self.clean.setdefault(number, place)
        if winner != place:
            self.duplicates[place] = winner


class Feed:
    """Lands orders: new ones and copies, with a gift and without, and records that are none."""

    def __init__(self, lake: Path, seed: int) -> None:
        self.account = Account()
        self._lake, self._draw = lake, random.Random(seed)
        self._offsets, self._orders = Counter[int](), 0

    def land(self) -> None:
        """One commit of raw."""
        records = [self._record() for _ in range(RECORDS_A_ROUND)]
        append_raw(self._lake, "orders", records)

    def _record(self) -> Record:
        kind = self._draw.choices(["new", "copy", "broken"], [6, 3, 1])[0]
        if kind == "new" or not self._orders:
            self._orders += 1
        number = self._orders if kind == "new" else self._draw.randint(1, self._orders)
        partition = number % PARTITIONS
        place = (partition, self._offsets[partition])
        self._offsets[partition] += 1
        has_gift = self._draw.random() < 0.5
        self.account.cleaned(place, None if kind == "broken" else number, has_gift)
        value = b"{" if kind == "broken" else order(number) if has_gift else without_gift(number)
        return Record(value, place[1], partition)


def kill_replays(folder: Path, *, steps: Sequence[str], seed: int, run: Run) -> Account:
    """For each step: lands orders, cleans them by the strict rules, kills a replay by the shop's own rules at the step,
    and runs it again to its end. The books must balance each time, also while the dead replay lies there.
    """
    lake = folder / "lake"
    strict, loose = write_shop(folder / "strict.yaml", **STRICT), write_shop(folder / "shop.yaml")
    feed = Feed(lake, seed)
    for step in steps:
        feed.land()
        assert run("clean_batch", [f"--pipeline={strict}", f"--lake={lake}"]) == 0
        options = [f"--pipeline={loose}", f"--lake={lake}", "--reason=missing_field"]
        exit_code = run_job("support.killed_replay", [step, *options], log=folder / "replays.log")
        assert exit_code == -signal.SIGKILL, f"ended with {exit_code} and not at {step}: see {folder}/replays.log"
        left = audit_orders(lake)
        assert not left.faults, f"seed {seed}, {step}: {left}"
        assert (left.unfinished > 0) == (step in ("after_duplicates", "after_clean")), (step, left)
        feed.account.replayed()
        for _ in range(2):
            assert run("replay_quarantine", options) == 0
            check(lake, feed.account)
    return feed.account


def check(lake: Path, account: Account) -> None:
    """The tables against the account, record by record."""
    tables = orders_tables(lake)
    assert _places(tables.clean) == sorted(account.clean.values())
    rows = read_rows(tables.duplicates)
    found = {(row["_partition"], row["_offset"]): (row["winner_partition"], row["winner_offset"]) for row in rows}
    assert (len(rows), found) == (len(found), account.duplicates)
    books = audit_orders(lake)
    assert not books.faults, books
    assert (books.quarantine, books.unfinished) == (len(account.broken), 0)
    attempts = Counter((row["_partition"], row["_offset"]) for row in read_rows(tables.quarantine))
    assert set(attempts.values()) <= {1, 2}, attempts
    assert all(attempts[place] == 1 for place in account.broken)


def _places(table: Path) -> list[Place]:
    return sorted((row["_partition"], row["_offset"]) for row in read_rows(table))
