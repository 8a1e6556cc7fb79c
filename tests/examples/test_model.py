"""The demo's model: what it is shown of a row, and that it learns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from headrace.examples.flights.model import LatenessModel, train_and_evaluate


def rows(n, seed):
    """Flights that are late when the wind blows, mostly; every tenth has no report of the wind."""
    random = np.random.default_rng(seed)
    wind = random.uniform(0, 40, n)
    late = wind + random.normal(0, 5, n) > 25
    return pa.table(
        {
            "carrier": random.choice(["AA", "UA"], n),
            "origin": ["JFK"] * n,
            "dest": random.choice(["BOS", "LAX"], n),
            "wind": pa.array(wind, mask=np.arange(n) % 10 == 0),
            "is_weekend": random.choice([True, False], n),
            "late": late,
        }
    )


def test_a_row_is_its_numbers_then_the_places_of_its_categories_with_nulls_as_nan():
    model = LatenessModel(["wind", "is_weekend"]).fit(rows(500, seed=1), "late")
    seen = pa.table(
        {
            "carrier": ["UA", "ZZ"],
            "origin": ["JFK", "JFK"],
            "dest": ["BOS", None],
            "wind": pa.array([3, None], pa.int64()),
            "is_weekend": [True, None],
        }
    )
    nan = float("nan")
    np.testing.assert_array_equal(model.matrix(seen), [[3, 1, 1, 0, 0], [nan, nan, nan, 0, nan]])


def test_what_is_learnt_from_some_rows_holds_for_others():
    model, found = train_and_evaluate(
        rows(4_000, seed=2), rows(1_000, seed=3), label="late", numbers=["wind", "is_weekend"]
    )
    assert (found.train_rows, found.test_rows) == (4_000, 1_000)
    assert 0.85 < found.auc < 0.99
    assert found.late_share == pytest.approx(0.38, abs=0.05)
    assert model.predict(rows(10, seed=4)).shape == (10,)
