from __future__ import annotations

import math

import pytest
from pyspark.sql import SparkSession
from support.shop import orders

from headrace.jobs.outliers import Bounds
from headrace.jobs.treatment import treat

VALUES = [None, -1e9, -1.0, 0.0, 4.999, 5.0, 5.001, 1e308, math.nan]


def naive(value: float | None, low: float | None, high: float | None, action: str) -> tuple[float | None, bool]:
    above_all = value is not None and math.isnan(value)  # as Spark orders it
    below = value is not None and low is not None and not above_all and value < low
    above = value is not None and high is not None and (above_all or value > high)
    if not (below or above):
        return value, False
    return {"flag": value, "clip": low if below else high, "null_value": None}[action], True


@pytest.mark.parametrize("action", ["flag", "clip", "null_value"])
@pytest.mark.parametrize(("low", "high"), [(0.0, 5.0), (None, 5.0), (0.0, None), (5.0, 5.0)])
def test_spark_treats_every_value_as_the_plain_rule_says(spark: SparkSession, low, high, action):
    frame = spark.createDataFrame([(number, value) for number, value in enumerate(VALUES)], "n int, x double")
    bounds = Bounds(low, high)
    rows = (
        frame.select("n", bounds.treat(frame.x, action).alias("x"), bounds.excludes(frame.x).alias("o"))
        .orderBy("n")
        .collect()
    )
    got = [(row.x, row.o) for row in rows]
    expected = [naive(value, low, high, action) for value in VALUES]
    assert repr(got) == repr(expected)  # repr, since NaN is not equal to itself


def test_a_treated_column_keeps_its_original_and_both_flags_beside_it(spark: SparkSession):
    rows = [(0.5, None), (7.0, 200), (900.0, 3)]
    frame = spark.createDataFrame(
        [("a", None, None, *row, None, 10) for row in rows],
        "id string, at timestamp, shop string, amount double, pieces long, gift boolean, hour long",
    )
    treated = [row.asDict() for row in treat(frame, orders()).collect()]
    assert [row["amount"] for row in treated] == [1.0, 7.0, 500.0]
    assert [row["amount_original"] for row in treated] == [0.5, 7.0, 900.0]
    assert [row["amount_outlier"] for row in treated] == [True, False, True]
    assert [row["amount_missing"] for row in treated] == [False, False, False]
    assert [row["pieces"] for row in treated] == [1, 1, 3]  # missing is filled, and so is an outlier made null
    assert [row["pieces_original"] for row in treated] == [None, 200, 3]
    assert [row["pieces_outlier"] for row in treated] == [False, True, False]
    assert [row["pieces_missing"] for row in treated] == [True, False, False]


def test_a_source_without_rules_is_left_alone(spark: SparkSession):
    frame = spark.createDataFrame([("a", 1.0)], "id string, amount double")
    assert treat(frame, orders(clean={})).columns == ["id", "amount"]
