"""Drift of a unit of work: against NumPy over the same rows, and what becomes of the unit."""

from __future__ import annotations

import json
import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from prometheus_client.parser import text_string_to_metric_families
from support import drift_oracle
from support.delta_rows import read_rows
from support.plans import a_plan
from support.raw_lake import Record, append_raw
from support.shop import order, write_shop

from headrace.holds import read_hold, release_hold
from headrace.jobs import clean_batch, fit_plan
from headrace.jobs.check_history import checks_beside, newest_results
from headrace.jobs.drift import DriftWatch, events_of
from headrace.jobs.fitting import fit_plan as fit
from headrace.pipeline import Pipeline, Source
from headrace.plans import PlanVersion, bind
from headrace.profile.check_history import history_of
from headrace.tables import source_tables

SEED = 20_131_101
KINDS = {
    "id": ("string", pa.string()),
    "at": ("timestamp", pa.timestamp("us", "UTC")),
    "carrier": ("string", pa.string()),
    "gift": ("boolean", pa.bool_()),
    "delay": ("double", pa.float64()),
    "pieces": ("long", pa.int64()),
    "still": ("double", pa.float64()),
    "never": ("double", pa.float64()),
    "later": ("timestamp", pa.timestamp("us", "UTC")),
}
MEASURES = {"psi": 0.2, "ks": 0.1, "nulls": 0.05, "outliers": 0.02}
SOURCE: dict[str, Any] = {
    "topic": "t",
    "event_id": ["id"],
    "event_at": "at",
    "columns": {name: {"type": kind} for name, (kind, _) in KINDS.items()},
    "fit": {"from": "2013-01-01", "to": "2014-01-01"},
    "clean": {"delay": {"outliers": {"method": "mad", "action": "quarantine"}}},
    "drift": {**MEASURES, "least": 100},
}


def source(**changes: Any) -> Source:
    return Pipeline(pipeline="shop", sources={"orders": SOURCE | changes}).sources["orders"]


def rows(count: int, seed: int, *, moved: float) -> list[dict[str, Any]]:
    """Rows with thirty carriers, nulls, infinities and NaN; all of it changes with `moved`."""
    draw = random.Random(seed)
    odd = [math.nan, math.inf, -math.inf]
    carriers = [f"c{number:02}" for number in range(30)] + ["new' \\\"one\n"] * int(20 * moved)
    found = []
    for number in range(count):
        delay = draw.choice(odd) if draw.random() < 0.02 + 0.1 * moved else draw.gauss(20 * moved, 30)
        found.append(
            {
                "id": f"e{number}",
                "at": datetime(2013, 1, 1, tzinfo=UTC) + timedelta(minutes=number),
                "carrier": None if draw.random() < 0.05 else draw.choice(carriers),
                "gift": draw.choice([True, False, None] if moved else [True, True, False]),
                "delay": None if draw.random() < 0.1 * (1 + moved) else delay,
                "pieces": draw.choice([1, 1, 1, 2, 3, None, 7 + int(10 * moved), 2**60]),
                "still": 5.0 + (draw.random() < 0.2) * moved,
                "never": None if moved == 0 else 1.0,
                "later": None if draw.random() < 0.3 * moved else datetime(2013, 1, 2, tzinfo=UTC),
            }
        )
    return found


def frame(spark, listed: list[dict[str, Any]]):
    arrays = {name: pa.array([row[name] for row in listed], kind) for name, (_, kind) in KINDS.items()}
    reasons = pa.array([row.get("reason") for row in listed], pa.string())
    return spark.createDataFrame(pa.table({**arrays, "__reason": reasons}))


@pytest.fixture(scope="module")
def window():
    return rows(1_500, SEED, moved=0.0)


@pytest.fixture(scope="module")
def plan(spark, window):
    return PlanVersion("orders", 3, 0, "", 0, 1, {}, "", fit(frame(spark, window).drop("__reason"), source()))


