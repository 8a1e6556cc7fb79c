"""Treatment: an accepted event's values under the rules of its source; the originals and flags stay beside them.

The Spark face of `headrace.plans`: expressions only, equal to the NumPy face to the last bit. For a treated column `x`,
`x` becomes the treated value and `x_original` what was sent. `x_outlier` says whether the value as sent lay outside the
bounds, `x_missing` whether it was sent as null (both never null). Outliers are treated before missing values are
filled, so an outlier that was made null is filled too.
"""

from __future__ import annotations

from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from headrace.pipeline.column_types import SQL_TYPES
from headrace.plans import Bounds, ColumnTreatment, Ellipse, Grouped, JointTreatment, Treatment

from .group_lookup import look_up

PLAN = "_plan"

_BOUNDS = "struct<low:double,high:double>"
_ELLIPSE = "struct<centre:array<double>,weights:array<array<double>>,limit:double>"
_STORED_TYPES = {"timestamp": "bigint", "date": "int"}
_LIMITS, _TOGETHER = "__limits_", "__together_"


def treat(events: DataFrame, treatment: Treatment) -> DataFrame:
    """Replaces each treated column by its treated value, adds `x_original`, `x_outlier` and `x_missing` of each, the
    flag of each joint rule, and `_plan`.
    """
    known = events.select(
        "*",
        *[_limits(column).alias(_LIMITS + column.name) for column in treatment.columns if column.bounds],
        *[outside_together(rule).alias(_TOGETHER + rule.name) for rule in treatment.joint],
    )
    treated = {column.name: _treated(column) for column in treatment.columns}
    return known.select(
        *[treated.get(name, F.col(name)) for name in events.columns],
        *[beside for column in treatment.columns for beside in _beside(column)],
        *[F.col(_TOGETHER + rule.name).alias(f"{rule.name}_outlier") for rule in treatment.joint],
        F.lit(treatment.plan).cast("int").alias(PLAN),
    )


def is_outlier(column: ColumnTreatment) -> Column:
    """Whether the value as sent lies outside the bounds; never null, and false for a null."""
    return _outside(column, _limits(column)) if column.bounds else F.lit(False)


def outside_together(rule: JointTreatment) -> Column:
    """Whether the values lie outside the ellipse of their group; never null, and false where one of them is null."""
    values = [F.col(name).cast("double") for name in rule.columns]
    fixed = rule.ellipses.otherwise
    general = _outside_ellipse(values, _literal(fixed)) if fixed else F.lit(False)
    if not rule.ellipses.groups:
        return F.coalesce(general, F.lit(False))
    found = look_up(rule.ellipses, _ELLIPSE, lambda ellipse: ellipse.model_dump())
    return F.coalesce(F.when(found.isNull(), general).otherwise(_outside_ellipse(values, found)), F.lit(False))


def _limits(column: ColumnTreatment) -> Column:
    """The bounds of a row's group as a struct; a null is an open side."""
    bounds: Grouped[Bounds] = column.bounds or Grouped[Bounds]()
    held = bounds.otherwise or Bounds()
    general = F.struct(F.lit(held.low).cast("double").alias("low"), F.lit(held.high).cast("double").alias("high"))
    if not bounds.groups:
        return general
    return F.coalesce(look_up(bounds, _BOUNDS, lambda found: found.model_dump()), general)


def _outside(column: ColumnTreatment, limits: Column) -> Column:
    value = F.col(column.name)
    return F.coalesce(value < limits["low"], F.lit(False)) | F.coalesce(value > limits["high"], F.lit(False))


def _treated(column: ColumnTreatment) -> Column:
    value, kind = F.col(column.name), SQL_TYPES[column.type]
    limits = F.col(_LIMITS + column.name)
    if column.bounds and column.action == "clip":
        lower, upper = limits["low"].cast(kind), limits["high"].cast(kind)
        value = F.when(value < limits["low"], lower).when(value > limits["high"], upper).otherwise(value)
    nulled = [F.col(_TOGETHER + name) for name in column.nulled_by]
    if column.bounds and column.action == "null_value":
        nulled.append(_outside(column, limits))
    if nulled:
        value = F.when(~reduce(or_, nulled), value)
    if column.fill:
        value = F.coalesce(value, _fill(column))
    return value.cast(kind).alias(column.name)


def _fill(column: ColumnTreatment) -> Column:
    stored = _STORED_TYPES.get(column.type, SQL_TYPES[column.type])
    fill = column.fill
    if fill is None:
        raise ValueError(f"column {column.name} has no fill")
    value = F.lit(fill.otherwise).cast(stored)
    if fill.groups:
        value = F.coalesce(look_up(fill, stored, lambda found: found), value)
    if column.type == "timestamp":
        return F.timestamp_micros(value)
    return F.date_from_unix_date(value) if column.type == "date" else value


def _beside(column: ColumnTreatment) -> list[Column]:
    sent = F.col(column.name)
    outlier = _outside(column, F.col(_LIMITS + column.name)) if column.bounds else F.lit(False)
    return [
        sent.alias(f"{column.name}_original"),
        outlier.alias(f"{column.name}_outlier"),
        sent.isNull().alias(f"{column.name}_missing"),
    ]


def _literal(ellipse: Ellipse) -> Column:
    return F.from_json(F.lit(ellipse.model_dump_json()), _ELLIPSE)


def _outside_ellipse(values: list[Column], ellipse: Column) -> Column:
    """The squared distance against the limit, in the order of `headrace.plans.columnar.squared_distance`."""
    moved = [value - ellipse["centre"][number] for number, value in enumerate(values)]
    total = F.lit(0.0)
    for row in range(len(values)):
        along = F.lit(0.0)
        for number, value in enumerate(moved):
            along = along + ellipse["weights"][row][number] * value
        total = total + along * along
    return total > ellipse["limit"]
