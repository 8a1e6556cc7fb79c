"""What columns say of each other, read from the sums of the products of their facets: correlations of Pearson and
Spearman, Cramér's V, missing values by groups of other columns, and what they say of a label.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from .facets import Compared, Facets, Role
from .report import Association, GroupShare, LabelFact, MissingBy, MissingPair

LEAST_ROWS = 3
# Below this share of what it could be, a variance is rounding.
LEAST_VARIANCE = 1e-12


@dataclass(frozen=True)
class Products:
    """The sums, over all rows, of the products of every two facets: a symmetric matrix."""

    facets: Facets
    sums: Sequence[Sequence[float]]

    def associations(self) -> list[Association]:
        """Every two columns of numbers, and every two with groups of which one is a category."""
        pairs = combinations([column for column in self.facets.columns if column.groups or column.is_number], 2)
        found = (self._association(first, second) for first, second in pairs)
        return [each for each in found if each is not None]

    def _association(self, first: Compared, second: Compared) -> Association | None:
        if first.is_number and second.is_number:
            return Association(
                first=first.name,
                second=second.name,
                rows=round(self._both(first, second)),
                pearson=self._correlation(first, second, Role.VALUE, Role.SQUARE),
                spearman=self._correlation(first, second, Role.RANK, Role.RANK_SQUARE),
            )
        if first.is_number or second.is_number:
            return None
        table = [[self._count(first, g, second, h) for h in second.groups] for g in first.groups]
        rows = round(sum(map(sum, table)))
        return Association(first=first.name, second=second.name, rows=rows, cramers_v=cramers_v(table))

    def _both(self, first: Compared, second: Compared) -> float:
        place = self.facets.place
        return self.sums[place(first, Role.FINITE)][place(second, Role.FINITE)]

    def _count(self, first: Compared, group: object, second: Compared, other: object) -> float:
        place = self.facets.place
        return self.sums[place(first, Role.GROUP, group)][place(second, Role.GROUP, other)]  # type: ignore[arg-type]

    def _correlation(self, first: Compared, second: Compared, value: Role, square: Role) -> float | None:
        place, sums, rows = self.facets.place, self.sums, self._both(first, second)
        if rows < LEAST_ROWS:
            return None
        x, y = place(first, value), place(second, value)
        here, there = place(first, Role.FINITE), place(second, Role.FINITE)
        x_sum, y_sum = sums[x][there], sums[here][y]
        x_spread = _spread(sums[place(first, square)][there], x_sum, rows)
        y_spread = _spread(sums[here][place(second, square)], y_sum, rows)
        if not x_spread or not y_spread:
            return None
        found = (sums[x][y] - x_sum * y_sum / rows) / math.sqrt(x_spread * y_spread)
        return max(-1.0, min(1.0, found))

    def missing_by(self) -> list[MissingBy]:
        """For every column with missing values, how often it has none by the groups of each other column."""
        return [
            self._missing_by(column, by)
            for column in self.facets.columns
            if column.missing
            for by in self.facets.columns
            if by is not column and by.groups
        ]

    def _missing_by(self, column: Compared, by: Compared) -> MissingBy:
        present = self.facets.place(column, Role.PRESENT)
        groups = []
        for group in by.groups:
            place = self.facets.place(by, Role.GROUP, group)
            rows, with_value = round(self.sums[place][place]), round(self.sums[place][present])
            groups.append(GroupShare(group=group.words(), rows=rows, missing=rows - with_value))
        strength = cramers_v([[share.missing, share.rows - share.missing] for share in groups])
        return MissingBy(column=column.name, by=by.name, strength=strength or 0.0, groups=tuple(groups))

    def missing_pairs(self) -> list[MissingPair]:
        """Every two columns that lack values."""
        lacking = [column for column in self.facets.columns if column.missing]
        return [
            MissingPair(
                first=first.name,
                second=second.name,
                first_rows=first.missing,
                second_rows=second.missing,
                both_rows=first.missing + second.missing - self._either_missing(first, second),
            )
            for first, second in combinations(lacking, 2)
        ]

    def _either_missing(self, first: Compared, second: Compared) -> int:
        place = self.facets.place
        return first.rows - round(self.sums[place(first, Role.PRESENT)][place(second, Role.PRESENT)])

    def label_facts(self, label: str) -> Iterator[LabelFact]:
        """What a missing value of each other column says of the label."""
        target = next(column for column in self.facets.columns if column.name == label)
        for column in self.facets.columns:
            if column.missing and column is not target:
                yield self._label_fact(column, target)

    def _label_fact(self, column: Compared, target: Compared) -> LabelFact:
        place, sums = self.facets.place, self.sums
        here, there = place(column, Role.PRESENT), place(target, Role.PRESENT)
        present = column.rows - column.missing
        known_present = sums[here][there]
        known_missing = sums[0][there] - known_present
        return LabelFact(
            column=column.name,
            rows_missing=column.missing,
            rows_present=present,
            label_missing_where_missing=1 - known_missing / column.missing,
            label_missing_where_present=1 - known_present / present if present else 0.0,
            mean_where_missing=self._mean(target, column, present=False),
            mean_where_present=self._mean(target, column, present=True),
        )

    def _mean(self, target: Compared, column: Compared, *, present: bool) -> float | None:
        """The mean of the target over the rows with, or without, a value of another column."""
        if not target.is_number or target.mean is None or target.deviation is None:
            return None
        here = self.facets.place(column, Role.PRESENT)
        value, finite = self.facets.place(target, Role.VALUE), self.facets.place(target, Role.FINITE)
        total, rows = self.sums[value][here], self.sums[finite][here]
        if not present:
            total, rows = self.sums[value][0] - total, self.sums[finite][0] - rows
        return target.mean + target.deviation * total / rows if round(rows) else None


def _spread(squares: float, total: float, rows: float) -> float:
    """The sum of squared distances from the mean; 0 where it is nothing but rounding."""
    found = squares - total * total / rows
    return found if found > LEAST_VARIANCE * rows and found > 1e-9 * squares else 0.0


def cramers_v(table: Sequence[Sequence[float]]) -> float | None:
    """Cramér's V of a table of counts (1946): the root of chi² / (n · (the lesser number of classes - 1)), without
    empty classes. None where one side has no two classes.
    """
    lines = [line for line in table if sum(line)]
    columns = [column for column in zip(*lines, strict=True) if sum(column)]
    if len(lines) < 2 or len(columns) < 2:
        return None
    lines = list(zip(*columns, strict=True))
    total = sum(map(sum, lines))
    sums = [sum(column) for column in columns]
    chi = sum(
        (count - sum(line) * down / total) ** 2 / (sum(line) * down / total)
        for line in lines
        for count, down in zip(line, sums, strict=True)
    )
    return min(1.0, math.sqrt(chi / (total * (min(len(lines), len(columns)) - 1))))
