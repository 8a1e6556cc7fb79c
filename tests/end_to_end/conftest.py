"""What the end-to-end proofs share."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import pytest
from support.flights_oracle import FlightsOracle
from support.ten_days import DAYS, TenDays, run_ten_days

from headrace.jobs import clean_batch, clean_stream, replay_quarantine

ENTRIES = {
    "clean_batch": clean_batch.main,
    "clean_stream": clean_stream.main,
    "replay_quarantine": replay_quarantine.main,
}


@pytest.fixture(scope="module")
def run_here(spark) -> Iterator[Callable[..., int]]:
    """Runs the entry of a cleaning job in the Spark session of the tests, and so without the start of a JVM."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield lambda entry, options, **hooks: ENTRIES[entry](options, **hooks)
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def ten_days(tmp_path_factory: pytest.TempPathFactory, broker: str) -> TenDays:
    """The demo over ten days, run once for all that look at what it built. Their modules are one `xdist_group`."""
    return run_ten_days(tmp_path_factory.mktemp("ten-days"), broker)


@pytest.fixture(scope="session")
def oracle() -> FlightsOracle:
    """The features of those ten days, by brute force."""
    return FlightsOracle(DAYS)
