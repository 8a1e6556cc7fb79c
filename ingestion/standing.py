"""How a lander stands at one instant: what it reads, how far it is behind, what is in its way. Data, and no payload."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class PartitionState(Enum):
    """What a lander does with a partition that the group gave to it."""

    STARTING = "starting"  # table and broker are being asked where to begin
    LANDING = "landing"
    PAUSED = "paused"  # the buffers are full: nothing is fetched until a commit succeeds
    STOPPED = "stopped"  # the broker no longer holds what the table asks for next


@dataclass(frozen=True)
class PartitionStanding:
    """One partition: the landed position (None: nothing yet), and what the broker holds, where it was asked."""

    topic: str
    partition: int
    state: PartitionState
    landed: int | None = None
    beginning: int | None = None
    end: int | None = None

    @property
    def lag(self) -> int | None:
        """The offsets between the landed position and the end; None where the end is not known yet."""
        if self.end is None or self.beginning is None:
            return None
        return max(0, self.end - (self.beginning if self.landed is None else self.landed))

    @property
    def margin(self) -> int | None:
        """How many offsets the landed position is ahead of the oldest that the broker holds; below zero some are lost.

        None where nothing was landed yet, or the broker was not asked.
        """
        return None if self.landed is None or self.beginning is None else self.landed - self.beginning


@dataclass(frozen=True)
class TopicStanding:
    """What is read of one topic and not landed. Both ages are 0 when nothing waits."""

    topic: str
    buffered_rows: int
    buffered_bytes: int
    oldest_wait_s: float  # since the oldest of it was read
    oldest_age_s: float  # since its Kafka timestamp


@dataclass(frozen=True)
class Standing:
    """A lander at the instant `at_s` (wall clock)."""

    at_s: float
    joined: bool  # the group has given it its partitions, were it none
    broker_away: bool = False
    waits_for_table: bool = False  # a lock that someone else holds
    topics: tuple[TopicStanding, ...] = ()
    partitions: tuple[PartitionStanding, ...] = ()

    @property
    def lag(self) -> int:
        """The offsets to land of all its partitions whose end is known."""
        return sum(partition.lag or 0 for partition in self.partitions)

    @property
    def buffered_bytes(self) -> int:
        """The memory of all that is read and not landed."""
        return sum(topic.buffered_bytes for topic in self.topics)

    def count(self, topic: str, state: PartitionState) -> int:
        """How many partitions of a topic are in this state."""
        return sum(1 for each in self.partitions if (each.topic, each.state) == (topic, state))

    def not_ready(self) -> list[str]:
        """Why it cannot land what comes now; empty when it can. One partition that stopped is no reason."""
        reasons = {
            "the group has not given it partitions yet": not self.joined,
            "no broker answers": self.broker_away,
            "a commit waits for the lock of a table": self.waits_for_table,
        }
        return [reason for reason, holds in reasons.items() if holds]


@dataclass
class Board:
    """Where a lander posts how it stands, for whoever looks from another thread: the newest post is all there is.

    `turned_at_s` is when the loop last came by (monotonic clock); it comes by several times a second.
    """

    turned_at_s: float
    standing: Standing | None = None
