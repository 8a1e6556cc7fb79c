"""Correlations of many columns at once are those that pandas finds pair by pair."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.features.correlation import BLOCK_ROWS, correlations

# Few values, so that ties, constants and pairs without a common row come often.
VALUES = st.one_of(st.just(np.nan), st.integers(-3, 3).map(float), st.floats(-1e6, 1e6, width=32))


@st.composite
def tables(draw):
    rows = draw(st.integers(0, 25))
    own = st.lists(VALUES, min_size=rows, max_size=rows)
    few = st.lists(st.sampled_from([np.nan, 0.0, 1.0]), min_size=rows, max_size=rows)
    columns = draw(st.lists(st.one_of(own, few), min_size=1, max_size=6))
    if draw(st.booleans()):
        columns.append([-2 * value + 5 for value in columns[0]])
    return [np.array(column, dtype=np.float64) for column in columns]


@pytest.mark.parametrize("measure", ["pearson", "spearman"])
@settings(deadline=None)
@given(columns=tables())
def test_they_are_those_of_pandas(measure, columns):
    wanted = pd.DataFrame(dict(enumerate(columns))).corr(method=measure).to_numpy()
    np.testing.assert_allclose(correlations(columns, measure), wanted, atol=1e-7)


def test_they_are_those_of_pandas_over_several_blocks_of_rows():
    random = np.random.default_rng(7)
    base = random.normal(size=2 * BLOCK_ROWS + 5)
    columns = [base * weight + random.normal(size=len(base)) + 1_000 for weight in (0, 1, 3, 30)]
    for number, column in enumerate(columns):
        column[random.random(len(base)) < 0.1 * number] = np.nan
    wanted = pd.DataFrame(dict(enumerate(columns))).corr().to_numpy()
    np.testing.assert_allclose(correlations(columns, "pearson"), wanted, atol=1e-9)


@pytest.mark.parametrize("measure", ["pearson", "spearman"])
@settings(deadline=None)
@given(columns=tables(), order=st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(measure, columns, order):
    places = list(range(len(columns[0])))
    order.shuffle(places)
    np.testing.assert_allclose(
        correlations([column[places] for column in columns], measure), correlations(columns, measure), atol=1e-9
    )


NO = np.nan


@pytest.mark.parametrize("measure", ["pearson", "spearman"])
@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ([1, 2, 3], [7, 7, 7], NO),  # a constant
        ([1, 2, 3], [NO, NO, NO], NO),
        ([1, 2, NO], [NO, NO, 3], NO),  # no row in common
        ([1, NO, 3], [5, 6, NO], NO),  # one row in common
        ([1, 2, 9], [4, 4, NO], NO),  # constant where both are
        ([1, 2, np.inf], [3, 5, 0], 1),  # an infinity is no value
        ([1, 2, -np.inf], [5, 3, 0], -1),
        ([0.1, 0.2, 0.7], [0.3, 0.6, 2.1], 1),
        ([1e308, -1e308, 0], [1, -1, 0], 1),  # squares that no number can hold
        ([5e-324, 0, 1e-323], [1, 0, 2], 1),
        ([1e15, 1e15 + 1, 1e15 + 2], [0, 1, 2], 1),
        ([-1e300, 1, 2], [NO, 3, 5], 1),  # what both have is a speck of the whole column
    ],
)
def test_the_answer_is_defined_for(measure, one, other, wanted):
    columns = [np.array(column, dtype=np.float64) for column in (one, other)]
    found = correlations(columns, measure)
    np.testing.assert_array_equal(found[[0, 1], [1, 0]], [wanted, wanted])


def test_there_may_be_no_column():
    assert correlations([], "pearson").shape == (0, 0)
    assert correlations([], "spearman").shape == (0, 0)
