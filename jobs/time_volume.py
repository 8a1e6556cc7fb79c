"""The pass over a profiled table that goes by time: rows, missing values and means by step, rows by hour of week."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F

from headrace.profile.report import Bucket, Lateness, Profile, Times
from headrace.tables import ARRIVED_AT, EVENT_AT

from .profiled_columns import SeenColumn

MOST_BUCKETS = 400
LATENESS_SHARES = (0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
LATENESS_ACCURACY = 10_000
STEP_S = {"minute": 60, "hour": 3600, "day": 86_400, "week": 604_800, "month": 2_678_400, "year": 31_622_400}


def count_by_time(
    frame: DataFrame, columns: Sequence[SeenColumn], time: SeenColumn, profile: Profile, span_us: tuple[int, int]
) -> Times:
    """Runs the pass over a frame of `seen`, of which `span_us` are the first and last time, and `profile` is what is
    known already.
    """
    step = _step((span_us[1] - span_us[0]) / 1e6)
    missing = {c: F.count_if(c.is_missing).alias(f"m{c.place}") for c in columns if profile.column(c.name).missing}
    means = {c: F.avg(c.finite).alias(f"a{c.place}") for c in columns if c.kind == "number"}
    clocks, lateness = Observation(), _lateness(columns)
    observed = frame.observe(clocks, *lateness) if lateness else frame
    dated = observed.where(time.value.isNotNull()).select(
        "*",
        F.unix_micros(F.date_trunc(step, time.value)).alias("bucket"),
        F.weekday(time.value).alias("weekday"),
        F.hour(time.value).alias("hour"),
    )
    # Both groupings in one pass: by step of the line, and by hour of the week.
    groups = dated.groupingSets([["bucket"], ["weekday", "hour"]], "bucket", "weekday", "hour")
    lines = groups.agg(F.count(F.lit(1)).alias("rows"), *missing.values(), *means.values()).collect()
    buckets = [
        Bucket(
            at=instant_text(line["bucket"]),
            rows=line["rows"],
            missing={c.name: line[f"m{c.place}"] for c in missing if c is not time},
            means={c.name: line[f"a{c.place}"] for c in means},
        )
        for line in sorted((line for line in lines if line["bucket"] is not None), key=lambda line: line["bucket"])
    ]
    return Times(
        column=time.name,
        earliest=instant_text(span_us[0]),
        latest=instant_text(span_us[1]),
        without=profile.column(time.name).missing,
        step=step,
        buckets=tuple(buckets),
        hours=tuple(sorted((line["weekday"], line["hour"], line["rows"]) for line in lines if line["bucket"] is None)),
        lateness=_told(clocks.get) if lateness else None,
    )


def instant_text(at_us: int) -> str:
    """An instant in ISO 8601, UTC; of years outside of 1 to 9999 the microseconds since 1970."""
    try:
        found = datetime.fromtimestamp(at_us // 1_000_000, UTC).replace(microsecond=at_us % 1_000_000)
    except (ValueError, OverflowError, OSError):
        return f"{at_us} µs"
    return found.isoformat().replace("+00:00", "Z")


def _step(span_s: float) -> str:
    """The finest step of which the line needs at most `MOST_BUCKETS`; years where even these are more."""
    return next((step for step, length_s in STEP_S.items() if span_s / length_s < MOST_BUCKETS), "year")


def _lateness(columns: Sequence[SeenColumn]) -> list[Column]:
    """What is observed of a table with both clocks."""
    clocks = {column.name: column for column in columns if column.kind == "time"}
    if EVENT_AT not in clocks or ARRIVED_AT not in clocks:
        return []
    late_s = (F.unix_micros(clocks[ARRIVED_AT].value) - F.unix_micros(clocks[EVENT_AT].value)) / F.lit(1e6)
    return [
        F.count(late_s).alias("rows"),
        F.count_if(late_s < 0).alias("early"),
        F.percentile_approx(late_s, list(LATENESS_SHARES), LATENESS_ACCURACY).alias("quantiles_s"),
    ]


def _told(observed: dict[str, Any]) -> Lateness | None:
    if not observed["rows"]:
        return None
    quantiles = {f"{s:g}": float(value) for s, value in zip(LATENESS_SHARES, observed["quantiles_s"], strict=True)}
    return Lateness(rows=observed["rows"], early=observed["early"], quantiles_s=quantiles)
