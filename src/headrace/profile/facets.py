"""The numbers that each row is seen as when columns are compared: one list of facets, whose products in pairs, summed
over all rows, hold every count and moment that two columns have in common.

So one pass over the table compares all columns with each other, over the rows in which both have a value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from .number_counts import NumberCounts
from .value_groups import Group

MOST_COMPARED = 60  # columns: the work of the pass grows with the square of their number
RANK_CLASSES = 1000


class Role(Enum):
    """What a facet is of its column, 0 where the column has no value."""

    PRESENT = "1 where there is a value, be it infinite"
    FINITE = "1 where there is a finite value"
    VALUE = "the value, in standard deviations from the mean"
    SQUARE = "the square of the value"
    RANK = "the share of values that are less, ties in their middle, minus a half"
    RANK_SQUARE = "the square of the rank"
    GROUP = "1 where the value is in the group"


@dataclass(frozen=True)
class RankScale:
    """Classes of values in ascending order, each with its rank; `uppers` are inclusive, the last one is open."""

    uppers: tuple[float, ...]
    ranks: tuple[float, ...]

    @classmethod
    def of(cls, counts: NumberCounts, classes: int = RANK_CLASSES) -> RankScale:
        """A class a value where there are at most `classes` of them, otherwise classes of about as many rows."""
        least = 0 if len(counts.values) <= classes else counts.total / classes
        uppers, ranks, before = [], [], 0
        for value, up_to in zip(counts.values, counts.up_to, strict=True):
            if up_to - before >= least or up_to == counts.total:
                uppers.append(value)
                ranks.append((before + up_to) / 2 / counts.total - 0.5)
                before = up_to
        return cls(tuple(uppers), tuple(ranks))

    def splits(self) -> list[float]:
        """The borders between the classes, each the least double of the class above it, and open at both ends."""
        return [-math.inf, *(math.nextafter(upper, math.inf) for upper in self.uppers[:-1]), math.inf]


@dataclass(frozen=True)
class Compared:
    """A column as it takes part in the comparison; `mean`, `deviation` and `ranks` are those of a varying number."""

    name: str
    rows: int
    missing: int
    infinite: int = 0
    mean: float | None = None
    deviation: float | None = None
    ranks: RankScale | None = None
    groups: Sequence[Group] = ()

    @property
    def is_number(self) -> bool:
        """Whether it has values to correlate."""
        return self.ranks is not None


@dataclass(frozen=True)
class Facet:
    """One number of a row; `column` is None for the constant 1, the first of every list."""

    column: str | None
    role: Role
    group: Group | None = None


@dataclass(frozen=True)
class Facets:
    """All facets of a table, and where each of them stands."""

    columns: tuple[Compared, ...]
    all: tuple[Facet, ...] = field(init=False)
    places: dict[Facet, int] = field(init=False)

    def __post_init__(self) -> None:
        found = (Facet(None, Role.PRESENT), *(facet for column in self.columns for facet in _facets_of(column)))
        object.__setattr__(self, "all", found)
        object.__setattr__(self, "places", {facet: place for place, facet in enumerate(found)})

    def place(self, column: Compared, role: Role, group: Group | None = None) -> int:
        """Where a facet stands; a mask that would be 1 in all rows is the constant."""
        if role is Role.FINITE and not column.infinite:
            role = Role.PRESENT
        return (
            self.places.get(Facet(column.name, role, group), 0)
            if _is_mask(role)
            else self.places[Facet(column.name, role, group)]
        )


def _is_mask(role: Role) -> bool:
    return role in (Role.PRESENT, Role.FINITE)


def _facets_of(column: Compared) -> Iterable[Facet]:
    if column.missing:
        yield Facet(column.name, Role.PRESENT)
    if column.infinite:
        yield Facet(column.name, Role.FINITE)
    if column.is_number:
        yield from (Facet(column.name, role) for role in (Role.VALUE, Role.SQUARE, Role.RANK, Role.RANK_SQUARE))
    yield from (Facet(column.name, Role.GROUP, group) for group in column.groups)
