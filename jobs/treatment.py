"""Treatment: an accepted event's values under the rules of its source; the originals and flags stay beside them.

The Spark face of `headrace.plans`: expressions only, equal to the NumPy face to the last bit. For a treated column `x`,
`x` becomes the treated value and `x_original` what was sent. `x_outlier` says whether the value as sent lay outside the
bounds, `x_missing` whether it was sent as null (both never null). Outliers are treated before missing values are
filled, so an outlier that was made null is filled too.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from headrace.pipeline.column_types import SQL_TYPES
from headrace.plans import Bounds, ColumnTreatment, Ellipse, JointTreatment, Treatment

from .group_lookup import look_up

PLAN = "_plan"

_BOUNDS = "struct<low:double,high:double>"
_ELLIPSE = "struct<centre:array<double>,weights:array<array<double>>,limit:double>"
_STORED_TYPES = {"timestamp": "bigint", "date": "int"}
_FROM_STORED = {"timestamp": "timestamp_micros", "date": "date_from_unix_date"}

# Columns beside a row, while it is treated: what was fitted for its group, and what the joint rules find.
_LIMITS, _FILL, _AROUND, _TOGETHER = "__limits_", "__fill_", "__around_", "__together_"


def treat(events: DataFrame, treatment: Treatment) -> DataFrame:
    """Replaces each treated column by its treated value, adds `x_original`, `x_outlier` and `x_missing` of each, the
    flag of each joint rule, and `_plan`.
    """
    fills = [_fill(column) for column in treatment.columns if column.fill]
    known = with_fitted(events.select("*", *fills), treatment.columns, treatment.joint)
    judged = known.select("*", *[F.expr(far(rule)).alias(_TOGETHER + rule.name) for rule in treatment.joint])
    treated = {column.name: F.expr(_treated(column)).alias(column.name) for column in treatment.columns}
    return judged.select(
        *[treated.get(name, F.col(name)) for name in events.columns],
        *[beside for column in treatment.columns for beside in _beside(column)],
        *[F.col(_TOGETHER + rule.name).alias(f"{rule.name}_outlier") for rule in treatment.joint],
        F.lit(treatment.plan).cast("int").alias(PLAN),
    )


def with_fitted(rows: DataFrame, columns: Iterable[ColumnTreatment], joint: Iterable[JointTreatment]) -> DataFrame:
    """Adds what was fitted for the group of each row: the columns that `odd` and `far` speak of."""
    limits = [
        look_up(column.bounds, _BOUNDS, Bounds.model_dump).alias(_LIMITS + column.name)
        for column in columns
        if column.bounds
    ]
    around = [look_up(rule.ellipses, _ELLIPSE, Ellipse.model_dump).alias(_AROUND + rule.name) for rule in joint]
    return rows.select("*", *limits, *around)


def odd(column: ColumnTreatment) -> str:
    """In SQL, whether the value as sent lies outside the bounds; never null, and false for a null."""
    if not column.bounds:
        return "false"
    return f"({_below(column)} or {_above(column)})"


def far(rule: JointTreatment) -> str:
    """In SQL, whether the values lie outside the ellipse of their group; never null, and false where one is null.

    The squared distance is computed in the order of `headrace.plans.columnar.squared_distance`.
    """
    around = f"`{_AROUND}{rule.name}`"
    moved = [f"(cast(`{name}` as double) - {around}.centre[{i}])" for i, name in enumerate(rule.columns)]
    total = "0D"
    for row in range(len(moved)):
        along = "0D"
        for number, value in enumerate(moved):
            along = f"({along} + {around}.weights[{row}][{number}] * {value})"
        total = f"({total} + {along} * {along})"
    return f"coalesce({total} > {around}.limit, false)"


def _below(column: ColumnTreatment) -> str:
    return f"coalesce(`{column.name}` < `{_LIMITS}{column.name}`.low, false)"


def _above(column: ColumnTreatment) -> str:
    return f"coalesce(`{column.name}` > `{_LIMITS}{column.name}`.high, false)"


def _treated(column: ColumnTreatment) -> str:
    value, kind, limits = f"`{column.name}`", SQL_TYPES[column.type], f"`{_LIMITS}{column.name}`"
    if column.bounds and column.action == "clip":
        low, high = (f"cast({limits}.{side} as {kind})" for side in ("low", "high"))
        value = f"case when {_below(column)} then {low} when {_above(column)} then {high} else {value} end"
    nulled = [f"`{_TOGETHER}{name}`" for name in column.nulled_by]
    nulled += [odd(column)] if column.action == "null_value" else []
    if nulled:
        value = f"case when not ({' or '.join(nulled)}) then {value} end"
    if column.fill:
        value = f"coalesce({value}, `{_FILL}{column.name}`)"
    return f"cast({value} as {kind})"


def _fill(column: ColumnTreatment) -> Column:
    if column.fill is None:
        raise ValueError(f"column {column.name} has no fill")
    found = look_up(column.fill, _STORED_TYPES.get(column.type, SQL_TYPES[column.type]), lambda value: value)
    if column.type in _FROM_STORED:
        found = F.call_function(_FROM_STORED[column.type], found)
    return found.alias(_FILL + column.name)


def _beside(column: ColumnTreatment) -> list[Column]:
    return [
        F.col(column.name).alias(f"{column.name}_original"),
        F.expr(odd(column)).alias(f"{column.name}_outlier"),
        F.col(column.name).isNull().alias(f"{column.name}_missing"),
    ]
