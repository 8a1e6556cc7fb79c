"""The pass over a profiled table that finds the rows of outliers: of each column of numbers those farthest away."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from headrace.profile.number_counts import FAR_DEVIATIONS, FAR_MAD, MAD_TO_DEVIATION
from headrace.profile.report import Numbers, OutlierRow

from .profiled_columns import SeenColumn, named

ROWS_OF_A_COLUMN = 5
LONGEST_TEXT = 200


def scales_of(numbers: Mapping[str, Numbers]) -> dict[str, tuple[float, float, float]]:
    """Center, scale and bound of the distance of each column that has a value beyond the bound."""
    found = {}
    for name, facts in numbers.items():
        if facts.mad:
            rule, scale = (facts.quantiles["0.5"], MAD_TO_DEVIATION * facts.mad, FAR_MAD), facts.beyond.get("mad")
        elif facts.mean is not None and facts.deviation:
            rule, scale = (facts.mean, facts.deviation, FAR_DEVIATIONS), facts.beyond.get("z")
        else:
            continue
        if scale is not None and scale.rows and all(map(math.isfinite, rule)):
            found[name] = rule
    return found


def find_rows(
    table: DataFrame, columns: Sequence[SeenColumn], scales: Mapping[str, tuple[float, float, float]]
) -> list[OutlierRow]:
    """Runs the pass over the table itself, for the columns that have a scale."""
    measured = [column for column in columns if column.name in scales]
    shown = F.struct(*[_text(column).alias(column.alias) for column in columns])
    far = F.array_compact(F.array(*[_far(column, *scales[column.name]) for column in measured]))
    nearest_last = Window.partitionBy("place").orderBy(F.desc("distance"), F.desc("value"), F.xxhash64("row"))
    found = (
        table.select(shown.alias("row"), far.alias("far"))
        .where(F.size("far") > 0)
        .select("row", F.explode("far").alias("far"))
        .select("row", "far.*")
        .select("*", F.row_number().over(nearest_last).alias("rank"))
        .where(F.col("rank") <= ROWS_OF_A_COLUMN)
        .orderBy("place", "rank")
        .collect()
    )
    by_place = {column.place: column for column in columns}
    return [
        OutlierRow(
            column=by_place[line["place"]].name,
            value=line["value"],
            distance=line["distance"],
            row={column.name: line["row"][column.alias] for column in columns},
        )
        for line in found
    ]


def _far(column: SeenColumn, center: float, scale: float, bound: float) -> Column:
    """Place, value and distance of a value beyond the bound, otherwise null."""
    value = named(column.name).cast("double")
    distance = F.abs(value - F.lit(center)) / F.lit(scale)
    finite = F.abs(value) < F.lit(math.inf)
    return F.when(
        finite & (distance > bound),
        F.struct(F.lit(column.place).alias("place"), value.alias("value"), distance.alias("distance")),
    )


def _text(column: SeenColumn) -> Column:
    found = named(column.name)
    text = F.hex(found) if column.type == "binary" else found.cast("string")
    return F.substring(text, 1, LONGEST_TEXT)
