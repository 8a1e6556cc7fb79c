"""Training rows of the flights against the brute-force oracle: instant, label and every feature."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from .feature_equality import unequal_features
from .flights_oracle import FlightsOracle

BEFORE_DEPARTURE_S = 7_200


def differing_rows(table: pa.Table, oracle: FlightsOracle, *, rows: int, seed: int) -> dict[str, Any]:
    """Draws so many rows of a training set; gives those that are not as the oracle says, by row id."""
    places = random.Random(seed).sample(range(table.num_rows), rows)
    found = {row["row_id"]: _differing(row, oracle) for row in table.take(pa.array(places)).to_pylist()}
    assert len(found) == rows
    return {row_id: different for row_id, different in found.items() if different}


def _differing(row: dict[str, Any], oracle: FlightsOracle) -> dict[str, tuple[Any, Any]]:
    flight = oracle.flights[row["row_id"]]
    at_s = flight.departure_s - BEFORE_DEPARTURE_S
    expected = {
        "at": datetime.fromtimestamp(at_s, UTC),
        "label": None if flight.arr_delay is None else flight.arr_delay >= 15,
    }
    facts = {name: (wanted, row[name]) for name, wanted in expected.items() if row[name] != wanted}
    features = {name: value for name, value in row.items() if "__" in name}
    return facts | unequal_features(oracle.features(flight.row, at_s), features)
