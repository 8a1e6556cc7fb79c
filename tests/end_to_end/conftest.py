"""What the end-to-end proofs share."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import pytest

from headrace.jobs import clean_batch, clean_stream

ENTRIES = {"clean_batch": clean_batch.main, "clean_stream": clean_stream.main}


@pytest.fixture(scope="module")
def run_here(spark) -> Iterator[Callable[..., int]]:
    """Runs the entry of a cleaning job in the Spark session of the tests, and so without the start of a JVM."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield lambda entry, options, **hooks: ENTRIES[entry](options, **hooks)
    for number, handler in handlers.items():
        signal.signal(number, handler)
