"""Copies: accepted records with the event id of another. The smallest (generation, partition, offset) wins.

The search is the whole clean table, or, where the source says `copies_within`, the part of it that is near in event
time. Offsets of a partition are judged in order, so what is already clean came first.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from headrace.pipeline import Source
from headrace.tables import GENERATION, OFFSET, PARTITION, TOPIC_ID

from .accounts import KEY
from .clean_tables import PAYLOAD_HASH, POSITION_COLUMNS, WINNER_COLUMNS

# The positions of so many copies are sent to where the rows are: some 50 MB. Of more, the rows are shuffled to them.
COPIES_TO_SEND = 500_000

# A record's place, in the order in which places win, with what is asked of a winner as cargo.
_PLACE, _EVENT_AT_US, _WINNER = "__place", "__event_at_us", "__winner"
_PLACE_TYPE = (
    f"struct<{GENERATION}:int,{PARTITION}:int,{OFFSET}:bigint,{TOPIC_ID}:string,"
    f"{PAYLOAD_HASH}:bigint,{_EVENT_AT_US}:bigint>"
)


def find_copies(accepted: DataFrame, clean: DataFrame | None, source: Source) -> DataFrame:
    """The rows among `accepted` that are copies, of each other or of rows of `clean`, where there are any: their
    position, the winner's, `same_bytes` and `arrived_at`.
    """
    ids = list(source.event_id)
    here = accepted.select(*ids, _place().alias(_PLACE), "arrived_at", "event_at")
    if source.copies_within_us is None:
        pairs = _paired(here, clean, ids)
    else:
        pairs = _paired_within(here, clean, ids, source.copies_within_us)
    winner = [
        F.col(f"{_WINNER}.{name}").alias(column) for name, column in zip(POSITION_COLUMNS, WINNER_COLUMNS, strict=True)
    ]
    return pairs.select(
        *[F.col(f"{_PLACE}.{name}") for name in POSITION_COLUMNS],
        *winner,
        (F.col(f"{_WINNER}.{PAYLOAD_HASH}") == F.col(f"{_PLACE}.{PAYLOAD_HASH}")).alias("same_bytes"),
        "arrived_at",
    )


def without(accepted: DataFrame, copies: DataFrame, number: int) -> DataFrame:
    """The accepted rows that are not among the copies, of which there are `number`."""
    if not number:
        return accepted
    places = copies.select(*KEY)
    return accepted.join(F.broadcast(places) if number <= COPIES_TO_SEND else places, KEY, "left_anti")


def _paired(here: DataFrame, clean: DataFrame | None, ids: list[str]) -> DataFrame:
    """Copies with their winners, where every record of an event id is a copy of the first."""
    winner = F.min(_PLACE).over(Window.partitionBy(*ids))
    paired = here.select("*", winner.alias(_WINNER))
    if clean is not None:
        placed = clean.select(*ids, _place().alias("__known"))
        known = placed.join(here.select(*ids).distinct(), ids, "left_semi")
        paired = paired.join(known, ids, "left").withColumn(_WINNER, F.coalesce("__known", _WINNER))
    return paired.where(F.col(_WINNER) != F.col(_PLACE))


def _paired_within(here: DataFrame, clean: DataFrame | None, ids: list[str], within_us: int) -> DataFrame:
    """Copies with their winners, where a copy's `event_at` is at most `within_us` from its winner's.

    Records of an event id are taken in the order of their places; each is a copy of the first winner near it, or
    becomes a winner. So the answer does not depend on how the work was cut.
    """
    grouped = here.groupBy(*ids).agg(F.array_sort(F.collect_list(F.struct(_PLACE, "arrived_at"))).alias("__rows"))
    known = F.array().cast(f"array<{_PLACE_TYPE}>")
    if clean is not None:
        grouped = grouped.join(_places_near(here, clean, ids, within_us), ids, "left")
        known = F.coalesce("__known", known)
    start = F.struct(
        known.alias("winners"),
        F.array()
        .cast(f"array<struct<{_PLACE}:{_PLACE_TYPE},arrived_at:timestamp,{_WINNER}:{_PLACE_TYPE}>>")
        .alias("copies"),
    )
    judged = grouped.select(
        F.aggregate("__rows", start, lambda found, row: _taken(found, row, within_us)).alias("__found")
    )
    return judged.select(F.inline("__found.copies"))


def _places_near(here: DataFrame, clean: DataFrame, ids: list[str], within_us: int) -> DataFrame:
    """The places that `clean` has of the event ids of `here`, in their order, as `__known`. Runs a Spark job."""
    extent = here.agg(F.min("event_at"), F.max("event_at")).collect()[0]
    span = F.expr(f"interval {within_us} microseconds")
    near = clean.where((F.col("event_at") >= F.lit(extent[0]) - span) & (F.col("event_at") <= F.lit(extent[1]) + span))
    known = near.join(here.select(*ids).distinct(), ids, "left_semi").groupBy(*ids)
    return known.agg(F.array_sort(F.collect_list(_place())).alias("__known"))


def _taken(found: Column, row: Column, within_us: int) -> Column:
    place = row[_PLACE]
    near = F.filter(found["winners"], lambda winner: F.abs(winner[_EVENT_AT_US] - place[_EVENT_AT_US]) <= within_us)
    copy = F.struct(place.alias(_PLACE), row["arrived_at"].alias("arrived_at"), near[0].alias(_WINNER))
    return F.when(
        F.size(near) > 0,
        F.struct(found["winners"].alias("winners"), F.concat(found["copies"], F.array(copy)).alias("copies")),
    ).otherwise(F.struct(F.concat(found["winners"], F.array(place)).alias("winners"), found["copies"].alias("copies")))


def _place() -> Column:
    return F.struct(
        GENERATION, PARTITION, OFFSET, TOPIC_ID, PAYLOAD_HASH, F.unix_micros("event_at").alias(_EVENT_AT_US)
    )
