"""The third pass over a profiled table: the products of every two facets, summed over all rows, as MLlib's Gramian."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

from pyspark.ml.feature import Bucketizer, VectorAssembler
from pyspark.mllib.linalg.distributed import RowMatrix
from pyspark.mllib.util import MLUtils
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from headrace.profile.association import Products
from headrace.profile.facets import Compared, Facet, Facets, Role
from headrace.profile.value_groups import Group, Interval, OtherValues, Value, Zero

from .profiled_columns import SeenColumn


def sum_products(frame: DataFrame, columns: Mapping[str, SeenColumn], facets: Facets) -> Products:
    """Runs the pass over a frame of `seen`."""
    ranked = _with_rank_classes(frame, [c for c in facets.columns if c.is_number], columns)
    compared = {column.name: column for column in facets.columns}
    names = [f"f{place}" for place in range(len(facets.all))]
    made = ranked.select(
        *[_facet(facet, columns, compared).cast("double").alias(n) for n, facet in zip(names, facets.all, strict=True)]
    )
    vectors = VectorAssembler(inputCols=names, outputCol="facets").transform(made).select("facets")
    matrix = RowMatrix(MLUtils.convertVectorColumnsFromML(vectors), 0, len(names))
    return Products(facets, matrix.computeGramianMatrix().toArray().tolist())


def _with_rank_classes(frame: DataFrame, numbers: list[Compared], columns: Mapping[str, SeenColumn]) -> DataFrame:
    """Adds the number of the class in which each value is, among those of the column's scale."""
    if not numbers:
        return frame
    finite = frame.select("*", *[columns[n.name].finite.alias(f"{columns[n.name].alias}_finite") for n in numbers])
    return Bucketizer(
        splitsArray=[number.ranks.splits() for number in numbers if number.ranks],
        inputCols=[f"{columns[number.name].alias}_finite" for number in numbers],
        outputCols=[f"{columns[number.name].alias}_class" for number in numbers],
    ).transform(finite)


def _facet(facet: Facet, columns: Mapping[str, SeenColumn], compared: Mapping[str, Compared]) -> Column:
    if facet.column is None:
        return F.lit(1.0)
    column, facts = columns[facet.column], compared[facet.column]
    if facet.role is Role.PRESENT:
        return _flag(~column.is_missing)
    if facet.role is Role.FINITE:
        return _flag(column.finite.isNotNull())
    if facet.role is Role.GROUP:
        return _flag(_is_in(facet.group, column))
    number = _rank(column, facts) if facet.role in (Role.RANK, Role.RANK_SQUARE) else _scaled(column, facts)
    return number * number if facet.role in (Role.SQUARE, Role.RANK_SQUARE) else number


def _flag(condition: Column) -> Column:
    return F.when(condition, F.lit(1.0)).otherwise(F.lit(0.0))


def _scaled(column: SeenColumn, facts: Compared) -> Column:
    return F.coalesce((column.finite - F.lit(facts.mean)) / F.lit(facts.deviation), F.lit(0.0))


def _rank(column: SeenColumn, facts: Compared) -> Column:
    # One literal, which Spark folds into an array once; a literal a rank would be a thousand calls into the JVM.
    ranks = F.split(F.lit(",".join(map(repr, facts.ranks.ranks if facts.ranks else ()))), ",").cast("array<double>")
    return F.coalesce(F.get(ranks, F.col(f"{column.alias}_class").cast("int")), F.lit(0.0))


def _is_in(group: Group | None, column: SeenColumn) -> Column:
    if isinstance(group, Zero):
        return column.value == 0
    if isinstance(group, Value):
        return column.value == F.lit(group.value)
    if isinstance(group, OtherValues):
        return column.value.isNotNull() & ~column.value.isin(*group.named)
    if isinstance(group, Interval):
        value = column.finite
        limits = [value > group.low] if group.low is not None else []
        limits += [value <= group.high] if group.high is not None else []
        limits += [value != 0] if group.without_zero else []
        return reduce(lambda a, b: a & b, limits, value.isNotNull())
    raise TypeError(f"a facet of {column.name} has no group")
