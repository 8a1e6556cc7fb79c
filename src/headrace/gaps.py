"""Gaps: ranges of offsets that a raw table lacks, and that somebody has accepted by name.

They stand in a property of the raw table, as one line of JSON, because the entries of its log go after some hours.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

DELETED = "deleted"  # the broker had deleted these records before they were landed
CUT = "cut"  # the broker's log was cut: it gave these offsets a second time, and the table has their first records


@dataclass(frozen=True)
class Gap:
    """Offsets in `[first, end)` of one partition that are not landed, and who has accepted that, and when."""

    topic_id: str
    partition: int
    first: int
    end: int
    reason: str  # DELETED or CUT
    accepted_by: str  # user@host
    accepted_at: str  # ISO 8601, UTC

    def __str__(self) -> str:
        return (
            f"partition {self.partition}, offsets {self.first} to {self.end - 1} "
            f"({self.reason}; accepted by {self.accepted_by} at {self.accepted_at})"
        )


def gaps_to_property(gaps: Iterable[Gap]) -> str:
    """The text of the table property `headrace.gaps`, in the order given."""
    return json.dumps([asdict(gap) for gap in gaps], separators=(",", ":"))


def gaps_from_property(text: str | None) -> tuple[Gap, ...]:
    """The gaps of that text; none where the table has no such property."""
    return tuple(Gap(**entry) for entry in json.loads(text)) if text else ()
