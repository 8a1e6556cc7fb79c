"""The second pass over a profiled table: how often each value stands, of all columns in one group-by.

A number that has very many values is counted in cells, narrow about the median and wider away from it, so that what
comes back to the driver has at most some ten thousand lines a column, however long the table is. Of a name the lengths
are counted, and how many values there are is estimated on the way.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pyspark.sql import Column, DataFrame, Observation, Window
from pyspark.sql import functions as F

from headrace.profile.number_counts import NumberCounts
from headrace.profile.report import ValueCount
from headrace.profile.value_groups import MOST_CLASSES

from .column_look import Grid, Look
from .profiled_columns import SeenColumn

CELLS = 500  # to a unit of asinh: a cell is at most 0.2 % of (interquartile range + distance from the median)
# Lines that are brought to the driver of one number; of a column with more, which the look did not see, only counts.
MOST_LINES = 200_000
RELATIVE_ERROR = 0.02  # of the estimate of distinct values of names


@dataclass(frozen=True)
class Counted:
    """The values of a column. `present` are its rows with a value (NaN is none), `distinct` its values; `numbers` are
    those that are finite, `top` the most frequent ones of a category. Lengths are of text, bounds of instants.
    """

    present: int = 0
    nan: int = 0
    infinite: int = 0
    distinct: int = 0
    exact: bool = True
    numbers: NumberCounts | None = None
    top: tuple[ValueCount, ...] = ()
    empty: int = 0
    lengths: tuple[int | None, int | None, float | None] = (None, None, None)
    bounds_us: tuple[int | None, int | None] = (None, None)


def count_values(frame: DataFrame, columns: Sequence[SeenColumn], look: Look) -> Mapping[str, Counted]:
    """Runs the pass over a frame of `seen`."""
    entries = F.array(*[_entry(column, look) for column in columns])
    seen_names = Observation()
    observed = frame.observe(seen_names, F.count(F.lit(1)).alias("rows"), *_of_names(columns, look))
    values = (
        observed.select(F.explode(entries).alias("e")).select("e.*").where("number is not null or text is not null")
    )
    counts = values.groupBy("place", "number", "text").agg(F.count(F.lit(1)).alias("rows")).persist()
    try:
        totals = {line["place"]: line for line in _totals(counts).collect()}
        lines = defaultdict(list)
        for line in _lines(counts, columns, look, totals).collect():
            lines[line["place"]].append((line["number"], line["text"], line["rows"]))
    finally:
        counts.unpersist()
    named = seen_names.get
    return {
        column.name: _counted(column, totals.get(column.place), lines[column.place], look, named) for column in columns
    }


def _entry(column: SeenColumn, look: Look) -> Column:
    """What is counted of a row: a value, its cell, the length of a name, or that there is one."""
    number, text = F.lit(None).cast("double"), F.lit(None).cast("string")
    if column.kind == "number":
        grid = look.grids.get(column.name)
        number = column.value if grid is None else _cell(column, grid)
    elif column.kind == "category":
        if column.name in look.names:
            number = F.char_length(column.value).cast("double")
        else:
            text = column.value
    elif column.kind == "time" and column.name not in look.names:
        number = F.unix_micros(column.value).cast("double")
    else:
        number = F.when(column.value.isNotNull(), F.lit(1.0))
    return F.struct(F.lit(column.place).alias("place"), number.alias("number"), text.alias("text"))


def _cell(column: SeenColumn, grid: Grid) -> Column:
    """The middle of the cell in which a value is: cells of equal width in asinh of the distance from the median. One
    in a cell of both signs keeps its own, so that zeros and negative values are counted exactly. NaN and infinite
    values stay what they are.
    """
    steps = F.round(F.asinh((column.finite - grid.middle) / grid.scale) * CELLS)
    middle = F.lit(grid.middle) + F.sinh(steps / CELLS) * grid.scale
    sign = F.signum(column.finite)
    cell = F.when(F.signum(middle) == sign, middle).otherwise(sign * F.lit(grid.scale / CELLS / 2))
    return F.when(column.finite.isNotNull(), cell).otherwise(column.value)


def _of_names(columns: Sequence[SeenColumn], look: Look) -> list[Column]:
    """What is observed of names while the others are counted."""
    found = []
    for column in columns:
        if column.name in look.names:
            found.append(F.approx_count_distinct(column.value, RELATIVE_ERROR).alias(f"distinct{column.place}"))
            if column.kind == "time":
                micros = F.unix_micros(column.value)
                found += [F.min(micros).alias(f"least{column.place}"), F.max(micros).alias(f"most{column.place}")]
        elif column.name in look.grids:
            value = column.finite
            found += [F.min(value).alias(f"least{column.place}"), F.max(value).alias(f"most{column.place}")]
    return found


def _totals(counts: DataFrame) -> DataFrame:
    """One line a column."""
    length = F.char_length("text")
    return counts.groupBy("place").agg(
        F.sum("rows").alias("present"),
        F.count(F.lit(1)).alias("distinct"),
        F.sum(F.when(length == 0, F.col("rows"))).alias("empty"),
        F.min(length).alias("shortest"),
        F.max(length).alias("longest"),
        (F.sum(length * F.col("rows")) / F.sum(F.when(length.isNotNull(), F.col("rows")))).alias("mean_length"),
        F.min("number").alias("least"),
        F.max("number").alias("most"),
    )


def _lines(counts: DataFrame, columns: Sequence[SeenColumn], look: Look, totals: Mapping[int, Any]) -> DataFrame:
    """All lines of numbers and of the lengths of names, and the most frequent ones of categories."""
    wanted = [
        column.place
        for column in columns
        if (column.kind == "number" or (column.kind == "category" and column.name in look.names))
        and column.place in totals
        and totals[column.place]["distinct"] <= MOST_LINES
    ]
    of_column = Window.partitionBy("place").orderBy(F.desc("rows"), "text")
    texts = counts.where("text is not null").select("*", F.row_number().over(of_column).alias("frequent"))
    return (
        counts.where(F.col("place").isin(wanted) & F.col("number").isNotNull())
        .unionByName(texts.where(F.col("frequent") <= MOST_CLASSES).drop("frequent"))
        .select("place", "number", "text", "rows")
    )


def _counted(
    column: SeenColumn, total: Any, lines: Sequence[tuple[float | None, str | None, int]], look: Look, named: Any
) -> Counted:
    if total is None:
        return Counted(numbers=NumberCounts([], []) if column.kind == "number" else None)
    if column.kind == "number":
        return _of_number(
            column, total, [(number, rows) for number, _, rows in lines if number is not None], look, named
        )
    if column.name in look.names:
        return _of_name(column, total, [(int(number or 0), rows) for number, _, rows in lines], named)
    top = sorted(((text, rows) for _, text, rows in lines if text is not None), key=lambda pair: (-pair[1], pair[0]))
    is_time = column.kind == "time"
    return Counted(
        present=total["present"],
        distinct=total["distinct"],
        top=tuple(ValueCount(value=text, rows=rows) for text, rows in top),
        empty=total["empty"] or 0,
        lengths=(total["shortest"], total["longest"], total["mean_length"]),
        bounds_us=(int(total["least"]), int(total["most"])) if is_time else (None, None),
    )


def _of_number(column: SeenColumn, total: Any, lines: Sequence[tuple[float, int]], look: Look, named: Any) -> Counted:
    nan = sum(rows for value, rows in lines if math.isnan(value))
    infinite = sum(rows for value, rows in lines if math.isinf(value))
    finite = [(value, rows) for value, rows in lines if math.isfinite(value)]
    known = bool(lines)
    exact = known and column.name not in look.grids
    if known and not exact and finite:  # the ends are known exactly
        finite.sort()
        ends = named[f"least{column.place}"], named[f"most{column.place}"]
        finite[0], finite[-1] = (ends[0], finite[0][1]), (ends[1], finite[-1][1])
    return Counted(
        present=total["present"] - nan,
        nan=nan,
        infinite=infinite,
        distinct=total["distinct"] - (nan > 0),
        exact=exact,
        numbers=NumberCounts.of(finite) if known else None,
    )


def _of_name(column: SeenColumn, total: Any, lengths: Sequence[tuple[int, int]], named: Any) -> Counted:
    place, present = column.place, total["present"]
    found = Counted(present=present, distinct=min(named[f"distinct{place}"], present), exact=False)
    if column.kind == "time":
        return replace(found, bounds_us=(named[f"least{place}"], named[f"most{place}"]))
    counts = NumberCounts.of((float(length), rows) for length, rows in lengths)
    return replace(
        found,
        empty=counts.holding(lambda length: length == 0),
        lengths=(int(counts.values[0]), int(counts.values[-1]), counts.mean()),
    )
