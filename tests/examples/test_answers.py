"""What the demo compares: rows of the last hours, features put in place, differing values."""

from __future__ import annotations

import pyarrow as pa

from headrace.examples.flights.answers import differing_values, rows_since, with_features

ROWS = pa.table({"at": pa.array([1, 2, 3], pa.timestamp("us", "UTC")), "x": [1.0, None, 3.0], "y": ["a", "b", None]})


def test_rows_are_taken_from_the_instant_on_in_their_order():
    assert rows_since(ROWS, "at", 2)["y"].to_pylist() == ["b", None]


def test_features_take_the_place_of_columns_with_their_names():
    found = with_features(ROWS, pa.table({"x": [7.0, 8.0, 9.0]}))
    assert found.column_names == ["at", "x", "y"]
    assert found["x"].to_pylist() == [7.0, 8.0, 9.0]
    assert found["y"].to_pylist() == ["a", "b", None]


def test_every_differing_value_counts_and_two_nulls_are_the_same():
    ours = ROWS.select(["x", "y"])
    assert differing_values(ours, ours) == 0
    assert differing_values(ours, pa.table({"x": [1.0, 2.0, None], "y": ["a", "b", None]})) == 2
