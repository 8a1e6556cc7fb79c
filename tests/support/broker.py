"""The embedded broker, once for a whole test run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.infra.local.broker import address, start, stop
from headrace.settings import load_settings


@pytest.fixture(scope="session")
def broker_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home, a folder with a space in its path, of a real broker that runs; to be left running."""
    home = tmp_path_factory.mktemp("broker home")
    start(home, load_settings().cache)
    yield home
    stop(home)


@pytest.fixture(scope="session")
def broker(broker_home: Path) -> str:
    """The address (host:port) of a real broker, shared by all tests: give topics and groups names of your own."""
    found = address(broker_home)
    assert found is not None
    return found
