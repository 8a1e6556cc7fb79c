"""Latest values: one row per key and instant, with the newest event's values, and nulls carried where that is asked."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from headrace.features.spec import GroupSpec
from headrace.tables import EVENT_AT, KNOWN_AT

from .build_events import ARRIVED_US, LATE, LATE_FROM_US, POSITION, TS_US, Span, is_wanted, needed, sight_of, value_of

_LATE_US, _NEXT_US = "__late_us", "__next_us"


def latest_rows(events: DataFrame, spec: GroupSpec, span: Span, late: DataFrame | None) -> DataFrame:
    """Events → keys, event_at, known_at and features: a row for each instant of a key that the span asks for.

    Of events at the same instant the last by position wins. A null of a carried column is filled with the last
    non-null value of the key's events, a loser's at the same instant too, if it is at most the declared time older; it
    is flagged.
    """
    found = _winners(_carried(needed(events, spec, span, late), spec))
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


def _carried(events: DataFrame, spec: GroupSpec) -> DataFrame:
    """Adds, as of each event, the last known value of each carried column, the instant of the last late event, and
    that of the event that follows.
    """
    ordered = Window.partitionBy(*spec.keys).orderBy(TS_US, POSITION)
    so_far = ordered.rowsBetween(Window.unboundedPreceding, 0)
    return events.repartition(*spec.keys).select(
        *spec.keys,
        TS_US,
        ARRIVED_US,
        LATE_FROM_US,
        F.lead(TS_US).over(ordered).alias(_NEXT_US),
        F.last(F.when(F.col(LATE), F.col(TS_US)), ignorenulls=True).over(so_far).alias(_LATE_US),
        *[value_of(column) for column in spec.group.latest],
        *[F.last(_known(column), ignorenulls=True).over(so_far).alias(_last(column)) for column in spec.group.carry_us],
    )


def _winners(events: DataFrame) -> DataFrame:
    """The last event by position of each key and instant."""
    return events.where(F.col(_NEXT_US).isNull() | (F.col(_NEXT_US) != F.col(TS_US)))


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
