"""The pass over a profiled table that goes by entity: the steps between its rows, and where they were longer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from headrace.profile.report import Entities, Entity

from .profiled_columns import SeenColumn, named
from .time_volume import instant_text

SHOWN = 20
GAP = 1.5  # usual steps
REGULAR = 0.8  # the share of steps that are the usual one, in a table whose rows come at a fixed pace


def find_gaps(table: DataFrame, keys: Sequence[str], time: SeenColumn) -> Entities:
    """Runs the pass over the table itself; rows without a time take no part."""
    lines = [F.coalesce(named(key).cast("string"), F.lit("null")).alias(f"k{n}") for n, key in enumerate(keys)]
    key = [f"k{n}" for n in range(len(keys))]
    at = F.unix_micros(named(time.name).cast("timestamp")).alias("at")
    of_entity = Window.partitionBy(*key)
    steps = (
        table.select(*lines, at)
        .where("at is not null")
        .select("*", F.lag("at").over(of_entity.orderBy("at")).alias("before"))
        .select("*", F.nullif(F.col("at") - F.col("before"), F.lit(0)).alias("step"))
        .select("*", F.percentile_approx("step", 0.5).over(of_entity).alias("usual"))
    )
    longer = F.col("step") > GAP * F.col("usual")
    entities = steps.groupBy(*key).agg(
        F.count(F.lit(1)).alias("rows"),
        F.min("at").alias("earliest"),
        F.max("at").alias("latest"),
        F.first("usual").alias("usual"),
        F.count_if(longer).alias("gaps"),
        F.sum(F.when(longer, F.round(F.col("step") / F.col("usual")) - 1)).cast("long").alias("absent"),
        F.max("step").alias("longest"),
        F.max_by("before", "step").alias("longest_from"),
        F.count("step").alias("steps"),
        F.count_if(F.col("step") == F.col("usual")).alias("usual_steps"),
    )
    return _entities(entities, keys)


def _entities(entities: DataFrame, keys: Sequence[str]) -> Entities:
    """One line an entity; the totals come with each of the lines that are shown."""
    key = [f"k{n}" for n in range(len(keys))]
    whole = Window.partitionBy(F.lit(1))
    lines = (
        entities.select(
            "*",
            F.row_number().over(whole.orderBy(F.desc_nulls_last("longest"), *key)).alias("place"),
            F.count(F.lit(1)).over(whole).alias("entities"),
            F.count_if(F.col("gaps") > 0).over(whole).alias("with_gaps"),
            (F.sum("usual_steps").over(whole) / F.nullif(F.sum("steps").over(whole), F.lit(0))).alias("regularity"),
        )
        .where(F.col("place") <= SHOWN)
        .orderBy("place")
        .collect()
    )
    return Entities(
        keys=tuple(keys),
        entities=lines[0]["entities"] if lines else 0,
        with_gaps=lines[0]["with_gaps"] if lines else 0,
        regular=bool(lines) and (lines[0]["regularity"] or 0.0) >= REGULAR,
        shown=tuple(_entity(line, key) for line in lines),
    )


def _entity(line: Any, key: Sequence[str]) -> Entity:
    return Entity(
        key=tuple(line[name] for name in key),
        rows=line["rows"],
        earliest=instant_text(line["earliest"]),
        latest=instant_text(line["latest"]),
        step_s=_seconds(line["usual"]),
        gaps=line["gaps"],
        absent=line["absent"] or 0,
        longest_s=_seconds(line["longest"]),
        longest_from=None if line["longest_from"] is None else instant_text(line["longest_from"]),
    )


def _seconds(micros: float | None) -> float | None:
    return None if micros is None else micros / 1e6
