"""Topics on the real broker, and landing them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.background import Background
from support.topic import Topic


@pytest.fixture
def topic(broker: str, tmp_path: Path) -> Topic:
    """A topic with a name of its own, not yet created."""
    return Topic(f"test-{uuid.uuid4()}", broker, tmp_path / "lake")


@pytest.fixture
def background() -> Iterator[Background]:
    """Starts landers without an end; they are stopped after the test, and must not have met an error."""
    landers = Background()
    yield landers
    landers.end()
    assert landers.errors == []
