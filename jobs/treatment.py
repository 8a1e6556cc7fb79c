"""Treatment: an accepted event's values under the rules of its source; the originals and flags stay beside them.

For a column `x` with a rule, `x` becomes the treated value and `x_original` what was sent. `x_outlier` says whether the
value as sent lay outside the bounds, `x_missing` whether it was sent as null (both never null). Outliers are treated
before missing values
are filled, so an outlier that was made null is filled too.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from headrace import pipeline
from headrace.pipeline import ColumnCleaning, Source
from headrace.pipeline.column_types import SQL_TYPES

from .outliers import Bounds


def treat(events: DataFrame, source: Source) -> DataFrame:
    """Replaces each column that has a rule by its treated value, and adds `x_original`, `x_outlier` and `x_missing`.

    Raises:
        ValueError: a rule needs a fitted plan; the entries refuse such a source before they read a row.
    """
    if fitted := source.fitted_rules():
        raise ValueError(f"source {source.name} has rules that must be fitted: {fitted}")
    if not source.clean:
        return events
    treated = {name: _treated(name, rules, source.columns[name].type) for name, rules in source.clean.items()}
    beside = [column for name, rules in source.clean.items() for column in _beside(name, rules)]
    return events.select(*[treated.get(name, F.col(name)) for name in events.columns], *beside)


def _treated(name: str, rules: ColumnCleaning, declared: str) -> Column:
    value = F.col(name)
    if isinstance(rules.outliers, pipeline.Bounds):
        value = _bounds(rules.outliers).treat(value, rules.outliers.action)
    if isinstance(rules.missing, pipeline.Constant):
        value = F.coalesce(value, F.lit(rules.missing.value))
    return value.cast(SQL_TYPES[declared]).alias(name)


def _beside(name: str, rules: ColumnCleaning) -> list[Column]:
    sent = F.col(name)
    bounds = _bounds(rules.outliers) if isinstance(rules.outliers, pipeline.Bounds) else Bounds(None, None)
    return [
        sent.alias(f"{name}_original"),
        bounds.excludes(sent).alias(f"{name}_outlier"),
        sent.isNull().alias(f"{name}_missing"),
    ]


def _bounds(rule: pipeline.Bounds) -> Bounds:
    return Bounds(rule.low, rule.high)
