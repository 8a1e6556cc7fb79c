from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from pyspark.sql import SparkSession
from support.plans import a_plan
from support.shop import orders
from support.treatment_oracle import as_lists, as_table, rows, treatments

from headrace.jobs.treatment import treat
from headrace.plans import Group, Grouped, bind
from headrace.plans.columnar import treat_rows

SCHEMA = "id string, at timestamp, shop string, amount double, pieces long, gift boolean, hour long"


def both_faces(spark: SparkSession, table: pa.Table, treatment) -> tuple[dict, dict]:
    """What Spark and what NumPy make of the rows, `number` first, as plain values."""
    by_spark = treat(spark.createDataFrame(table), treatment).orderBy("number").toArrow()
    by_numpy = treat_rows(table, treatment).drop_columns(["_reason"])
    return as_lists(by_spark), as_lists(by_numpy)


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=rows(), treatment=treatments())
def test_spark_and_numpy_give_the_same_values_to_the_last_bit(spark: SparkSession, drawn, treatment):
    by_spark, by_numpy = both_faces(spark, as_table(drawn), treatment)
    assert by_spark == by_numpy


def test_a_treated_column_keeps_its_original_and_both_flags_beside_it(spark: SparkSession):
    rows = [(0.5, None), (7.0, 200), (900.0, 3)]
    frame = spark.createDataFrame([("a", None, None, *row, None, 10) for row in rows], SCHEMA)
    treated = [row.asDict() for row in treat(frame, bind(orders())).collect()]
    assert [row["amount"] for row in treated] == [1.0, 7.0, 500.0]
    assert [row["amount_original"] for row in treated] == [0.5, 7.0, 900.0]
    assert [row["amount_outlier"] for row in treated] == [True, False, True]
    assert [row["amount_missing"] for row in treated] == [False, False, False]
    assert [row["pieces"] for row in treated] == [1, 1, 3]  # missing is filled, and so is an outlier made null
    assert [row["pieces_original"] for row in treated] == [None, 200, 3]
    assert [row["pieces_outlier"] for row in treated] == [False, True, False]
    assert [row["pieces_missing"] for row in treated] == [True, False, False]
    assert [row["_plan"] for row in treated] == [None, None, None]


def test_a_source_without_rules_is_left_alone(spark: SparkSession):
    frame = spark.createDataFrame([("a", 1.0)], "id string, amount double")
    assert treat(frame, bind(orders(clean={}))).columns == ["id", "amount", "_plan"]


def test_thousands_of_groups_are_looked_up_without_a_join_and_without_python(spark: SparkSession):
    fitted = {
        "fit": {"from": "2013-01-01", "to": "2014-01-01"},
        "clean": {"amount": {"missing": {"fill": "median", "by": ["shop"]}}},
    }
    source = orders(**fitted)
    version = a_plan(source)
    groups = tuple(Group(key=(f"shop-{number}",), value=float(number)) for number in range(5_000))
    column = version.plan.columns["amount"]
    fill = column.missing.model_copy(update={"fill": Grouped(by=("shop",), otherwise=-1.0, groups=groups)})
    version.plan.columns["amount"] = column.model_copy(update={"missing": fill})
    frame = spark.range(6_000).selectExpr("concat('shop-', id) as shop", "cast(null as double) as amount", "id")
    treated = treat(frame, bind(source, version))
    plan = treated._jdf.queryExecution().executedPlan().toString()
    assert not any(word in plan for word in ("Join", "Python", "BatchEval"))
    expected = [float(number) if number < 5_000 else -1.0 for number in range(6_000)]
    assert [row["amount"] for row in treated.orderBy("id").collect()] == expected
