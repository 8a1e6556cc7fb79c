"""When a fact became known: the instant among a document's own that its record's timestamp speaks for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from headrace.pipeline import Expression
from headrace.pipeline.sql import SqlFault
from headrace.pipeline.times import UNIT_US

from .columns import Column
from .documents import Documents
from .instants import EPOCH_UNITS_US, epoch_unit

NEAR_US = 3 * UNIT_US["m"]
NEAR_SHARE = 0.9  # of the events are so near
FUTURE_US = UNIT_US["h"]  # cleaning quarantines what lies further ahead of its arrival (in_the_future)
FUTURE_SHARE = 0.01  # of the events may lie so
PRESENT_SHARE = 0.98
SHIFT_RECORDS = 5  # so many are needed to say that they lie at one distance
MOST_SHIFT_US = 366 * UNIT_US["d"]
SHIFT_UNITS = ("day", "hour", "minute")
TIME_NAME = re.compile(r"(^|_)(at|ts|time|timestamp|datetime|date|day|epoch|when|millis|ms|us|on)$")


@dataclass(frozen=True)
class Instant:
    """One way to take an instant from a document: an expression, and its value in each, in microseconds since 1970."""

    expression: str
    column: str
    values: Sequence[int | None]


@dataclass(frozen=True)
class EventTime:
    """A choice: the expression, the column that it reads, what speaks for it, and what a person must decide, if
    anything."""

    expression: str
    column: str
    evidence: str
    decide: str | None = None


def choose_event_time(documents: Documents, columns: Sequence[Column]) -> EventTime | None:
    """The likeliest event time; None where no column says one.

    First the instant that lies within 3 minutes of the timestamps of nearly all records; then one that lies at the same
    distance from nearly all, which is then added or taken away; then, where the timestamps tell nothing, that of the
    instants not ahead of them in whose order the records lie, or that lies last.
    """
    found = [each for column in columns if (each := instant_of(column))]
    if not found:
        return None
    lags = {each.expression: _lags(documents, each) for each in found}
    return _near(found, lags) or _shifted(found, lags) or _by_order(documents, found, lags)


def instant_of(column: Column) -> Instant | None:
    """How to take an instant from a column that nearly always has one; None where it has none."""
    if column.present < PRESENT_SHARE * len(column.values):
        return None
    name = sql_name(column.name, column.type)
    if column.type == "timestamp":
        return Instant(name, column.name, column.values)
    if column.type == "date":
        return Instant(f"cast({name} as timestamp)", column.name, column.values)
    if column.type not in ("long", "double") or not TIME_NAME.search(column.name):
        return None
    unit = epoch_unit([value for value in column.values if value is not None])
    if unit is None:
        return None
    factor = EPOCH_UNITS_US[unit]
    values = [None if value is None else int(value * factor) for value in column.values]
    if column.type == "double":
        return Instant(f"timestamp_micros(cast({name} * {factor} as bigint))", column.name, values)
    return Instant(f"timestamp_{unit}({name})", column.name, values)


def sql_name(name: str, column_type: str) -> str:
    """A column in an expression: in back quotes where it would be taken for a word of SQL."""
    shifted = [f"{name} - interval 1 hour"] if column_type == "timestamp" else []
    for text in (name, f"coalesce({name}, {name})", *shifted):
        try:
            read = Expression(text).bind({name: column_type})
        except SqlFault:
            return f"`{name}`"
        if name not in read.columns:
            return f"`{name}`"
    return name


def _lags(documents: Documents, instant: Instant) -> list[int]:
    """How long after the instant each record is stamped, in microseconds."""
    return [
        record.timestamp_us - value
        for record, value in zip(documents.records, instant.values, strict=True)
        if record.timestamp_us is not None and value is not None
    ]


def _share(lags: Sequence[int], around_us: float = 0) -> float:
    return sum(abs(lag - around_us) <= NEAR_US for lag in lags) / len(lags) if lags else 0.0


def _near(found: Sequence[Instant], lags: dict[str, list[int]]) -> EventTime | None:
    def distance(each: Instant) -> tuple[float, float]:
        return -_share(lags[each.expression]), median(map(abs, lags[each.expression]))

    near = [each for each in found if _share(lags[each.expression]) >= NEAR_SHARE]
    if not near:
        return None
    best = min(near, key=distance)
    evidence = f"within 3 min of the record's timestamp for {_percent(_share(lags[best.expression]))}"
    return EventTime(best.expression, best.column, evidence)


def _shifted(found: Sequence[Instant], lags: dict[str, list[int]]) -> EventTime | None:
    shares = [
        (share, each, median(lags[each.expression]))
        for each in found
        if len(lags[each.expression]) >= SHIFT_RECORDS
        and (share := _share(lags[each.expression], median(lags[each.expression]))) >= NEAR_SHARE
    ]
    if not shares:
        return None
    share, best, lag_us = min(shares, key=lambda each: (-each[0], abs(each[2])))
    shift = _interval(lag_us)
    if shift is None:
        return None
    word = "after" if lag_us > 0 else "before"
    return EventTime(
        f"{best.expression} {'+' if lag_us > 0 else '-'} interval {shift}",
        best.column,
        f"within 3 min of the record's timestamp for {_percent(share)}",
        f"are records stamped {shift} {word} {best.column} because the fact is known only then?",
    )


def _interval(lag_us: float) -> str | None:
    """The lag in the largest unit of which it is a whole number, to within 3 minutes; None where it is none, or longer
    than a year."""
    if abs(lag_us) > MOST_SHIFT_US:
        return None
    for unit in SHIFT_UNITS:
        unit_us = UNIT_US[unit[0]]
        count = round(abs(lag_us) / unit_us)
        if count and abs(abs(lag_us) - count * unit_us) <= (NEAR_US if unit != "minute" else unit_us):
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return None


def _by_order(documents: Documents, found: Sequence[Instant], lags: dict[str, list[int]]) -> EventTime:
    """Where timestamps tell nothing: the last of those in whose order records lie, else the last of all."""
    ahead = {each.expression: _ahead(lags[each.expression]) for each in found}
    possible = [each for each in found if ahead[each.expression] <= FUTURE_SHARE] or [
        min(found, key=lambda each: ahead[each.expression])
    ]
    orders = {each.expression: _in_order(documents, each) for each in possible}
    best = max(
        possible,
        key=lambda each: (
            round(orders[each.expression], 2),
            median(value for value in each.values if value is not None),
        ),
    )
    evidence = f"{_percent(orders[best.expression])} of the records lie in its order"
    evidence += f", {_percent(ahead[best.expression])} more than 1 h ahead of their timestamp"
    others = ", ".join(each.column for each in possible if each is not best)
    decide = "when does a fact become known? The records' timestamps do not say"
    return EventTime(best.expression, best.column, evidence, f"{decide}{f'; also: {others}' if others else ''}")


def _ahead(lags: Sequence[int]) -> float:
    return sum(lag < -FUTURE_US for lag in lags) / len(lags) if lags else 0.0


def _in_order(documents: Documents, instant: Instant) -> float:
    """The share of records that are not before the one before them, in their partition."""
    last: dict[int, Any] = {}
    steps = ordered = 0
    for record, value in zip(documents.records, instant.values, strict=True):
        if value is None:
            continue
        if record.partition in last:
            steps += 1
            ordered += value >= last[record.partition]
        last[record.partition] = value
    return ordered / steps if steps else 1.0


def _percent(share: float) -> str:
    """A share as a person reads it, never rounded up to all."""
    return "100 %" if share == 1 else f"{min(share * 100, 99.9):.1f} %"
