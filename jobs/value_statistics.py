"""Exact statistics of columns of numbers, by group: what the formulas of `headrace.plans` are given.

Nothing depends on the order of rows or on how they are cut: quantiles are exact, and sums are of whole numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from headrace.errors import UsageError
from headrace.plans import Group, Grouped
from headrace.plans.formulas import FixedPoint, Spread

from .group_lookup import look_up

Key = tuple[str, ...]

# Spark's exact quantiles hold the distinct values of a column in memory; so many columns are looked at together that
# these are no more.
VALUES_AT_ONCE = 4_000_000

MOST_GROUPS = 10_000  # of one rule: a plan is a document


@dataclass(frozen=True)
class Asked:
    """One column on the scale of a rule, and the shares of the quantiles that are asked of it."""

    name: str
    transform: str | None
    shares: tuple[float, ...]
    deviation: bool = False  # the median absolute deviation, too
    moments: bool = False  # mean and standard deviation, too

    @property
    def value(self) -> Column:
        """The finite values on the scale; null for all others."""
        number = finite(f"`{self.name}`")
        if self.transform is None:
            return F.expr(number)
        inside = number if self.transform == "log" else f"({number} + 1D)"
        return F.expr(f"case when {inside} > 0D then ln({inside}) end")


def finite(column: str) -> str:
    """In SQL, a number as double, null where it is NaN or infinite.

    There is one zero: which of -0.0 and 0.0 is the least would be chance.
    """
    number = f"cast({column} as double)"
    return f"(case when abs({number}) < double('Infinity') then case when {number} = 0D then 0D else {number} end end)"


def spreads(rows: DataFrame, by: Sequence[str], asked: Sequence[Asked], count: int) -> dict[Key, list[Spread]]:
    """What is known of each of the columns asked, by the text of the group's key; without `by`, of all rows as `()`.

    A group with a null in its key is left out. `count` is the number of `rows`. Two passes over the rows for as many
    columns as `VALUES_AT_ONCE` allows; the second only where deviations or moments are asked.

    Raises:
        UsageError: there are more groups than a plan may have.
    """
    at_once = max(1, VALUES_AT_ONCE // max(count, 1))
    found: dict[Key, list[Spread]] = {}
    for start in range(0, len(asked), at_once):
        part = asked[start : start + at_once]
        values = rows.select(*by, *[one.value.alias(f"__{number}") for number, one in enumerate(part)])
        first = _quantiles(values, by, part)
        fixed = [_fixed_point(first, number) if one.moments else None for number, one in enumerate(part)]
        second = _around(values, by, part, first, fixed)
        for key, row in first.items():
            spread = [_spread(one, row, second.get(key), fixed[number], number) for number, one in enumerate(part)]
            found.setdefault(key, []).extend(spread)
    return found


def keyed(rows: DataFrame, by: Sequence[str], aggregates: Iterable[str]) -> dict[Key, Row]:
    """The aggregates (SQL, each with its name) by the text of the group's key.

    Raises:
        UsageError: there are more groups than a plan may have.
    """
    keys = [F.expr(f"cast(`{name}` as string) as __key_{number}") for number, name in enumerate(by)]
    whole = rows.dropna(subset=list(by)) if by else rows
    grouped = whole.groupBy(*keys).agg(*map(F.expr, aggregates)).limit(MOST_GROUPS + 1).collect()
    if len(grouped) > MOST_GROUPS:
        raise UsageError(
            f"a rule groups by {', '.join(by)}, which gives more than {MOST_GROUPS:,} groups in the window. "
            "Group by columns with fewer values"
        )
    return {tuple(row[f"__key_{number}"] for number in range(len(by))): row for row in grouped}


def _quantiles(values: DataFrame, by: Sequence[str], asked: Sequence[Asked]) -> dict[Key, Row]:
    aggregates = []
    for number, one in enumerate(asked):
        column = f"`__{number}`"
        aggregates += [
            f"count({column}) as count_{number}",
            f"min({column}) as least_{number}",
            f"max({column}) as greatest_{number}",
        ]
        if one.shares:
            aggregates.append(f"percentile({column}, {_array(one.shares)}) as quantiles_{number}")
    return keyed(values, by, aggregates)


def _array(shares: Sequence[float]) -> str:
    return f"array({', '.join(f'{share!r}D' for share in shares)})"


def _around(
    values: DataFrame,
    by: Sequence[str],
    asked: Sequence[Asked],
    first: Mapping[Key, Row],
    fixed: Sequence[FixedPoint | None],
) -> dict[Key, Row]:
    """The second pass: deviations from the median of the group, and sums."""
    aggregates: list[str] = []
    medians: list[Column] = []
    for number, one in enumerate(asked):
        if one.deviation:
            at = one.shares.index(0.5)
            known = {key: row[f"quantiles_{number}"][at] for key, row in first.items() if row[f"count_{number}"]}
            medians.append(of_group(by, known, "double").alias(f"__median_{number}"))
            aggregates.append(f"percentile(abs(`__{number}` - `__median_{number}`), 0.5D) as mad_{number}")
        if point := fixed[number]:
            steps = f"cast(rint((`__{number}` - {point.origin!r}D) * {point.factor!r}D) as decimal(18,0))"
            aggregates += [
                f"sum(cast({steps} as decimal(38,0))) as steps_{number}",
                f"sum(cast({steps} * {steps} as decimal(38,0))) as squares_{number}",
            ]
    return keyed(values.select("*", *medians), by, aggregates) if aggregates else {}


def of_group(by: Sequence[str], values: Mapping[Key, Any], kind: str) -> Column:
    """What is known of the row's group, in the Spark SQL type `kind`; null for a group without."""
    groups = tuple(Group[Any](key=key, value=value) for key, value in sorted(values.items()) if key)
    known = Grouped[Any](by=tuple(by), otherwise=None if by else values.get(()), groups=groups)
    return look_up(known, kind, lambda value: value)


def _fixed_point(first: Mapping[Key, Row], number: int) -> FixedPoint | None:
    """Steps for the sums of a column: around the middle of its range."""
    known = [row for row in first.values() if row[f"count_{number}"]]
    if not known:
        return None
    least, greatest = min(row[f"least_{number}"] for row in known), max(row[f"greatest_{number}"] for row in known)
    return FixedPoint.of(least / 2 + greatest / 2, least, greatest)


def _spread(one: Asked, first: Row, second: Row | None, fixed: FixedPoint | None, number: int) -> Spread:
    count = int(first[f"count_{number}"])
    if not count:
        return Spread(0)
    quantiles = first[f"quantiles_{number}"] if one.shares else []
    found: dict[str, Any] = {
        "least": first[f"least_{number}"],
        "greatest": first[f"greatest_{number}"],
        "quantiles": dict(zip(one.shares, quantiles, strict=True)),
    }
    if one.deviation and second is not None:
        found["mad"] = second[f"mad_{number}"]
    if fixed is not None and second is not None:
        steps, squares = int(second[f"steps_{number}"]), int(second[f"squares_{number}"])
        found |= {"mean": fixed.mean(steps, count), "stddev": fixed.stddev(steps, squares, count)}
    return Spread(count, **found)
