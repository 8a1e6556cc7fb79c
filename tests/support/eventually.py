"""Waiting for a condition, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

T = TypeVar("T")

LOOK_EVERY_S = 0.02


def eventually(condition: Callable[[], T], *, within_s: float = 30.0) -> T:
    """The first truthy answer of `condition`; fails the test when there is none in time."""
    deadline_s = time.monotonic() + within_s
    while not (answer := condition()):
        assert time.monotonic() < deadline_s, f"waited {within_s:g} s in vain for {condition}"
        Event().wait(LOOK_EVERY_S)
    return answer
