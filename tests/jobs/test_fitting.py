"""Fitting a plan from the events of a window, against another computation of the same numbers."""

from __future__ import annotations

import math
import random
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from support import fit_oracle

from headrace.errors import UsageError
from headrace.jobs import fitting
from headrace.jobs.fitting import fit_plan
from headrace.pipeline import Pipeline, Source
from headrace.plans import Bounds
from headrace.plans.row import body_of

SEED = 20130101
WINDOW = {"from": "2013-01-01", "to": "2014-01-01"}
COLUMNS = {
    "id": {"type": "string"},
    "at": {"type": "timestamp"},
    "shop": {"type": "string"},
    "gift": {"type": "boolean"},
    "day": {"type": "date"},
    "amount": {"type": "double"},
    "paid": {"type": "double"},
    "pieces": {"type": "long"},
    "still": {"type": "double"},
    "never": {"type": "double"},
}
METHODS = [
    {"method": "iqr"},
    {"method": "zscore", "threshold": 2.5, "side": "high"},
    {"method": "mad", "threshold": 4.0, "side": "low"},
    {"method": "quantile", "low": 0.01, "high": 0.9},
    {"method": "iqr", "transform": "log1p"},
    {"method": "mad", "transform": "log"},
]


def source(clean: dict, **more) -> Source:
    block = {"topic": "t", "event_id": ["id"], "event_at": "at", "columns": COLUMNS, "fit": WINDOW, "clean": clean}
    return Pipeline(pipeline="shop", sources={"orders": block | more}).sources["orders"]


def events(count: int, seed: int = SEED) -> list[dict]:
    """Events with nulls, infinities and NaN, four shops of which one is rare, and a column that never changes."""
    draw = random.Random(seed)
    odd = [None, math.nan, math.inf, -math.inf]
    rows = []
    for number in range(count):
        amount = draw.lognormvariate(2, 1) * draw.choice([1, -1, 1, 1])
        rows.append(
            {
                "id": f"e{number}",
                "at": datetime(2013, 1, 1, tzinfo=UTC) + timedelta(minutes=number),
                "shop": draw.choices(["north", "south", "rare", None], [60, 30, 1, 9])[0],
                "gift": draw.choice([True, True, False, None]),
                "day": draw.choice([date(2013, 1, 5), date(2013, 1, 6), None]),
                "amount": draw.choice(odd) if draw.random() < 0.1 else amount,
                "paid": amount * 2 + draw.gauss(0, 1),
                "pieces": draw.choice([None, 1, 2, 2, 3, 1_000]),
                "still": 5.0,
                "never": None,
            }
        )
    return rows


def frame(spark: SparkSession, rows: list[dict], parts: int = 2):
    kinds = {"string": pa.string(), "double": pa.float64(), "long": pa.int64(), "boolean": pa.bool_()}
    kinds |= {"timestamp": pa.timestamp("us", "UTC"), "date": pa.date32()}
    table = pa.table({n: pa.array([row[n] for row in rows], kinds[c["type"]]) for n, c in COLUMNS.items()})
    return spark.createDataFrame(table).repartition(parts)


def values_of(rows: list[dict], name: str, **where) -> list[float]:
    found = [row[name] for row in rows if all(row[key] == value for key, value in where.items())]
    return [float(value) for value in found if value is not None and math.isfinite(value)]


def close(bounds: Bounds, expected: tuple) -> bool:
    pairs = zip((bounds.low, bounds.high), expected, strict=True)
    return all(a == b if a is None or b is None else math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-12) for a, b in pairs)


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    return events(900)


