"""Rejections: the records that stand as rejected, and what a later attempt says of each.

The first attempt at a record keeps its bytes; later ones keep the outcome only, so that judging again costs a line and
not a copy.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from .accounts import KEY, OUTCOME
from .admission import DETAIL, REASON
from .clean_tables import FIRST_ATTEMPT, POSITION_COLUMNS, REJECTED, quarantine_columns

# The newest attempt at a record, beside the bytes that the first one kept.
LAST_ATTEMPT, LAST_REASON, LAST_DETAIL = "__last_attempt", "__last_reason", "__last_detail"

# Whether a later attempt says something that the newest one does not; only then it is written.
CHANGED = "__changed"

_RECORD = ("arrived_at", "landed_at", "key", "value", "headers")


def standing_rejections(quarantine: DataFrame, reasons: Iterable[str] = ()) -> DataFrame:
    """The records whose newest attempt is a rejection, for one of `reasons` or for any: position, record, and what the
    newest attempt said (`__last_attempt`, `__last_reason`, `__last_detail`).
    """
    said = F.struct("attempt", "outcome", "reason", "detail")
    newest = quarantine.groupBy(*KEY).agg(F.max_by(said, "attempt").alias("__newest"))
    stands = F.col("__newest.outcome") == REJECTED
    if chosen := list(reasons):
        stands = stands & F.col("__newest.reason").isin(chosen)
    first = quarantine.where(F.col("attempt") == FIRST_ATTEMPT).select(*POSITION_COLUMNS, *_RECORD)
    return first.join(newest.where(stands), KEY).select(
        *POSITION_COLUMNS,
        *_RECORD,
        F.col("__newest.attempt").alias(LAST_ATTEMPT),
        F.col("__newest.reason").alias(LAST_REASON),
        F.col("__newest.detail").alias(LAST_DETAIL),
    )


def as_raw(rejections: DataFrame) -> DataFrame:
    """The rejected records as raw has them; their instant of arrival stands for Kafka's timestamp."""
    return rejections.select(*POSITION_COLUMNS, F.col("arrived_at").alias("timestamp"), *_RECORD[1:])


def next_attempts(rejections: DataFrame, accepted: DataFrame, judged: DataFrame) -> DataFrame:
    """What became of each record that stood as rejected, as the quarantine has it, and `__changed`.

    `accepted` are positions with the outcome that their table stands for; `judged` are records as judging left them.
    What is accepted says no reason, and its instant is in the table that holds it.
    """
    again = judged.where(F.col(REASON).isNotNull()).select(*KEY, "event_at", REASON, DETAIL)
    found = rejections.join(accepted, KEY, "left").join(again, KEY, "left")
    rejected = F.col(OUTCOME).isNull() & F.col(REASON).isNotNull()
    same = F.col(REASON).eqNullSafe(F.col(LAST_REASON)) & F.col(DETAIL).eqNullSafe(F.col(LAST_DETAIL))
    columns = quarantine_columns()
    nothing = {name: F.lit(None).cast(columns[name]).alias(name) for name in ("key", "value", "headers")}
    return found.where(F.col(OUTCOME).isNotNull() | rejected).select(
        *POSITION_COLUMNS,
        (F.col(LAST_ATTEMPT) + 1).alias("attempt"),
        F.coalesce(OUTCOME, F.lit(REJECTED)).alias("outcome"),
        *[F.when(rejected, F.col(name)).alias(alias) for name, alias in ((REASON, "reason"), (DETAIL, "detail"))],
        F.when(rejected, F.col("event_at")).alias("event_at"),
        "arrived_at",
        "landed_at",
        *nothing.values(),
        (~rejected | ~same).alias(CHANGED),
    )
