"""What a soak has seen, what of it is wrong, and how it is told."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from support.kafka_oracle import Comparison

from headrace.landing_audit import LandingBooks

from .plan import Dose, Kind
from .producers import Sent
from .watch import STUCK_S, Resumed

RESUME_P99_S = 20.0
FEWEST_OF_ASKED = 0.8  # of the events that a run asks for, so many must have been sent
LEAST_TRANSACTIONAL = 0.3  # of the events that were sent
BLOWS = (Kind.KILL, Kind.BROKER_KILL, Kind.STALL)


@dataclass(frozen=True)
class Report:
    """One run. `kills` are by step; `surprises` are ends of processes and other things that should not have been."""

    seed: int
    dose: Dose
    seconds: float
    asked_events: float
    happened: Counter[Kind]
    kills: Counter[str]
    resumed: Sequence[Resumed]
    longest_idle_s: float
    stuck: dict[tuple[int, int], float]
    comparison: Comparison
    books: LandingBooks
    transactional: Sent
    producer_deaths: int
    landers: Set[int]  # how many there were at a time
    commits: int
    peak_bytes: int
    load: float
    surprises: tuple[str, ...]

    @property
    def faults(self) -> list[str]:
        """All that is wrong, a sentence each."""
        return [*self._of_audits(), *self._of_progress(), *self._of_plan(), *self.surprises]

    def _of_audits(self) -> list[str]:
        found = [] if self.comparison.is_clean else [f"raw is not what a plain consumer reads: {self.comparison}"]
        if self.books.faults:
            found.append(f"raw does not agree with the journals: {self.books.faults}, such as {self.books.examples}")
        return found

    def _of_progress(self) -> list[str]:
        found = [
            f"partition {partition} stood at {position} for {seconds:.0f} s, more than {STUCK_S:g}"
            for (partition, position), seconds in self.stuck.items()
        ]
        for kind in BLOWS:
            p99_s = percentile(self._seconds(kind), 99)
            if p99_s > RESUME_P99_S:
                found.append(f"{kind.value}: resumed after {p99_s:.1f} s (p99), more than {RESUME_P99_S:g}")
        return found

    def _of_plan(self) -> list[str]:
        planned = {Kind.KILL: self.dose.kills, Kind.BROKER_KILL: self.dose.broker_kills, Kind.STALL: self.dose.stalls}
        done = {kind: self.happened[kind] for kind in planned}
        found = [f"{kind.value}: {done[kind]} times, planned {count}" for kind, count in planned.items()]
        found = [text for text, kind in zip(found, planned, strict=True) if done[kind] < planned[kind]]
        if self.changes < self.dose.changes:
            found.append(f"{self.changes} landers joined or left, planned {self.dose.changes}")
        if self.books.journal < FEWEST_OF_ASKED * self.asked_events:
            found.append(f"{self.books.journal:,} events were sent, asked {self.asked_events:,.0f}")
        if self.transactional_share < LEAST_TRANSACTIONAL:
            share = f"{self.transactional_share:.1%}"
            found.append(f"{share} were sent in transactions, at least {LEAST_TRANSACTIONAL:.0%} asked")
        return found

    @property
    def transactional_share(self) -> float:
        """Of the events sent."""
        return self.transactional.records / max(1, self.books.journal)

    @property
    def changes(self) -> int:
        """Landers that joined or left."""
        return self.happened[Kind.JOIN] + self.happened[Kind.LEAVE]

    def lines(self) -> list[str]:
        """The table, and below it what is wrong."""
        comparison, books, sent = self.comparison, self.books, self.transactional
        ends = ", ".join(f"{count:,} {name}" for name, count in sent.transactions.items())
        rows = [
            ("seed, length", f"{self.seed}, {self.seconds:,.0f} s (load of the machine at the end: {self.load:.1f})"),
            ("events acknowledged", f"{books.journal:,}"),
            ("of them in transactions", f"{sent.records:,} ({self.transactional_share:.1%}): {ends}"),
            ("producers killed in a transaction", f"{self.producer_deaths}"),
            ("rows landed", f"{books.raw:,} in {self.commits:,} commits, {books.raw / self.seconds:,.0f} rows/s"),
            *((kind.value, self._times(kind)) for kind in BLOWS),
            ("kills by step", ", ".join(f"{step} {count}" for step, count in sorted(self.kills.items()))),
            ("membership changes", f"{self.changes}, among {min(self.landers)} to {max(self.landers)} landers"),
            ("longest standstill of a partition", f"{self.longest_idle_s:.1f} s"),
            ("most memory of a lander", f"{self.peak_bytes / 2**20:,.0f} MiB"),
            ("raw against a plain consumer", _in_words(comparison)),
            (
                "raw against the journals",
                f"lost write {books.lost_write}, duplicate {books.duplicate}, "
                f"aborted read {books.aborted_read}, others {sum(books.faults.values())}",
            ),
        ]
        width = max(len(name) for name, _ in rows)
        return [*(f"{name:<{width}}  {value}" for name, value in rows), *(f"WRONG: {fault}" for fault in self.faults)]

    def _seconds(self, kind: Kind) -> list[float]:
        return [each.seconds for each in self.resumed if each.kind is kind]

    def _times(self, kind: Kind) -> str:
        seconds = self._seconds(kind)
        if not seconds:
            return "never"
        p50_s, p99_s = percentile(seconds, 50), percentile(seconds, 99)
        return f"{self.happened[kind]} times; resumed after {p50_s:.1f} s (p50), {p99_s:.1f} s (p99)"


def percentile(values: Iterable[float], percent: float) -> float:
    """The least of the values that so many percent do not exceed (nearest rank); 0 where there is none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)] if ordered else 0.0


def _in_words(found: Comparison) -> str:
    return f"lost {found.lost}, doubled {found.doubled}, altered {found.altered}, invented {found.invented}"
