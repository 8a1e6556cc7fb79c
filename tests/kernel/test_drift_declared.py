"""The drift of a source as the pipeline file declares it: what is measured of which column, and what is wrong."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML
from support.rooms import REPOSITORY
from support.shop import ORDERS, orders, shop

from headrace.errors import PipelineError
from headrace.pipeline import Pipeline, describe, load_pipeline

FIT = {"from": "2013-01-01", "to": "2014-01-01"}
EVERY = {"psi": 0.2, "ks": 0.1, "nulls": 0.05, "outliers": 0.02}
TABLE = {"event_id": ["id"], "columns": {"id": {"type": "string"}, "size": {"type": "long"}}, "table": "sizes"}


def watched(**drift: Any) -> dict[str, dict[str, float]]:
    found = orders(fit=FIT, drift=drift).watched()
    return {name: dict(column.thresholds) for name, column in found.items()}


def test_all_declared_columns_but_the_event_id_are_watched_by_the_measures_that_they_have():
    assert watched(**EVERY) == {
        "shop": {"psi": 0.2, "nulls": 0.05},
        "amount": EVERY,
        "pieces": EVERY,
        "gift": {"psi": 0.2, "nulls": 0.05},
    }  # 'at' is required, and an instant has no distribution that stays


def test_what_is_listed_is_watched_derived_columns_too():
    assert watched(psi=0.2, columns=["hour", "amount"]) == {"hour": {"psi": 0.2}, "amount": {"psi": 0.2}}


def test_a_column_has_thresholds_and_a_severity_of_its_own_and_null_measures_nothing():
    drift = {"psi": 0.2, "nulls": 0.1, "own": {"amount": {"psi": 0.5, "severity": "hold"}, "gift": {"psi": None}}}
    found = orders(fit=FIT, drift=drift).watched()
    assert found["amount"].thresholds == {"psi": 0.5, "nulls": 0.1}
    assert found["gift"].thresholds == {"nulls": 0.1}
    assert {name: column.severity for name, column in found.items() if name != "amount"} == dict.fromkeys(
        ("shop", "pieces", "gift"), "warn"
    )
    assert found["amount"].severity == "hold"


def test_a_column_may_be_the_only_one_that_is_measured():
    assert watched(own={"amount": {"ks": 0.1}}) == {"amount": {"ks": 0.1}}


def test_drift_is_no_part_of_the_definition_and_must_be_fitted():
    assert shop(fit=FIT, drift=EVERY).definition("orders") == shop().definition("orders")
    assert orders(fit=FIT, drift=EVERY).needs_fit()
    assert orders(fit=FIT, drift=EVERY).fitted_rules() == {}
    assert not orders().needs_fit()


def test_the_schema_of_the_file_knows_it():
    validator = Draft202012Validator(Pipeline.json_schema())
    drift = {**EVERY, "severity": "hold", "least": 50, "columns": ["amount"], "own": {"amount": {"psi": None}}}
    assert validator.is_valid({"pipeline": "shop", "sources": {"orders": ORDERS | {"fit": FIT, "drift": drift}}})
    for wrong in ({"pis": 0.2}, {"psi": 0}, {"ks": 1.5}, {"least": 0}, {"severity": "quarantine"}, {"columns": []}):
        assert not validator.is_valid({"pipeline": "shop", "sources": {"orders": ORDERS | {"drift": wrong}}})


def test_the_description_of_a_pipeline_says_what_is_watched():
    assert "watches the drift of amount, gift" in describe(
        shop(fit=FIT, drift={"psi": 0.2, "columns": ["amount", "gift"]})
    )


@pytest.mark.parametrize(
    ("drift", "place", "said"),
    [
        ({"psy": 0.2}, "drift", "there is no key 'psy' here. Did you mean: psi?"),
        ({"psi": -1}, "drift.psi", "the number -1"),
        ({"ks": 2}, "drift.ks", "the number 2"),
        ({"psi": 0.2, "least": 0}, "drift.least", "the number 0"),
        ({"psi": 0.2, "severity": "quarantine"}, "drift.severity", "'quarantine' is not legal"),
        ({}, "drift", "nothing is measured of any column. State at least one threshold of: psi, ks, nulls, outliers"),
        ({"psi": 0.2, "columns": ["amuont"]}, "drift.columns.0", "there is no column 'amuont'. Did you mean: amount?"),
        ({"psi": 0.2, "columns": ["gift", "gift"]}, "drift.columns.1", "'gift' is listed twice"),
        ({"psi": 0.2, "columns": ["id"]}, "drift.columns.0", "'id' is part of the event id"),
        ({"psi": 0.2, "columns": ["gift", "at"]}, "drift.columns.1", "nothing is measured of 'at'"),
        ({"psi": 0.2, "own": {"sh": {}}}, "drift.own.sh", "'sh' has thresholds of its own, and is not watched"),
        ({"psi": 0.2, "own": {"hour": {}}}, "drift.own.hour", "is not watched. Add it to 'columns'"),
        ({"psi": 0.2, "own": {"shop": {"ks": 0.1}}}, "drift.own.shop.ks", "'ks' is for numbers, and the column is"),
        ({"own": {"at": {"psi": 0.1}}}, "drift.own.at.psi", "'psi' is for numbers, text and booleans"),
        ({"own": {"at": {"nulls": 0.1}}}, "drift.own.at.nulls", "the column is required, so that none is null"),
        ({"own": {"gift": {"outliers": 0.1}}}, "drift.own.gift.outliers", "the column has no outlier rule"),
    ],
)
def test_wrong_drift_is_an_error_of_the_file(drift, place, said):
    with pytest.raises(PipelineError) as raised:
        orders(fit=FIT, drift=drift)
    assert said in str(raised.value)
    assert f"sources.orders.{place}" in str(raised.value)


def test_drift_without_a_window_to_measure_against_is_refused():
    with pytest.raises(PipelineError, match="drift is measured against the events of 'fit', and 'fit' is missing"):
        orders(drift={"psi": 0.2})


@pytest.mark.parametrize("drift", [{"psi": 0.2, "severity": "hold"}, {"own": {"size": {"ks": 1, "severity": "hold"}}}])
def test_a_reference_table_cannot_be_held_and_needs_no_window(drift):
    with pytest.raises(PipelineError, match="a reference table cannot be held"):
        Pipeline(pipeline="shop", sources={"sizes": TABLE | {"drift": drift}})
    found = Pipeline(pipeline="shop", sources={"sizes": TABLE | {"drift": {"psi": 0.2}}}).sources["sizes"]
    assert found.needs_fit()


def test_the_example_of_the_page_is_legal_in_the_flights_pipeline(tmp_path):
    page = (REPOSITORY / "docs" / "drift.md").read_text()
    yaml = YAML()
    wanted = yaml.load(page.partition("```yaml\n")[2].partition("```")[0])["sources"]["flight_departed"]
    declared = yaml.load(Path(str(files("headrace.examples.flights") / "pipeline.yaml")))
    declared["sources"]["flight_departed"] |= wanted
    with (tmp_path / "pipeline.yaml").open("w") as file:
        yaml.dump(declared, file)
    found = load_pipeline(tmp_path / "pipeline.yaml").sources["flight_departed"].watched()
    assert {name: (dict(column.thresholds), column.severity) for name, column in found.items()} == {
        "carrier": ({"psi": 0.2}, "warn"),
        "dest": ({"psi": 0.2}, "warn"),
        "dep_delay": ({"psi": 0.5, "ks": 0.1, "outliers": 0.02}, "hold"),  # it is required
        "tailnum": ({"nulls": 0.05}, "warn"),
    }