@pytest.fixture(scope="module")
def fitted(spark: SparkSession, rows):
    """The plan of every method on `paid` and `amount`, as one source after the other would have it."""
    names = {"amount": METHODS[4], "paid": METHODS[0], "still": METHODS[2], "never": METHODS[1]}
    clean = {name: {"outliers": rule | {"by": ["shop"]}} for name, rule in names.items()}
    clean["pieces"] = {"outliers": METHODS[1] | {"by": ["shop"]}, "missing": {"fill": "mean", "by": ["shop", "gift"]}}
    clean["never"]["missing"] = {"fill": "median"}
    clean["gift"] = {"missing": {"fill": "mode", "by": ["shop"]}}
    clean["day"] = {"missing": {"fill": "mode"}}
    joint = {"basket": {"columns": ["amount", "paid"], "threshold": 5.0, "by": ["shop"]}}
    declared = source(clean, joint_outliers=joint)
    return declared, fit_plan(frame(spark, rows), declared)


@pytest.mark.parametrize("name", ["amount", "paid"])
def test_bounds_are_those_of_the_formulas_for_all_rows_and_for_each_group(fitted, rows, name):
    declared, plan = fitted
    rule = declared.clean[name].outliers.model_dump()
    bounds = plan.columns[name].outliers.bounds
    assert close(bounds.otherwise, fit_oracle.bounds(rule, values_of(rows, name)))
    assert [group.key for group in bounds.groups] == [("north",), ("south",)]  # 'rare' has too few values, null is none
    for group in bounds.groups:
        assert close(group.value, fit_oracle.bounds(rule, values_of(rows, name, shop=group.key[0])))


@pytest.mark.slow
def test_every_method_gives_the_bounds_of_another_computation(spark: SparkSession, rows):
    plans = [fit_plan(frame(spark, rows), source({"paid": {"outliers": rule}})) for rule in METHODS]
    for rule, plan in zip(METHODS, plans, strict=True):
        declared = plan.columns["paid"].outliers
        assert close(declared.bounds.otherwise, fit_oracle.bounds(declared.rule, values_of(rows, "paid"))), rule


def test_bounds_of_whole_numbers_are_whole_and_lie_outside(fitted, rows):
    declared, plan = fitted
    low, high = fit_oracle.bounds(declared.clean["pieces"].outliers.model_dump(), values_of(rows, "pieces"))
    assert plan.columns["pieces"].outliers.bounds.otherwise == Bounds(low=low, high=math.ceil(high))


def test_fills_are_those_of_each_group(fitted, rows):
    fill = fitted[1].columns["pieces"].missing.fill
    assert fill.otherwise == round(np.mean(values_of(rows, "pieces")))
    assert {group.key for group in fill.groups} >= {("north", "true"), ("south", "false")}
    for group in fill.groups:
        here = values_of(rows, "pieces", shop=group.key[0], gift=group.key[1] == "true")
        assert group.value == round(np.mean(here))


def test_a_mode_is_the_most_frequent_value_and_of_equally_frequent_ones_the_least(spark: SparkSession, fitted, rows):
    plan = fitted[1]
    assert plan.columns["gift"].missing.fill.otherwise is True
    counted = {day: sum(row["day"] == day for row in rows) for day in (date(2013, 1, 5), date(2013, 1, 6))}
    most = max(counted, key=counted.get)
    assert plan.columns["day"].missing.fill.otherwise == (most - date(1970, 1, 1)).days
    tied = [events(1)[0] | {"id": str(n), "shop": shop} for n, shop in enumerate(["b", "a", "b", "a", None])]
    found = fit_plan(frame(spark, tied), source({"shop": {"missing": {"fill": "mode"}}}))
    assert found.columns["shop"].missing.fill.otherwise == "a"


def test_a_column_without_spread_or_without_values_sets_nothing_and_says_so(fitted):
    columns = fitted[1].columns
    assert columns["still"].outliers.bounds.otherwise == Bounds()
    assert columns["still"].notes[0] == "mad sets no bounds: no spread in the window"
    assert columns["never"].outliers.bounds.otherwise == Bounds()
    assert columns["never"].missing.fill.otherwise is None
    assert columns["never"].notes == (
        "zscore sets no bounds: no finite value in the window",
        "median fills nothing: no finite value in the window",
    )


