"""What Spark is asked to do when a source is cleaned: its own functions only, whatever the rules."""

from __future__ import annotations

from itertools import cycle

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from support.plans import a_plan
from support.raw_lake import Record, append_raw
from support.shop import ORDERS, order, orders

from headrace.jobs.admission import REASON
from headrace.jobs.clean_tables import clean_columns
from headrace.jobs.cleaning import clean_rows, judge_records, quarantine_rows
from headrace.jobs.copies import find_copies
from headrace.pipeline import Source
from headrace.pipeline.cleaning import FILLS, OUTLIER_METHODS
from headrace.plans import Treatment, bind

ACTIONS = ("flag", "clip", "null_value", "quarantine")
STATED = {"bounds": {"low": 1, "high": 9}, "quantile": {"low": 0.01, "high": 0.99}}


def source_with_every_rule() -> Source:
    """Orders with a column for each method, fill and action, rules by group, a joint rule and an expectation."""
    columns = {f"by_{method}": {"type": "double"} for method in OUTLIER_METHODS}
    clean = {}
    for method, fill, action in zip(OUTLIER_METHODS, FILLS, cycle(ACTIONS), strict=False):
        grouped = {} if method == "bounds" else {"by": ["shop"]}
        missing = {"fill": fill} | ({"value": 0} if fill == "constant" else {})
        outliers = {"method": method, "action": action} | STATED.get(method, {}) | grouped
        clean[f"by_{method}"] = {"outliers": outliers, "missing": missing}
    return orders(
        columns=ORDERS["columns"] | columns,
        clean=ORDERS["clean"] | clean,
        joint_outliers={"pair": {"columns": ["by_iqr", "by_mad"], "threshold": 5, "action": "quarantine"}},
        fit={"from": "2013-01-01", "to": "2014-01-01"},
        expect={"has_a_shop": {"check": "not_null", "column": "shop", "severity": "quarantine"}},
        unknown_fields="quarantine",
    )


def physical_plan(rows: DataFrame) -> str:
    return str(rows._jdf.queryExecution().executedPlan().toString())


@pytest.fixture(scope="module")
def frames(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> dict[str, DataFrame]:
    """What a unit of work computes, none of it run."""
    lake = tmp_path_factory.mktemp("planned")
    source = source_with_every_rule()
    treatment: Treatment = bind(source, a_plan(source))
    raw = spark.read.format("delta").load(str(append_raw(lake, "orders", [Record(order(1), 0)])))
    judged = judge_records(raw, source, treatment)
    accepted = judged.where(F.col(REASON).isNull())
    schema = ", ".join(f"`{name}` {kind}" for name, kind in clean_columns(source).items())
    return {
        "judged": judged,
        "quarantine": quarantine_rows(judged),
        "copies": find_copies(accepted, spark.createDataFrame([], schema), source),
        "copies of a first run": find_copies(accepted, None, source),
        "clean": clean_rows(accepted, source, treatment),
    }


def test_no_python_takes_part_in_cleaning_whatever_the_rules(frames):
    plans = {name: physical_plan(frame) for name, frame in frames.items()}
    assert [name for name, plan in plans.items() if "Python" in plan] == []
    assert all("__document" in plan for plan in plans.values())  # which says that these are the plans


def test_a_python_function_would_be_seen_in_a_plan(spark: SparkSession):
    assert "EvalPython" in physical_plan(spark.range(3).select(F.udf(lambda number: number, "long")("id")))