@pytest.fixture(scope="module")
def unit():
    """Events that drift; some are refused as outliers, and are events; some for other reasons, and are none."""
    listed = rows(900, SEED + 1, moved=0.5)
    for number, row in enumerate(listed):
        row["reason"] = {0: "wrong_type", 1: "outlier"}.get(number % 10)
    return listed


@pytest.fixture(scope="module")
def watch(plan):
    return DriftWatch(source(), plan, bind(source(), plan))


@pytest.fixture(scope="module")
def outcomes(spark, watch, unit):
    events = [row for row in unit if row["reason"] != "wrong_type"]
    found = watch.outcomes(frame(spark, unit), len(events))
    return {(each.expectation, each.check): each for each in found}


class TestMeasured:
    """All measures of all columns, against NumPy over the rows."""

    def test_every_measure_is_what_numpy_finds(self, plan, window, unit, outcomes):
        events = [row for row in unit if row["reason"] != "wrong_type"]
        bounds = plan.plan.columns["delay"].outliers.bounds.otherwise
        expected = {("drift", "events"): float(len(events))}
        for name in ("carrier", "gift", "delay", "pieces", "still"):
            sides = [[row[name] for row in side] for side in (window, events)]
            expected["drift." + name, "psi"] = drift_oracle.psi(*sides)
            if name in ("delay", "pieces", "still"):
                expected["drift." + name, "ks"] = drift_oracle.ks(*sides)
        for name in ("at", "carrier", "gift", "delay", "pieces", "still", "never", "later"):
            before, after = (drift_oracle.share([row[name] is None for row in side]) for side in (window, events))
            expected["drift." + name, "nulls"] = after - before

        def outside(value: float | None) -> bool:
            return value is not None and (math.isnan(value) or value < bounds.low or value > bounds.high)

        before, after = (drift_oracle.share([outside(row["delay"]) for row in side]) for side in (window, events))
        expected["drift.delay", "outliers"] = after - before
        assert expected["drift.delay", "outliers"] > 0
        expected |= {("drift.never", "psi"): None, ("drift.never", "ks"): None}  # the window has no value of it
        assert {place: each.found for place, each in outcomes.items()} == {
            place: found if found is None else pytest.approx(found, rel=1e-9, abs=1e-12)
            for place, found in expected.items()
        }

    def test_what_is_beyond_its_threshold_fails_and_what_is_unknown_does_not(self, outcomes):
        for (_, check), each in outcomes.items():
            assert each.passed == (check == "events" or each.found is None or abs(each.found) <= MEASURES[check])
        assert outcomes["drift.never", "psi"].word(released=False) == "unknown"
        assert str(outcomes["drift.still", "ks"].failure()).startswith("drift.still: found ks 0.")
        assert "from plan 3" in outcomes["drift.still", "ks"].expected
        assert outcomes["drift.never", "nulls"].expected == "at most 0.05 from the 1 of plan 3"

    def test_too_few_events_are_looked_at_by_no_query(self, watch):
        (only,) = watch.outcomes(None, 99)
        assert (only.expectation, only.check, only.word(released=False)) == ("drift", "events", "unknown")
        assert only.expected == "at least 100 events"

    def test_the_query_holds_no_function_of_python(self, spark, watch, unit):
        plan = watch.places(frame(spark, unit[1:9]))._jdf.queryExecution().executedPlan().toString()
        assert "Generate explode" in plan
        assert "Python" not in plan

    def test_a_plan_without_a_column_or_with_another_type_of_it_says_so(self, spark, plan, unit):
        other = source(columns=SOURCE["columns"] | {"later": {"type": "string"}}, derive={"hour": hour()})
        watched = {**SOURCE["drift"], "columns": ["delay", "later", "hour"]}
        watching = source(columns=other.model_dump()["columns"], derive={"hour": hour()}, drift=watched)
        watch = DriftWatch(watching, plan, bind(watching, plan))
        says = (
            "the drift of later, hour is not measured: plan 3 keeps nothing of them. Fit: headrace fit -p FILE orders"
        )
        assert watch.lacking() == says
        found = watch.outcomes(frame(spark, unit).selectExpr("*", "1 as hour"), 900)
        unknown = {each.expectation for each in found if each.word(released=False) == "unknown"}
        assert unknown == {"drift.later", "drift.hour"}


