"""What a run of the lander has done, counted as it goes: plain numbers, so that who does not look at them pays nothing.

A number grows once a commit, a rebalance or a refusal; none of them grows with a record.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import Enum

from . import steps
from .flush import FlushReason

# Seconds. A commit of some thousand rows takes 10 to 50 ms on a local disk; beyond a second something is in its way.
COMMIT_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Rebalance(Enum):
    """What the group did with partitions of this lander."""

    ASSIGNED = "assigned"
    REVOKED = "revoked"  # taken away in good order
    LOST = "lost"  # taken away already: this lander was silent for longer than its session


class Trouble(Enum):
    """What was in the way, and was tried again."""

    CONFLICT = "conflict"  # another lander had moved a partition; the buffer was dropped, to be read again
    LOCK_WAIT = "lock_wait"  # the table's lock was held by someone else; the commit waits
    BROKER_AWAY = "broker_away"  # no broker answered
    COMMIT_FAILED = "commit_failed"  # the table could not be written; the run ends


@dataclass
class Latency:
    """Durations of one kind: how many fell into each bucket (the last one is open), and their sum."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(COMMIT_BUCKETS_S) + 1))
    sum_s: float = 0.0

    def add(self, seconds: float) -> None:
        """Counts one duration."""
        self.counts[bisect_left(COMMIT_BUCKETS_S, seconds)] += 1
        self.sum_s += seconds


class Tally:
    """The numbers of one run, all its sessions together. By topic, except where a name says otherwise."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self.size_bytes: Counter[str] = Counter()  # of the rows in memory, all columns
        self.commits: Counter[tuple[str, FlushReason]] = Counter()
        self.latency: defaultdict[str, Latency] = defaultdict(Latency)
        self.last_commit_at_s: dict[str, float] = {}  # wall clock
        self.rebalances: Counter[Rebalance] = Counter()
        self.troubles: Counter[Trouble] = Counter()
        self.log_entries_tried = 0
        self.offset_commits_refused = 0

    def committed(
        self, topic: str, reason: FlushReason, *, rows: int, size_bytes: int, seconds: float, now_s: float
    ) -> None:
        """Notes one commit; `now_s` is the wall clock."""
        self.rows[topic] += rows
        self.size_bytes[topic] += size_bytes
        self.commits[topic, reason] += 1
        self.latency[topic].add(seconds)
        self.last_commit_at_s[topic] = now_s

    def offset_commit_refused(self) -> None:
        """Notes that Kafka did not take the group's offsets, which only lag tools miss."""
        self.offset_commits_refused += 1

    def step(self, passed: str) -> None:
        """An `on_step` that counts how often a log entry was tried: more than the commits, where some were refused."""
        self.log_entries_tried += passed == steps.BEFORE_LOG_ENTRY
