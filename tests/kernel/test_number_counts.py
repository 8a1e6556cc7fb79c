"""Distributions from values and their counts, against NumPy on the values themselves."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from headrace.profile.number_counts import BINS, SHARES, NumberCounts, bounds

VALUES = st.lists(
    st.one_of(st.integers(-50, 50).map(float), st.floats(-1e6, 1e6, allow_subnormal=False)), min_size=1, max_size=80
)


def counts_of(values):
    return NumberCounts.of(Counter(values).items())


@given(VALUES)
def test_quantiles_are_those_of_numpy(values):
    found = counts_of(values).quantiles()
    assert list(found.values()) == pytest.approx([np.quantile(values, share) for share in SHARES], rel=1e-12, abs=1e-9)


@given(VALUES)
def test_the_mad_is_the_median_distance_from_the_median(values):
    expected = np.median(np.abs(np.array(values) - np.median(values)))
    assert counts_of(values).mad() == pytest.approx(expected, rel=1e-12, abs=1e-9)


@given(VALUES)
def test_a_histogram_counts_every_value_once(values):
    counts = counts_of(values)
    found = counts.histogram()
    if len(counts.values) < 2:
        assert found is None
        return
    assert len(found.rows) == len(found.edges) - 1 <= BINS + 1
    assert sum(found.rows) + found.below + found.above == len(values)
    assert list(found.edges) == sorted(found.edges)
    inside = [value for value in values if found.edges[0] <= value <= found.edges[-1]]
    assert list(found.rows) == np.histogram(inside, found.edges)[0].tolist()


@given(VALUES)
def test_what_is_beyond_the_bounds_is_counted_on_its_side(values):
    counts = counts_of(values)
    for found in bounds(counts, float(np.mean(values)), float(np.std(values))).values():
        assert found.below == sum(value < found.low for value in values)
        assert found.above == sum(value > found.high for value in values)


@given(st.lists(st.integers(-50, 50).map(float), min_size=4, max_size=80).filter(lambda values: len(set(values)) > 1))
def test_skewness_and_kurtosis_are_those_of_scipy(values):
    found = counts_of(values).shape(float(np.mean(values)), float(np.std(values, ddof=1)))
    assert found == pytest.approx((stats.skew(values), stats.kurtosis(values)), rel=1e-9, abs=1e-9)


def test_a_column_without_values_has_no_quantile_no_mad_and_no_bounds():
    empty = counts_of([])
    assert (empty.quantiles(), empty.mad(), empty.histogram(), bounds(empty, None, None)) == ({}, None, None, {})


def test_equal_values_have_no_rule_for_outliers():
    assert bounds(counts_of([3.0] * 9), 3.0, 0.0) == {}


def test_a_far_value_does_not_squeeze_the_histogram_of_the_others():
    found = counts_of([*(float(n % 40) for n in range(1000)), 1e6]).histogram()
    assert (found.above, found.below) == (1, 0)
    assert found.edges[-1] < 50


def test_extremes_come_farthest_first_with_their_counts():
    counts = counts_of([1.0, 1.0, 2.0, 9.0])
    assert [(each.value, each.rows) for each in counts.smallest()] == [(1.0, 2), (2.0, 1), (9.0, 1)]
    assert [(each.value, each.rows) for each in counts.largest()] == [(9.0, 1), (2.0, 1), (1.0, 2)]
