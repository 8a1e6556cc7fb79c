"""The events that a build reads: those whose own rows are to be written, and those that these rows look back upon."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from headrace.features.spec import GroupSpec
from headrace.tables import CREATED_AT, GENERATION, OFFSET, PARTITION

# Columns of events beside the keys and `value_of(...)`. A late event came after the build that should have had it;
# LATE_FROM_US is the instant of the first late event of its key, and null where the key has none.
TS_US, ARRIVED_US, POSITION, LATE, LATE_FROM_US = "__ts_us", "__arrived_us", "__position", "__late", "__late_from_us"


def value_of(column: str) -> str:
    """What a column of the source is called among events, where it may be a key, too."""
    return f"__value_{column}"


@dataclass(frozen=True)
class Span:
    """What a build writes: rows with `after_us < event_at <= until_us`, and earlier ones that late events touch.

    `after_us` is None where nothing was built before. Late events are those with a `_created_at` after
    `created_after_us` that the earlier build should have had.
    """

    after_us: int | None
    until_us: int
    created_after_us: int


@dataclass(frozen=True)
class Sight:
    """How events are seen: from `delay_us` after they happened, in rows of at most `reach_us` after that."""

    delay_us: int
    reach_us: int


def sight_of(spec: GroupSpec) -> Sight:
    """Windows exclude the instant itself, and look back over the longest of them and a hop; latest values do not, and
    look back as far as nulls are carried.
    """
    group = spec.group
    if group.latest:
        return Sight(0, max(group.carry_us.values(), default=0))
    return Sight(1, max(window.us for window in group.windows) + (group.hop_us or 0))


def events_of(clean: DataFrame, spec: GroupSpec, span: Span) -> DataFrame:
    """Clean rows → keys, TS_US, ARRIVED_US, POSITION, LATE and values: all events that any row of the span may see.

    Null keys take no part. A changed row of a reference table replaces what it was at the same instant.
    """
    columns = sorted({feature.column for feature in spec.columns.values() if feature.column})
    sight = sight_of(spec)
    seen = clean.where(F.col("event_at") <= F.timestamp_micros(F.lit(span.until_us - sight.delay_us)))
    keyed = seen.where(reduce(lambda a, b: a & b, [F.col(key).isNotNull() for key in spec.keys]))
    ids = [F.col(name).alias(_id(name)) for name in spec.source.event_id] if spec.source.table else []
    events = keyed.select(
        *spec.keys,
        F.unix_micros("event_at").alias(TS_US),
        F.unix_micros("arrived_at").alias(ARRIVED_US),
        F.struct(GENERATION, PARTITION, OFFSET).alias(POSITION),
        _is_late(span, sight).alias(LATE),
        *[F.col(column).alias(value_of(column)) for column in columns],
        *ids,
    )
    return _newest_of_each(events, spec) if spec.source.table else events


def has_late(events: DataFrame) -> bool:
    """Whether any event is late: found at the first, with no grouping, since most builds have none."""
    return not events.where(LATE).select(LATE).isEmpty()


def late_from(events: DataFrame, spec: GroupSpec) -> DataFrame:
    """The keys that have late events, with the instant of the first: keys, LATE_FROM_US."""
    return events.where(LATE).groupBy(*spec.keys).agg(F.min(TS_US).alias(LATE_FROM_US))


def needed(events: DataFrame, spec: GroupSpec, span: Span, late: DataFrame | None) -> DataFrame:
    """Adds LATE_FROM_US and leaves out what no row to be written looks back upon. `late` is None where nothing is."""
    if late is None:
        found = events.withColumn(LATE_FROM_US, F.lit(None).cast("bigint"))
        return found if span.after_us is None else found.where(F.col(TS_US) >= _seen_from(spec, span.after_us))
    found = events.join(F.broadcast(late), list(spec.keys), "left")
    before = F.col(TS_US) >= F.col(LATE_FROM_US) - sight_of(spec).reach_us
    return found.where((F.col(TS_US) >= _seen_from(spec, span.after_us or 0)) | F.coalesce(before, F.lit(False)))


def is_wanted(at_us: Column, span: Span) -> Column:
    """Whether a row at `at_us` may have to be written, as far as its key tells: it is due, or follows a late event."""
    if span.after_us is None:
        return at_us <= span.until_us
    return (at_us <= span.until_us) & ((at_us > span.after_us) | F.coalesce(at_us >= F.col(LATE_FROM_US), F.lit(False)))


def _seen_from(spec: GroupSpec, after_us: int) -> int:
    return after_us - sight_of(spec).reach_us


def _is_late(span: Span, sight: Sight) -> Column:
    if span.after_us is None:
        return F.lit(False)
    is_new = F.col(CREATED_AT) > F.timestamp_micros(F.lit(span.created_after_us))
    return is_new & (F.col("event_at") <= F.timestamp_micros(F.lit(span.after_us - sight.delay_us)))


def _newest_of_each(events: DataFrame, spec: GroupSpec) -> DataFrame:
    ids = [_id(name) for name in spec.source.event_id]
    newest = F.max(POSITION).over(Window.partitionBy(*spec.keys, TS_US, *ids))
    return events.withColumn("__newest", newest).where(F.col("__newest") == F.col(POSITION)).drop("__newest", *ids)


def _id(name: str) -> str:
    return f"__id_{name}"
