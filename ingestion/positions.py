"""Positions: where to go on reading, given what the table has and what the broker still holds.

An offset is a record's; a position is the next one to read. A partition with a landed position has exactly three
outcomes: it begins (the table knows nothing of it), it resumes, or what it needs next is lost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from headrace.errors import PositionLost

Place = tuple[str, int]  # topic, partition; equal to kafka-python's TopicPartition


def by_topic(places: Iterable[Place]) -> dict[str, frozenset[int]]:
    """The partitions of each topic."""
    grouped: dict[str, set[int]] = defaultdict(set)
    for topic, partition in places:
        grouped[topic].add(partition)
    return {topic: frozenset(partitions) for topic, partitions in grouped.items()}


@dataclass(frozen=True)
class Bounds:
    """What a partition holds: offsets in `[beginning, end)`, where `end` is the last stable one."""

    beginning: int
    end: int


@dataclass(frozen=True)
class Move:
    """From the position that the table is expected to have (None: none yet) to the one that it shall have."""

    expected: int | None
    position: int


@dataclass(frozen=True)
class Lost:
    """A partition that stopped: the broker does not hold `position`, which the table asks for next.

    Or it does, and what is there cannot be read: then `unreadable` says why, and `remedy` what to do.
    """

    place: Place
    position: int
    bounds: Bounds | None  # None where the broker only says that its log has diverged
    unreadable: str = ""
    remedy: str = "Restore the records on the broker, or land this topic into another lake"

    @property
    def is_deleted(self) -> bool:
        """Whether what is missing was deleted, as retention does; else the log was cut."""
        return self.bounds is not None and self.position < self.bounds.beginning

    def fields(self) -> dict[str, str | int | None]:
        """What a log line says of it, for machines."""
        bounds = {"beginning": self.bounds.beginning, "end": self.bounds.end} if self.bounds else {}
        return {"topic": self.place[0], "partition": self.place[1], "position": self.position, **bounds}

    def __str__(self) -> str:
        if self.unreadable:
            return self.unreadable
        topic, partition = self.place
        asked = f"{topic}[{partition}]: the table asks for offset {self.position} next, but the broker"
        if self.bounds is None:
            return f"{asked} says that its log was cut before it"
        if self.is_deleted:
            deleted = f"offsets {self.position} to {self.bounds.beginning - 1} were deleted before they were landed"
            return f"{asked} begins at {self.bounds.beginning}: {deleted}"
        again = f"offsets {self.bounds.end} to {self.position - 1}, which the table has, will be given to other records"
        return f"{asked} ends at {self.bounds.end}: its log was cut or restored from an older copy; {again}"


def resume(place: Place, position: int | None, bounds: Bounds) -> int | Lost:
    """The offset to read first in a partition whose landed position is `position` (None: nothing landed yet)."""
    if position is None:
        return bounds.beginning
    if bounds.beginning <= position <= bounds.end:
        return position
    return Lost(place, position, bounds)


def lost_error(lost: Iterable[Lost]) -> PositionLost:
    """The error that names every partition that stopped, and what can be done."""
    stopped = list(lost)
    lines = "\n  ".join(str(each) for each in stopped)
    remedies = ". ".join(dict.fromkeys(each.remedy for each in stopped))
    accept = " ".join(f"--accept-gap {each.place[0]}:{each.place[1]}" for each in stopped if not each.unreadable)
    go_on = f". Or go on without what is gone, which the table will say: {accept}" if accept else ""
    return PositionLost(f"{lines}\nNothing was skipped, and all other partitions were landed. {remedies}{go_on}")
