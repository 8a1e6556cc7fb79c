from __future__ import annotations

import socket

import pytest

from headrace.examples.flights.events import load_events


@pytest.fixture(scope="session")
def events():
    return load_events()


@pytest.fixture(scope="session")
def first_three_days():
    return load_events(days=3)


@pytest.fixture
def unused_port():
    """A port on which nobody answers: bound, but not listened to, for as long as the test runs."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]
