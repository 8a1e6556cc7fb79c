"""The stages of the demo: one after another, each with its progress and its seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from .output import Report, step


@dataclass
class Stages:
    """Runs the stages of the demo one after another and keeps the seconds of each."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[Report]:
        started_s = time.monotonic()
        with step(name) as report:
            yield report
        self.seconds[name] = round(time.monotonic() - started_s, 1)
