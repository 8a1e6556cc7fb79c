"""Fixtures for every room, and the marks that say what a test starts."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from support.broker import broker, broker_home
from support.spark import spark

__all__ = ["broker", "broker_home", "spark"]

MARK_OF_FIXTURE = {"broker": "broker", "broker_home": "broker", "spark": "spark"}
# Of the tests of jobs, those of building and fitting: the session of the others has enough to do without them.
BUILDS = {
    "test_build_features",
    "test_building_page",
    "test_fitting",
    "test_latest",
    "test_rebuilt_features",
    "test_table_groups",
    "test_training_rows",
    "test_windows",
}


def pytest_configure(config: pytest.Config) -> None:
    """Warnings are errors, except two that nobody here can mend; and an order in which nobody waits at the end."""
    # kafka-python 3.0.12 reads its message schemas by a function that Python 3.11 and 3.12 call deprecated.
    config.addinivalue_line("filterwarnings", "ignore:(read|open)_text is deprecated:DeprecationWarning")
    # Landers that tests let die within the process, and kafka-python where a broker is killed, leave their sockets to
    # the garbage collector, which comes in the middle of any later test.
    config.addinivalue_line("filterwarnings", "ignore:unclosed <socket:ResourceWarning")
    config.pluginmanager.register(LongestFirst())
    # How long an example takes on a machine that is shared says nothing about the code.
    settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("patient")
    os.environ.pop("COLUMNS", None)  # processes beside each other are told a width of 80
    # A job of a test lives for seconds: the JVM's second compiler would take half of its CPU, and be done too late.
    # Without that one, Java keeps 48 MB for compiled code in place of 240: a stream of five sources died of it.
    os.environ.setdefault("SPARK_SUBMIT_OPTS", "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for the broker or for Spark carries the mark of it, so that `-m "not spark"` starts none.

    Where processes share the tests (`--dist loadgroup`), those of the jobs that use a Spark session go to one of them
    (but for `BUILDS`), all others that use one to a second, and the rest by file, unless they name their own group.
    """
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        for fixture in fixtures:
            if fixture in MARK_OF_FIXTURE:
                item.add_marker(MARK_OF_FIXTURE[fixture])
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(_session(item) if "spark" in fixtures else item.path.stem))


class LongestFirst:
    """Puts the tests of the Spark sessions first, after their order was drawn, then those on the demo over ten days.

    All are long rows of tests that one process must run; whatever else there is fits beside them.
    """

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Sorts in place; the drawn order stays within each part."""
        items.sort(key=_rank)
        if config.getoption("loadgroup", default=False) and not all("@" in item.nodeid for item in items):
            # Each process would start a broker, a Spark session and a demo of its own.
            raise pytest.UsageError("pytest-xdist does not see the groups of the tests: see pytest in setup.cfg")


def _session(item: pytest.Item) -> str:
    """The Spark session that a test shares: a single one would have half of the work, and end long after the rest."""
    return "spark of the jobs" if item.path.parent.name == "jobs" and item.path.stem not in BUILDS else "spark"


def _rank(item: pytest.Item) -> int:
    fixtures = getattr(item, "fixturenames", ())
    return next((rank for rank, name in enumerate(("spark", "ten_days")) if name in fixtures), 2)
