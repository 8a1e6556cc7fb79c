"""Aggregations as mergeable numbers: what one event gives, how many are folded, how two folds merge, what comes out.

A window is folded in two parts, whole tiles and the tile under way, so every aggregation must be made of parts that
merge. Null is the fold of nothing. Answers do not depend on the order of events, but for the last bits of sums of
doubles: longs are summed exactly, as decimals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import Column, Window
from pyspark.sql import functions as F

from headrace.features.spec import GroupSpec
from headrace.pipeline import FeatureColumn
from headrace.pipeline.column_types import SQL_TYPES

from .build_events import ARRIVED_US, POSITION, TS_US, value_of

Fold = Callable[[Column], Column]
Merge = Callable[[Column, Column], Column]

EVENTS, KNOWN_US = "__events", "__known_us"

# The parts that each aggregation of a column is made of.
PARTS = {
    "count": ("count",),
    "sum": ("sum",),
    "mean": ("count", "sum"),
    "min": ("min",),
    "max": ("max",),
    "stddev": ("count", "shifted", "squares"),
    "first": ("first",),
    "last": ("last",),
}


def _add(one: Column, other: Column) -> Column:
    return F.coalesce(one + other, one, other)


_FOLDS: dict[str, tuple[Fold, Merge]] = {
    "count": (F.sum, _add),
    "sum": (F.sum, _add),
    "shifted": (F.sum, _add),
    "squares": (F.sum, _add),
    "min": (F.min, F.least),
    "max": (F.max, F.greatest),
    "first": (F.min, F.least),
    "last": (F.max, F.greatest),
}


@dataclass(frozen=True)
class Part:
    """One mergeable number under the column `name`: `prepare` is that of one event, null where it gives nothing.

    `fold` takes events and folds alike.
    """

    name: str
    prepare: Column
    fold: Fold
    merge: Merge


def parts_of(spec: GroupSpec) -> list[Part]:
    """The parts that the columns of a group need, each once; the number of events and their last arrival always."""
    types = spec.source.clean_columns()
    found = {
        EVENTS: Part(EVENTS, F.lit(1), *_FOLDS["count"]),
        KNOWN_US: Part(KNOWN_US, F.col(ARRIVED_US), *_FOLDS["max"]),
    }
    for feature in spec.columns.values():
        for kind in PARTS[str(feature.aggregation)] if feature.column else ():
            name = _part_name(kind, feature.column)
            found[name] = Part(name, _prepared(kind, str(feature.column), types[str(feature.column)]), *_FOLDS[kind])
    return list(found.values())


def shifts_of(spec: GroupSpec) -> dict[str, Column]:
    """Of each column with a standard deviation: the value of the key's events that is nearest to zero.

    Sums of squares of differences from it lose no more than the largest value's own last bits, however the series
    drifts, and a constant series gives exactly 0.
    """
    columns = sorted({str(feature.column) for feature in spec.columns.values() if feature.aggregation == "stddev"})
    return {_shift_name(column): _nearest_to_zero(column, spec) for column in columns}


def answer(feature: FeatureColumn, column_type: str, merged: Callable[[str], Column]) -> Column:
    """The value of a feature from merged parts, which `merged` gives by their names."""
    if feature.column is None:
        return _or_zero(merged(EVENTS))
    part = {kind: merged(_part_name(kind, feature.column)) for kind in PARTS[str(feature.aggregation)]}
    value = _answers(part, column_type)[str(feature.aggregation)]()
    return value.cast(SQL_TYPES[feature.type])


def _answers(part: dict[str, Column], column_type: str) -> dict[str, Callable[[], Column]]:
    return {
        "count": lambda: _or_zero(part["count"]),
        "sum": lambda: part["sum"].try_cast(SQL_TYPES[column_type]),
        "mean": lambda: F.when(part["count"] > 0, part["sum"].cast("double") / part["count"]),
        "min": lambda: part["min"],
        "max": lambda: part["max"],
        "stddev": lambda: _sample_deviation(part["count"], part["shifted"], part["squares"]),
        "first": lambda: part["first"]["value"],
        "last": lambda: part["last"]["value"],
    }


def _sample_deviation(count: Column, shifted: Column, squares: Column) -> Column:
    variance = (squares - shifted * shifted / count) / (count - 1)
    return F.when(count > 1, F.sqrt(F.greatest(variance, F.lit(0.0))))


def _or_zero(count: Column) -> Column:
    return F.coalesce(count, F.lit(0)).cast("bigint")


def _prepared(kind: str, column: str, column_type: str) -> Column:
    value = F.col(value_of(column))
    if kind == "count":
        return value.isNotNull().cast("int")
    if kind == "sum":
        return value.cast({"long": "decimal(20,0)", "boolean": "int"}.get(column_type, column_type))
    if kind in ("shifted", "squares"):
        difference = value.cast("double") - F.col(_shift_name(column))
        return difference if kind == "shifted" else difference * difference
    if kind in ("first", "last"):
        return F.when(value.isNotNull(), F.struct(TS_US, POSITION, value.alias("value")))
    return value


def _nearest_to_zero(column: str, spec: GroupSpec) -> Column:
    value = F.col(value_of(column)).cast("double")
    sized = F.when(value.isNotNull(), F.struct(F.abs(value).alias("size"), value.alias("value")))
    return F.min(sized).over(Window.partitionBy(*spec.keys))["value"]


def _part_name(kind: str, column: str | None) -> str:
    return f"__{kind}_{column}"


def _shift_name(column: str) -> str:
    return f"__shift_{column}"