def test_the_ellipse_of_each_group_is_that_of_another_computation(fitted, rows):
    joint = fitted[1].joint["basket"]
    assert joint.columns == ("amount", "paid")
    known = [row for row in rows if row["amount"] is not None and math.isfinite(row["amount"])]
    for key, ellipse in [(None, joint.ellipses.otherwise), *((g.key[0], g.value) for g in joint.ellipses.groups)]:
        here = [row for row in known if key is None or row["shop"] == key]
        columns = [[row[name] for row in here] for name in joint.columns]
        centre, covariance = fit_oracle.ellipse(columns)
        np.testing.assert_allclose(ellipse.centre, centre, rtol=1e-9)
        weights = np.array(ellipse.weights)
        ours = np.sqrt((((np.array(columns).T - ellipse.centre) @ weights.T) ** 2).sum(axis=1))
        np.testing.assert_allclose(ours, fit_oracle.distances(columns, centre, covariance), rtol=1e-7)
        assert ellipse.limit == 25.0


def test_the_statistics_are_those_of_the_window_as_sent(fitted, rows):
    statistics = fitted[1].statistics
    paid, known = statistics["paid"], values_of(rows, "paid")
    assert (paid.values, paid.nulls, paid.not_finite) == (900, 0, 0)
    np.testing.assert_allclose(paid.quantiles, np.quantile(known, np.linspace(0, 1, 51)), rtol=1e-12)
    assert math.isclose(paid.mean, math.fsum(known) / 900, rel_tol=1e-12)
    assert math.isclose(paid.stddev, float(np.std(known, ddof=1)), rel_tol=1e-12)
    edges = [-math.inf, *paid.edges, math.inf]
    shares = [np.mean([low < value <= high for value in known]) for low, high in pairwise(edges)]
    np.testing.assert_allclose(paid.shares, shares)
    odd = [row["amount"] for row in rows if row["amount"] is not None and not math.isfinite(row["amount"])]
    assert statistics["amount"].not_finite == len(odd) > 0
    assert statistics["gift"].top[0] == ("true", sum(row["gift"] is True for row in rows))
    assert statistics["id"].top == ()
    assert statistics["never"].nulls == 900
    assert abs(statistics["paid"].distinct - 900) <= 900 * 0.06


def test_the_same_events_give_the_same_plan_in_whatever_order_and_parts_they_come(spark: SparkSession, fitted, rows):
    declared, plan = fitted
    shuffled = random.Random(7).sample(rows, len(rows))
    assert body_of(fit_plan(frame(spark, shuffled, parts=3), declared)) == body_of(plan)


def test_a_window_without_events_is_refused_with_its_bounds(spark: SparkSession, fitted):
    empty = frame(spark, events(1)).where("false")
    says = "the fit window from 2013-01-01T00:00:00Z to 2014-01-01T00:00:00Z holds no event"
    with pytest.raises(UsageError, match=says):
        fit_plan(empty, fitted[0])


def test_of_very_many_events_an_even_part_is_looked_at_and_the_plan_says_so(spark: SparkSession, rows, monkeypatch):
    monkeypatch.setattr(fitting, "EXACT_ROWS", 300)
    plan = fit_plan(frame(spark, rows), source({"paid": {"outliers": {"method": "mad"}}}))
    assert (plan.rows, plan.one_in) == (900, 3)
    assert 200 < plan.statistics["paid"].values < 400


def test_more_groups_than_a_plan_may_have_are_refused_with_the_columns(spark: SparkSession, rows, monkeypatch):
    monkeypatch.setattr("headrace.jobs.value_statistics.MOST_GROUPS", 2)
    with pytest.raises(UsageError, match="a rule groups by shop, which gives more than 2 groups in the window"):
        fit_plan(frame(spark, rows), source({"paid": {"outliers": {"method": "mad", "by": ["shop"]}}}))
