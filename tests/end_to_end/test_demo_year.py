"""The demo over the whole year with defects: each is found under its own reason, and nothing is lost or doubled."""

from __future__ import annotations

import pytest
from support.command_line import run

pytestmark = [pytest.mark.prove, pytest.mark.spark]

EVENTS = {
    "flight_scheduled": 336_776,
    "flight_departed": 328_521,
    "flight_arrived": 327_346,
    "flight_cancelled": 8_255,
    "weather_observed": 26_115,
}
KINDS = 14  # of defects, each added to one in a hundred events, rounded up


@pytest.mark.timeout(7_200)
@pytest.mark.parametrize("order", ["published", "event_time"])
def test_a_year_with_one_percent_of_every_defect_is_as_predicted(order, tmp_path, broker):
    options = ["--days", 365, "--defects", 0.01, "--seed", 7, "--order", order, "--brokers", broker]
    code, found, stderr = run("demo", *options, folder=tmp_path, timeout_s=7_000)
    assert (code, found.get("balances"), found.get("wrong_predictions")) == (0, True, {}), stderr
    placed = {name: source["cleaning"] for name, source in found["sources"].items()}
    assert {name: books["raw"] for name, books in placed.items()} == {
        name: events + KINDS * -(-events // 100) for name, events in EVENTS.items()
    }
    print(order, found["seconds"], placed)
