"""Measures of drift against NumPy and SciPy on the values themselves, and what is unknown. No JVM."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from headrace.plans import ColumnStatistics
from headrace.plans.drift import Distribution, ks, ks_error, measured, psi, reference_of

COUNTS = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=25).filter(
    lambda pairs: all(map(sum, zip(*pairs, strict=True)))
)
VALUES = st.lists(st.integers(-30, 30).map(lambda number: number / 4), min_size=1, max_size=200)


def binned(values: list[float], edges: np.ndarray) -> list[int]:
    """Counts in (-∞, edges[0]], (edges[0], edges[1]] … (edges[-1], ∞)."""
    return np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1).tolist()


@given(COUNTS)
def test_psi_is_the_sum_of_both_divergences_of_the_smoothed_shares(pairs):
    before, after = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    kept = (before + after) > 0
    p, q = ((side[kept] + 0.5) / (side[kept] + 0.5).sum() for side in (before, after))
    expected = stats.entropy(p, q) + stats.entropy(q, p)
    assert psi(*zip(*pairs, strict=True)) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(COUNTS)
def test_psi_is_the_same_from_both_sides_never_negative_and_nothing_for_equal_shares(pairs):
    before, after = zip(*pairs, strict=True)
    assert psi(before, after) == pytest.approx(psi(after, before), rel=1e-12, abs=1e-15)
    assert psi(before, after) >= -1e-15
    assert psi(before, before) == 0


def distance(window: list[float], unit: list[float]) -> float:
    """The Kolmogorov-Smirnov distance of two lists of values: a loop over all of them."""
    places = np.unique([*window, *unit])
    return max(abs(np.mean(np.array(window) <= at) - np.mean(np.array(unit) <= at)) for at in places)


@given(VALUES, VALUES)
def test_ks_is_at_most_the_distance_of_the_values_and_no_more_below_it_than_is_said(window, unit):
    edges = np.unique(np.quantile(window, np.arange(1, 20) / 20))
    before, after = binned(window, edges), binned(unit, edges)
    of_bins, of_values = ks(before, after), distance(window, unit)
    assert of_bins <= of_values + 1e-12
    assert of_values <= of_bins + ks_error(before, after) + 1e-12


@pytest.mark.parametrize("seed", range(5))
def test_with_an_edge_at_every_value_ks_is_that_of_scipy(seed):
    draw = np.random.default_rng(seed)
    window, unit = draw.normal(0, 1, 900), draw.normal(0.2, 1.5, 700)
    edges = np.unique([*window, *unit])
    expected = stats.ks_2samp(window, unit).statistic
    assert ks(binned(window, edges), binned(unit, edges)) == pytest.approx(expected, abs=1e-12)
    assert distance(window, unit) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((10, 10), (10, 10), 0.0),
        ((0, 10), (0, 99), 0.0),  # a bin that both sides lack says nothing
        ((10,), (5,), 0.0),
        ((10, 0), (0, 10), 2 * (10.5 / 11 - 0.5 / 11) * math.log(21)),
    ],
)
def test_psi_of_a_few_literal_counts(before, after, expected):
    assert psi(before, after) == pytest.approx(expected, abs=1e-12)


def numbers(**said) -> ColumnStatistics:
    return ColumnStatistics(type="double", **{"values": 100, "nulls": 20, "distinct": 50, "not_finite": 0} | said)


class TestReference:
    """What a plan keeps becomes counts again."""

    @given(st.lists(st.integers(0, 10**6), min_size=2, max_size=20).filter(any), st.integers(0, 9))
    def test_shares_of_a_number_become_the_counts_that_they_were_made_of(self, counts, apart):
        within = sum(counts)
        shares = tuple(count / within for count in counts)
        edges = tuple(map(float, range(len(counts) - 1)))
        said = numbers(values=within + apart, not_finite=apart, edges=edges, shares=shares)
        assert reference_of(said) == Distribution(tuple(counts), apart, 20)

    def test_of_a_text_all_that_is_not_listed_is_one_bin(self):
        said = ColumnStatistics(type="string", values=100, nulls=5, distinct=9, top=(("a", 60), ("b", 30)), outliers=2)
        assert reference_of(said) == Distribution((60, 30, 10), 0, 5, 2)
        assert reference_of(said).rows == 105

    @pytest.mark.parametrize("kind", ["double", "string", "timestamp"])
    def test_of_a_window_without_a_value_there_is_one_empty_bin(self, kind):
        said = ColumnStatistics(type=kind, values=0, nulls=7, distinct=0)
        assert reference_of(said) == Distribution((0,), 0, 7)

    def test_a_constant_column_has_two_bins_and_another_value_is_far_from_it(self):
        constant = reference_of(numbers(edges=(5.0,), shares=(1.0, 0.0)))
        assert constant.bins == (100, 0)
        assert measured("psi", constant, Distribution((50, 0)), 1) == 0
        assert measured("ks", constant, Distribution((0, 50)), 1) == 1
        assert measured("psi", constant, Distribution((0, 50)), 1) > 5

    def test_bins_of_older_plans_are_deciles(self):
        tenths = numbers(edges=tuple(map(float, range(9))), shares=(0.1,) * 10)
        assert reference_of(tenths).bins == (10,) * 10


class TestMeasured:
    """Where too little is there to tell, nothing is known."""

    window = Distribution((40, 40, 20), apart=0, nulls=25, outliers=5)

    def test_nulls_and_outliers_are_differences_of_shares_of_all_rows(self):
        unit = Distribution((10, 10, 0), nulls=20, outliers=10)
        assert measured("nulls", self.window, unit, 40) == pytest.approx(20 / 40 - 25 / 125)
        assert measured("outliers", self.window, unit, 40) == pytest.approx(10 / 40 - 5 / 125)
        assert measured("nulls", self.window, unit, 41) is None

    def test_psi_and_ks_are_of_values_and_need_enough_of_them(self):
        unit = Distribution((10, 10, 0), nulls=1_000)
        assert measured("psi", self.window, unit, 21) is None
        assert measured("ks", self.window, unit, 21) is None
        assert measured("ks", self.window, unit, 20) == pytest.approx(0.2)

    def test_numbers_that_are_not_finite_are_a_bin_for_psi_and_no_value_for_ks(self):
        unit = Distribution((4, 4, 2), apart=10)
        assert measured("psi", self.window, unit, 20) == pytest.approx(psi((40, 40, 20, 0), (4, 4, 2, 10)))
        assert measured("ks", self.window, unit, 10) == 0
        assert measured("ks", self.window, unit, 11) is None

    @pytest.mark.parametrize("measure", ["psi", "ks", "nulls", "outliers"])
    def test_a_single_row_or_a_column_of_nulls_or_a_small_window_is_unknown(self, measure):
        assert measured(measure, self.window, Distribution((1, 0, 0), outliers=0), 2) is None
        assert measured(measure, Distribution((1, 0, 0)), Distribution((50, 0, 0)), 2) is None
        if measure in ("psi", "ks"):
            assert measured(measure, self.window, Distribution((0, 0, 0), nulls=500), 1) is None

    def test_without_an_outlier_rule_in_the_window_their_share_is_unknown(self):
        assert measured("outliers", Distribution((50,)), Distribution((50,), outliers=0), 1) is None

    def test_one_value_is_enough_where_the_file_says_so(self):
        assert measured("ks", self.window, Distribution((0, 0, 1)), 1) == pytest.approx(0.8)


def test_the_error_of_ks_is_the_greatest_share_that_a_bin_has_on_both_sides():
    assert ks_error((10, 90), (50, 50)) == 0.5
