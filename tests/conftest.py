"""Fixtures for every room, and the marks that say what a test starts."""

from __future__ import annotations

import pytest
from support.broker import broker, broker_home
from support.spark import spark

__all__ = ["broker", "broker_home", "spark"]

MARK_OF_FIXTURE = {"broker": "broker", "broker_home": "broker", "spark": "spark"}


def pytest_configure(config: pytest.Config) -> None:
    """Warnings are errors, except one that only others can mend."""
    # kafka-python 3.0.12 reads its message schemas by a function that Python 3.11 and 3.12 call deprecated.
    config.addinivalue_line("filterwarnings", "ignore:(read|open)_text is deprecated:DeprecationWarning")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for the broker or for Spark carries the mark of it, so that `-m "not spark"` starts none."""
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if fixture in MARK_OF_FIXTURE:
                item.add_marker(MARK_OF_FIXTURE[fixture])
