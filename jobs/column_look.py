"""The first pass over a profiled table: a look at some of its rows, which says how each column can be counted.

It decides nothing that a profile says: only whether a number is counted by value or in cells, about which middle, and
which columns are names, whose values are nearly all different.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from .profiled_columns import SeenColumn

LOOKED_AT, SEED = 50_000, 1
# More values than these among the rows looked at: cells are counted.
MOST_NUMBERS = 5_000
# A category or time of which more than this share of these many rows differ is a name.
NAME_SHARE, NAME_ROWS = 0.5, 10_000
QUARTILES, ACCURACY = (0.25, 0.5, 0.75), 1_000


@dataclass(frozen=True)
class Grid:
    """How a number is counted in cells: they are narrow about `middle`, and `scale` is the width of its bulk."""

    middle: float
    scale: float


@dataclass(frozen=True)
class Look:
    """All rows, the columns that are counted in cells, and those that are names."""

    rows: int
    grids: Mapping[str, Grid]
    names: frozenset[str]


def look_at(frame: DataFrame, columns: Sequence[SeenColumn]) -> Look:
    """Runs the pass over a frame of `seen`. All rows of a whole table are counted by its log alone."""
    rows = frame.count()
    told = {column.alias: made for column in columns if (made := _facts(column)) is not None}
    if not rows or not told:
        return Look(rows, {}, frozenset())
    some = frame.sample(fraction=min(1.0, LOOKED_AT / rows), seed=SEED)
    (row,) = some.agg(*[made.alias(alias) for alias, made in told.items()]).collect()
    grids, names = {}, set()
    for column in columns:
        facts = row[column.alias] if column.alias in told else None
        if facts is None:
            continue
        if column.kind != "number":
            if facts["rows"] >= NAME_ROWS and facts["distinct"] > NAME_SHARE * facts["rows"]:
                names.add(column.name)
        elif facts["distinct"] > MOST_NUMBERS and facts["quartiles"]:
            first, middle, third = facts["quartiles"]
            grids[column.name] = Grid(middle, (third - first) or abs(middle) or 1.0)
    return Look(rows, grids, frozenset(names))


def _facts(column: SeenColumn) -> Column | None:
    if column.kind == "other":
        return None
    value = column.finite if column.kind == "number" else column.value
    facts = [F.count(value).alias("rows"), F.approx_count_distinct(value).alias("distinct")]
    if column.kind == "number":
        facts.append(F.percentile_approx(value, list(QUARTILES), ACCURACY).alias("quartiles"))
    return F.struct(*facts)
