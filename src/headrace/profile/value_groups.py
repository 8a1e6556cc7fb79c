"""Groups of a column's values, in which the other columns are looked at: zero and fifths, or the most frequent values.

A row with a value is in exactly one group of its column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .number_counts import NumberCounts
from .report import ValueCount
from .words import number_text, quoted

MOST_CLASSES = 24
# Zero is a group of its own (calm, dry, none) where it is not a rarity.
ZERO_SHARE = 0.01
FIFTHS = (0.2, 0.4, 0.6, 0.8)


@dataclass(frozen=True)
class Interval:
    """Numbers above `low` and up to `high`; open where None. Without zero where that is a group of its own."""

    low: float | None
    high: float | None
    without_zero: bool

    def words(self) -> str:
        """What is said after the name of the column."""
        if self.low is None and self.high is None:
            return "is not 0" if self.without_zero else "has a value"
        if self.low is None and self.high == 0 and self.without_zero:
            return "is below 0"
        if self.low is None:
            return f"is at most {number_text(self.high)}" + (
                ", not 0" if self.without_zero and _holds_zero(self) else ""
            )
        if self.high is None:
            return f"is above {number_text(self.low)}"
        return f"is above {number_text(self.low)} and at most {number_text(self.high)}"


@dataclass(frozen=True)
class Zero:
    """The number 0."""

    def words(self) -> str:
        """What is said after the name of the column."""
        return "is 0"


@dataclass(frozen=True)
class Value:
    """One value of a category."""

    value: str

    def words(self) -> str:
        """What is said after the name of the column."""
        return f"is {quoted(self.value)}"


@dataclass(frozen=True)
class OtherValues:
    """All values of a category but these."""

    named: tuple[str, ...]

    def words(self) -> str:
        """What is said after the name of the column."""
        return f"is none of its {len(self.named)} most frequent values"


Group = Interval | Zero | Value | OtherValues


def groups_of_numbers(counts: NumberCounts) -> list[Group]:
    """Zero, where it is not rare, and the fifths of all values; those that hold no row are left out."""
    if len(counts.values) < 2:
        return []
    zeros = sum(rows for value, rows in zip(counts.values, counts.rows, strict=True) if value == 0)
    zero = zeros >= ZERO_SHARE * counts.total
    cuts = sorted({counts.quantile(share) for share in FIFTHS})
    intervals = [
        Interval(low, high, zero)
        for low, high in zip([None, *cuts], [*cuts, None], strict=True)
        if _rows_in(counts, low, high, zero)
    ]
    return [*([Zero()] if zero else []), *intervals]


def groups_of_categories(top: Sequence[ValueCount], distinct: int) -> list[Group]:
    """The most frequent values, and all others together; none where every value is the same."""
    if distinct < 2:
        return []
    named = tuple(str(count.value) for count in top[:MOST_CLASSES])
    return [*(Value(value) for value in named), *([OtherValues(named)] if distinct > len(named) else [])]


def _rows_in(counts: NumberCounts, low: float | None, high: float | None, without_zero: bool) -> int:
    return sum(
        rows
        for value, rows in zip(counts.values, counts.rows, strict=True)
        if (low is None or value > low) and (high is None or value <= high) and not (without_zero and value == 0)
    )


def _holds_zero(interval: Interval) -> bool:
    return interval.high is None or interval.high >= 0
