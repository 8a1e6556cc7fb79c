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
        number = finite(F.col(self.name))
        if self.transform is None:
            return number
        inside = number if self.transform == "log" else number + 1.0
        return F.when(inside > 0, F.log(inside))


def finite(column: Column) -> Column:
    """A number as double, null where it is NaN or infinite."""
    number = column.cast("double")
    one_zero = F.when(number == 0, F.lit(0.0)).otherwise(number)  # or which of -0.0 and 0.0 is least would be chance
    return F.when(F.abs(number) < F.lit(float("inf")), one_zero)


def spreads(rows: DataFrame, by: Sequence[str], asked: Sequence[Asked], count: int) -> dict[Key, list[Spread]]:
    """What is known of each of the columns asked, by the text of the group's key; without `by`, of all rows as `()`.

    A group with a null in its key is left out. `count` is the number of `rows`. Two passes over the rows for as many
    columns as `VALUES_AT_ONCE` allows; the second only where deviations or moments are asked.
    """
    at_once = max(1, VALUES_AT_ONCE // max(count, 1))
    found: dict[Key, list[Spread]] = {}
    for start in range(0, len(asked), at_once):
        part = asked[start : start + at_once]
        first = _quantiles(rows, by, part)
        fixed = [fixed_point(first, number) if one.moments else None for number, one in enumerate(part)]
        second = _around(rows, by, part, first, fixed)
        for key, row in first.items():
            spread = [_spread(one, row, second.get(key), fixed[number], number) for number, one in enumerate(part)]
            found.setdefault(key, []).extend(spread)
    return found


def keyed(rows: DataFrame, by: Sequence[str], aggregates: Iterable[Column]) -> dict[Key, Row]:
    """The aggregates by the text of the group's key.

    Raises:
        UsageError: there are more groups than a plan may have.
    """
    keys = [F.col(name).cast("string").alias(f"__key_{number}") for number, name in enumerate(by)]
    whole = rows.dropna(subset=list(by)) if by else rows
    grouped = whole.groupBy(*keys).agg(*aggregates).limit(MOST_GROUPS + 1).collect()
    if len(grouped) > MOST_GROUPS:
        raise UsageError(
            f"a rule groups by {', '.join(by)}, which gives more than {MOST_GROUPS:,} groups in the window. "
            "Group by columns with fewer values"
        )
    return {tuple(row[f"__key_{number}"] for number in range(len(by))): row for row in grouped}


def _quantiles(rows: DataFrame, by: Sequence[str], asked: Sequence[Asked]) -> dict[Key, Row]:
    aggregates = []
    for number, one in enumerate(asked):
        aggregates += [
            F.count(one.value).alias(f"count_{number}"),
            F.min(one.value).alias(f"least_{number}"),
            F.max(one.value).alias(f"greatest_{number}"),
        ]
        if one.shares:
            shares = F.array(*[F.lit(share) for share in one.shares])
            aggregates.append(F.percentile(one.value, shares).alias(f"quantiles_{number}"))
    return keyed(rows, by, aggregates)


def _around(
    rows: DataFrame,
    by: Sequence[str],
    asked: Sequence[Asked],
    first: Mapping[Key, Row],
    fixed: Sequence[FixedPoint | None],
) -> dict[Key, Row]:
    """The second pass: deviations from the median of the group, and sums."""
    aggregates: list[Column] = []
    for number, one in enumerate(asked):
        if one.deviation:
            median = _of_group(by, {key: _median(one, row, number) for key, row in first.items()})
            aggregates.append(F.percentile(F.abs(one.value - median), F.lit(0.5)).alias(f"mad_{number}"))
        if point := fixed[number]:
            steps = F.rint((one.value - point.origin) * point.factor).cast("decimal(18,0)")
            aggregates += [
                F.sum(steps.cast("decimal(38,0)")).alias(f"steps_{number}"),
                F.sum((steps * steps).cast("decimal(38,0)")).alias(f"squares_{number}"),
            ]
    return keyed(rows, by, aggregates) if aggregates else {}


def fixed_point(first: Mapping[Key, Row], number: int) -> FixedPoint | None:
    """Steps for the sums of a column: around the middle of its range."""
    known = [row for row in first.values() if row[f"count_{number}"]]
    if not known:
        return None
    least, greatest = min(row[f"least_{number}"] for row in known), max(row[f"greatest_{number}"] for row in known)
    return FixedPoint.of(least / 2 + greatest / 2, least, greatest)


def _median(one: Asked, row: Row, number: int) -> float | None:
    found = row[f"quantiles_{number}"]
    return None if found is None else float(found[one.shares.index(0.5)])


def _of_group(by: Sequence[str], values: Mapping[Key, float | None]) -> Column:
    known = {key: value for key, value in values.items() if value is not None}
    if not by:
        return F.lit(known.get(())).cast("double")
    groups = tuple(Group[float](key=key, value=value) for key, value in sorted(known.items()))
    return look_up(Grouped[float](by=tuple(by), groups=groups), "double", lambda value: value)


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
