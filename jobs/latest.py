"""Latest values: one row per key and instant, with the newest event's values, and nulls carried where that is asked."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from headrace.features.spec import GroupSpec
from headrace.tables import EVENT_AT, KNOWN_AT

from .build_events import ARRIVED_US, LATE, LATE_FROM_US, POSITION, TS_US, Span, is_wanted, needed, sight_of, value_of

_LATE_US = "__late_us"


def latest_rows(events: DataFrame, spec: GroupSpec, span: Span, late: DataFrame | None) -> DataFrame:
    """Events → keys, event_at, known_at and features: a row for each instant of a key that the span asks for.

    Of events at the same instant the last by position wins. A null of a carried column is filled with the last
    non-null value of a winner that is at most the declared time older, and flagged.
    """
    found = _carried(_winners(needed(events, spec, span, late), spec), spec)
    ts_us = F.col(TS_US)
    carried = [F.when(_is_carried(column, spec), F.col(_last(column))["arrived_us"]) for column in spec.group.carry_us]
    known_us = F.greatest(ts_us, F.col(ARRIVED_US), *carried)
    written = is_wanted(ts_us, span)
    if span.after_us is not None:
        near = F.coalesce(ts_us - F.col(_LATE_US) <= sight_of(spec).reach_us, F.lit(False))
        written = written & ((ts_us > span.after_us) | near)
    return found.where(written).select(
        *spec.keys,
        F.timestamp_micros(ts_us).alias(EVENT_AT),
        F.timestamp_micros(known_us).alias(KNOWN_AT),
        *[_feature(name, str(feature.column), spec).alias(name) for name, feature in spec.columns.items()],
    )


def _winners(events: DataFrame, spec: GroupSpec) -> DataFrame:
    """The last event by position of each key and instant."""
    ordered = Window.partitionBy(*spec.keys).orderBy(TS_US, POSITION)
    next_us = events.repartition(*spec.keys).withColumn("__next_us", F.lead(TS_US).over(ordered))
    is_last = F.col("__next_us").isNull() | (F.col("__next_us") != F.col(TS_US))
    return next_us.where(is_last).drop("__next_us")


def _carried(winners: DataFrame, spec: GroupSpec) -> DataFrame:
    """Adds, as of each row, the last known value of each carried column, and the instant of the last late winner."""
    so_far = Window.partitionBy(*spec.keys).orderBy(TS_US).rowsBetween(Window.unboundedPreceding, 0)
    return winners.select(
        *spec.keys,
        TS_US,
        ARRIVED_US,
        LATE_FROM_US,
        F.last(F.when(F.col(LATE), F.col(TS_US)), ignorenulls=True).over(so_far).alias(_LATE_US),
        *[value_of(column) for column in spec.group.latest],
        *[F.last(_known(column), ignorenulls=True).over(so_far).alias(_last(column)) for column in spec.group.carry_us],
    )


def _known(column: str) -> Column:
    value = F.col(value_of(column))
    known = F.struct(F.col(TS_US).alias("ts_us"), F.col(ARRIVED_US).alias("arrived_us"), value.alias("value"))
    return F.when(value.isNotNull(), known)


def _feature(name: str, column: str, spec: GroupSpec) -> Column:
    value = F.col(value_of(column))
    if column not in spec.group.carry_us:
        return value
    carried = _is_carried(column, spec)
    return F.when(carried, F.col(_last(column))["value"]).otherwise(value) if name == column else carried


def _is_carried(column: str, spec: GroupSpec) -> Column:
    age_us = F.col(TS_US) - F.col(_last(column))["ts_us"]
    return F.coalesce(F.col(value_of(column)).isNull() & (age_us <= spec.group.carry_us[column]), F.lit(False))


def _last(column: str) -> str:
    return f"__last_{column}"
