"""Plans as data: formulas, sums, which one is chosen, and what they say of wrong use. No JVM."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import fit_oracle
from support.plans import a_plan
from support.shop import orders

from headrace.errors import ContractError, UsageError
from headrace.pinned_versions import read_pins, write_pin
from headrace.plans import Bounds, Plan, bind
from headrace.plans.choice import choose
from headrace.plans.ellipse import eigenvectors
from headrace.plans.formulas import NO_SPREAD, NO_VALUES, TOO_LARGE, FixedPoint, Spread, bounds_of, filled_number
from headrace.plans.row import body_of, read_row
from headrace.plans.treatment import bucket_of, key_text

MAD = {"fit": {"from": "2013-01-01", "to": "2014-01-01"}, "clean": {"amount": {"outliers": {"method": "mad"}}}}
OTHER = {**MAD, "clean": {"amount": {"outliers": {"method": "mad", "threshold": 3}}}}


MILLIONTHS = st.floats(-1e6, 1e6).map(lambda value: round(value, 6))  # far smaller ones have a square of nothing


@given(values=st.lists(MILLIONTHS, min_size=2, max_size=50), threshold=st.floats(0.1, 20))
def test_z_score_bounds_are_mean_and_threshold_times_the_standard_deviation(values, threshold):
    steps = FixedPoint.of(min(values) / 2 + max(values) / 2, min(values), max(values))
    counted = [round(Fraction((value - steps.origin) * steps.factor)) for value in values]
    mean = steps.mean(sum(counted), len(values))
    stddev = steps.stddev(sum(counted), sum(number * number for number in counted), len(values))
    assert math.isclose(mean, math.fsum(values) / len(values), rel_tol=1e-9, abs_tol=1e-9)
    rule = {"method": "zscore", "threshold": threshold}
    found = bounds_of(rule, Spread(len(values), min(values), max(values), {}, None, mean, stddev), "double")
    low, high = fit_oracle.bounds(rule, values)
    if isinstance(found, str):
        assert found == NO_SPREAD
        assert low is None or high - low < 1e-6
    else:
        np.testing.assert_allclose([found.low, found.high], [low, high], rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize(
    ("rule", "spread", "expected"),
    [
        ({"method": "iqr", "threshold": 1.5}, Spread(0), NO_VALUES),
        ({"method": "quantile", "low": 0.1, "high": 0.9}, Spread(1, 5.0, 5.0, {0.1: 5.0, 0.9: 5.0}), NO_SPREAD),
        ({"method": "iqr", "threshold": 1.5}, Spread(9, 0.0, 5.0, {0.25: 0.0, 0.75: 0.0}), NO_SPREAD),
        ({"method": "mad", "threshold": 6.0}, Spread(9, 0.0, 5.0, {0.5: 0.0}, mad=0.0), NO_SPREAD),
        ({"method": "zscore", "threshold": 3.0}, Spread(9, -1e308, 1e308), TOO_LARGE),
        ({"method": "mad", "threshold": 6.0}, Spread(9, -1e308, 1e308, {0.5: 0.0}, mad=1e308), TOO_LARGE),
        (
            {"method": "quantile", "low": 0.1, "high": None},
            Spread(9, 0.0, 5.0, {0.1: 0.0}),
            Bounds(low=0.0),
        ),
        (
            {"method": "iqr", "threshold": 1.5, "side": "high", "transform": "log"},
            Spread(9, -1.0, 1.0, {0.25: 0.0, 0.75: 1.0}),
            Bounds(high=math.exp(2.5)),
        ),
    ],
)
def test_each_case_of_a_fit_has_a_defined_answer(rule, spread, expected):
    assert bounds_of(rule, spread, "double") == expected


def test_bounds_and_fills_of_whole_numbers_are_whole_numbers():
    spread = Spread(9, 0.0, 5.0, {0.25: 1.25, 0.75: 2.0})
    assert bounds_of({"method": "iqr", "threshold": 1.0}, spread, "long") == Bounds(low=0.0, high=3.0)
    assert bounds_of({"method": "iqr", "threshold": 1e30}, spread, "long") == Bounds()
    assert [filled_number(value, "long") for value in (2.5, 3.5, -0.2, 1e300, None)] == [2, 4, 0, 2**63 - 1, None]


@pytest.mark.parametrize("k", [2, 3, 5, 8])
def test_eigenvectors_are_orthonormal_and_make_the_matrix_diagonal(k):
    drawn = np.random.default_rng(k).normal(size=(k, k))
    matrix = drawn + drawn.T
    found = np.array(eigenvectors(matrix.tolist()))
    np.testing.assert_allclose(found @ found.T, np.eye(k), atol=1e-12)
    diagonal = found @ matrix @ found.T
    np.testing.assert_allclose(diagonal, np.diag(np.diag(diagonal)), atol=1e-10)
    np.testing.assert_allclose(np.sort(np.diag(diagonal)), np.linalg.eigvalsh(matrix), atol=1e-10)


@given(st.lists(st.lists(st.text(max_size=3), min_size=2, max_size=2).map(tuple), min_size=2, unique=True))
def test_no_two_keys_have_the_same_text(keys):
    assert len({key_text(key) for key in keys}) == len(keys)
    assert all(0 <= bucket_of(key_text(key), 8) < 8 for key in keys)


def test_the_newest_plan_for_the_rules_of_the_file_is_chosen():
    source = orders(**MAD)
    versions = [a_plan(source, 1), a_plan(source, 2), a_plan(orders(**OTHER), 3)]
    assert choose(source, versions, None).version == 2
    assert choose(source, versions, 1).version == 1
    assert choose(orders(**OTHER), versions, None).version == 3
    assert choose(orders(), versions, None) is None


@pytest.mark.parametrize(
    ("versions", "pinned", "says"),
    [
        (
            [],
            None,
            r"the rule 'outliers: mad' must be fitted, and there is no fitted plan\. Fit one first: headrace fit",
        ),
        ([a_plan(orders(**OTHER), 4)], None, r"plan 4 was not fitted for the rule .* at clean\.amount\.outliers"),
        ([a_plan(orders(**OTHER), 4)], 4, r"It is pinned: pin another, or headrace plan unpin"),
        ([a_plan(orders(**MAD), 4)], 9, r"plan 9 is pinned, and there is no such plan; there are: 4"),
    ],
)
def test_where_no_plan_holds_the_message_says_what_to_do(versions, pinned, says):
    with pytest.raises(UsageError, match=says):
        choose(orders(**MAD), versions, pinned)


def test_the_action_of_a_rule_is_not_fitted():
    clip = {**MAD, "clean": {"amount": {"outliers": {"method": "mad", "action": "clip"}}}}
    assert bind(orders(**clip), a_plan(orders(**MAD))).columns[0].action == "clip"


def test_a_plan_is_the_same_after_a_way_through_its_row():
    version = a_plan(orders(**MAD))
    row = {"source": "orders", "plan": 1, "definition": version.definition, "rows": 10, "inputs": '{"raw/t": 3}'}
    row |= {"_created_at": None, "fit_from": None, "fit_to": None, "code": "0.1.0", "body": body_of(version.plan)}
    assert read_row(row) == replace(version, created_at_us=0, from_us=None, to_us=None)
    with pytest.raises(ContractError, match="plan 1 of source 'orders' cannot be read"):
        read_row(row | {"body": '{"rows": 1, "unknown": 2}'})


def test_a_plan_cannot_hold_what_json_cannot():
    with pytest.raises(ValueError, match="finite"):
        Bounds(low=math.inf)
    assert Plan.model_validate_json(body_of(Plan(rows=3))) == Plan(rows=3)


def test_pins_are_kept_by_source(tmp_path):
    file = tmp_path / "shop" / "plans.pinned.json"
    write_pin(file, "orders", 2)
    write_pin(file, "returns", 1)
    write_pin(file, "orders", None)
    assert read_pins(file) == {"returns": 1}
    file.write_text("[]")
    with pytest.raises(ContractError, match="does not say which plans are pinned"):
        read_pins(file)
