"""The statistics of the fitted window, column by column, as sent: what drift is measured against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from headrace.pipeline import Source
from headrace.pipeline.column_types import NUMBERS
from headrace.plans import ColumnStatistics, Treatment
from headrace.plans.formulas import Spread

from .treatment import treat
from .value_statistics import Asked, finite, spreads

QUANTILES = tuple(number / 50 for number in range(51))
EDGES = tuple(number / 20 for number in range(1, 20))  # so that no bin holds more than a twentieth, ties apart
MOST_FREQUENT = 20
DISTINCT_ERROR = 0.02


def describe_columns(rows: DataFrame, source: Source, count: int) -> dict[str, ColumnStatistics]:
    """The statistics of the declared columns, and of derived ones whose drift is watched. A fixed number of passes:
    counts, two of quantiles, shares, texts.
    """
    watched = source.watched()
    kinds = {name: kind for name, kind in source.row_columns().items() if name in source.columns or name in watched}
    numbers = [name for name, kind in kinds.items() if kind in NUMBERS]
    texts = [name for name, kind in kinds.items() if kind in ("string", "boolean") and name not in source.event_id]
    counted = _counts(rows, kinds)
    asked = [Asked(name, None, tuple(sorted({*QUANTILES, *EDGES})), moments=True) for name in numbers]
    known = spreads(rows, (), asked, count).get((), [Spread(0)] * len(numbers)) if numbers else []
    spread = dict(zip(numbers, known, strict=True))
    edges = {name: _edges(found) for name, found in spread.items()}
    below, top = _below(rows, edges), _top(rows, texts)
    found = {}
    for name, kind in kinds.items():
        said: dict[str, Any] = {"type": kind, **counted[name]}
        if name in spread:
            said |= _numbers(spread[name], edges[name], below.get(name, ()))
            said["not_finite"] = said["values"] - spread[name].count
        found[name] = ColumnStatistics(**said, top=top.get(name, ()))
    return found


def count_outliers(rows: DataFrame, treatment: Treatment) -> dict[str, int]:
    """How many of the rows each rule of a treatment flags: by column, and by name of a joint rule."""
    names = [*(column.name for column in treatment.columns), *(rule.name for rule in treatment.joint)]
    if not names:
        return {}
    flags = [F.expr(f"count_if(`{name}_outlier`) as c{number}") for number, name in enumerate(names)]
    (found,) = treat(rows, treatment).agg(*flags).collect()
    return {name: int(found[f"c{number}"]) for number, name in enumerate(names)}


def _counts(rows: DataFrame, kinds: Mapping[str, str]) -> dict[str, dict[str, int]]:
    aggregates = ["count(*) as rows"]
    for number, name in enumerate(kinds):
        aggregates.append(f"count(`{name}`) as values_{number}")
        aggregates.append(f"approx_count_distinct(`{name}`, {DISTINCT_ERROR}D) as distinct_{number}")
    (found,) = rows.agg(*map(F.expr, aggregates)).collect()
    return {
        name: {
            "values": found[f"values_{number}"],
            "nulls": found["rows"] - found[f"values_{number}"],
            "distinct": min(found[f"distinct_{number}"], found[f"values_{number}"]),
        }
        for number, name in enumerate(kinds)
    }


def _edges(spread: Spread) -> tuple[float, ...]:
    quantiles = spread.quantiles or {}
    return tuple(sorted({quantiles[share] for share in EDGES})) if spread.count else ()


def _numbers(spread: Spread, edges: tuple[float, ...], below: Sequence[int]) -> dict[str, Any]:
    if not spread.count:
        return {}
    steps = [0, *below, spread.count]
    shares = tuple((after - before) / spread.count for before, after in pairwise(steps))
    quantiles = spread.quantiles or {}
    return {
        "least": spread.least,
        "greatest": spread.greatest,
        "mean": spread.mean,
        "stddev": spread.stddev,
        "quantiles": tuple(quantiles[share] for share in QUANTILES),
        "edges": edges,
        "shares": shares,
    }


def _below(rows: DataFrame, edges: Mapping[str, tuple[float, ...]]) -> dict[str, list[int]]:
    """Of each column the number of finite values at or below each edge."""
    places = [(name, edge) for name, found in edges.items() for edge in found]
    if not places:
        return {}
    numbers = rows.select(*[F.expr(finite(f"`{name}`")).alias(name) for name in edges])
    counts = [f"count_if(`{name}` <= {edge!r}D) as c{place}" for place, (name, edge) in enumerate(places)]
    (found,) = numbers.agg(*map(F.expr, counts)).collect()
    below: dict[str, list[int]] = {}
    for place, (name, _) in enumerate(places):
        below.setdefault(name, []).append(found[f"c{place}"])
    return below


def _top(rows: DataFrame, names: Sequence[str]) -> dict[str, tuple[tuple[str, int], ...]]:
    """The most frequent values of each column as text, with their counts; of equally frequent ones the least first."""
    if not names:
        return {}
    pairs = [f"named_struct('name', '{name}', 'text', cast(`{name}` as string))" for name in names]
    every = rows.select(F.expr(f"inline(array({', '.join(pairs)}))"))
    counted = every.where("text is not null").groupBy("name", "text").count()
    order = Window.partitionBy("name").orderBy(F.desc("count"), "text")
    ranked = counted.select("*", F.row_number().over(order).alias("rank")).where(F.col("rank") <= MOST_FREQUENT)
    found: dict[str, list[tuple[str, int]]] = {}
    for row in sorted(ranked.collect(), key=lambda row: (row["name"], row["rank"])):
        found.setdefault(row["name"], []).append((row["text"], row["count"]))
    return {name: tuple(values) for name, values in found.items()}