def hour() -> dict[str, str]:
    return {"type": "long", "value": "hour(at)"}


def test_without_any_plan_or_with_an_older_one_nothing_is_known_and_nothing_is_looked_at():
    bounds = {"delay": {"outliers": {"method": "bounds", "low": 0}}}
    drifting = source(clean=bounds, drift={"psi": 0.2, "columns": ["delay"], "severity": "hold", "least": 1})
    never = DriftWatch(drifting, None, bind(drifting))
    assert never.lacking() == (
        "the drift of delay is not measured: nothing was fitted yet. Fit: headrace fit -p FILE orders"
    )
    older = a_plan(drifting)
    for watch in (never, DriftWatch(drifting, older, bind(drifting, older))):
        enough, unknown = watch.outcomes(None, 5)
        assert (enough.found, unknown.expectation, unknown.check) == (5.0, "drift.delay", "psi")
        assert unknown.word(released=False) == "unknown"
        assert unknown.passed
    assert DriftWatch(source(drift=None), None, bind(source(clean={}, drift=None))).outcomes(None, 5) == []


@pytest.mark.parametrize(
    ("reasons", "events"),
    [({None: 5, "outlier": 2, "late": 9}, 7), ({"outlier": 2}, 2), ({"dropped_by_hand": 5, "outlier": 2}, 0)],
)
def test_events_are_what_is_accepted_or_refused_by_a_rule_of_the_plan(reasons, events):
    assert events_of(reasons) == events


def test_a_unit_that_drifts_is_held_until_it_is_released_and_the_checks_and_metrics_say_so(spark, tmp_path):
    """By the entries. The source has no fitted rule: it is fitted for what it watches alone."""
    drift = {"ks": 0.3, "nulls": 0.2, "severity": "hold", "least": 5, "columns": ["amount"]}
    file = write_shop(tmp_path / "shop.yaml", fit={"from": "2013-01-01", "to": "2013-02-01"}, drift=drift)
    options = [f"--pipeline={file}", f"--lake={tmp_path}"]
    tables = source_tables(tmp_path, "shop", "orders", Pipeline(**json.loads(file.read_text())).definition("orders"))
    land(tmp_path, 0, [float(number % 10) for number in range(20)])
    assert fit_plan.main(options) == 0
    assert clean_batch.main(options) == 0
    assert metrics(tables)["headrace_checks_held"] == 0
    land(tmp_path, 20, [8.0] * 10)
    assert clean_batch.main(options) == 3
    said = "drift.amount: found ks 0.8, expected at most 0.3 (of bins; of values up to 0.1 more) from plan 1"
    assert [str(failure) for failure in read_hold(tables.hold).failures] == [said]
    assert metrics(tables)["headrace_checks_held"] == 1
    release_hold(tables.hold, "orders")
    assert clean_batch.main(options) == 0
    assert metrics(tables)["headrace_checks_held"] == 0
    found = newest_results(spark, checks_beside(tables.clean))
    expected = [*units("passed", 20), *units("held", 10), *units("released", 10)]
    assert [(each.expectation, each.check, each.outcome, each.records) for each in found] == expected
    history = history_of(found)
    assert (len(history.at), [line.failed for line in history.lines]) == (3, [0, 1, 0])
    assert {row["_plan"] for row in read_rows(tables.clean)} == {None}  # nothing was treated by it


def units(outcome: str, records: int) -> list[tuple[str, str, str, int]]:
    found = {("drift", "events"): "passed", ("drift.amount", "ks"): outcome, ("drift.amount", "nulls"): "passed"}
    return [(*place, word, records) for place, word in found.items()]


def land(lake, first: int, amounts: list[float]) -> None:
    append_raw(lake, "orders", [Record(order(first + n, amount=a), first + n) for n, a in enumerate(amounts)])


def metrics(tables) -> dict[str, float]:
    families = text_string_to_metric_families(tables.metrics.read_text())
    return {family.name: family.samples[0].value for family in families if family.samples}
