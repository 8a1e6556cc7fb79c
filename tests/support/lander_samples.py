"""What a lander said of itself on its metrics' port while it ran, and how fast it was in each part of its way."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

from headrace.cli.landers import landers

from .eventually import eventually
from .http_answer import ask
from .lander_process import peak_memory_bytes
from .topic import Topic

SAMPLE_INTERVAL_S = 0.2
STARTS_WITHIN_S = 180.0
_LINE = re.compile(r"^(\w+)(?:\{[^}]*\})? ([-+.\deE]+)$", re.MULTILINE)


@dataclass(frozen=True)
class Sample:
    """One look: seconds of a clock and of CPU, rows landed, the memory that is resident, and the bytes buffered."""

    at_s: float
    cpu_s: float
    rows: float
    peak_bytes: int
    buffered_bytes: float

    @classmethod
    def of(cls, url: str, process: subprocess.Popen[str]) -> Sample:
        """Asks a lander."""
        found: dict[str, float] = {}
        for name, value in _LINE.findall(ask(f"{url}/metrics")[2]):
            found[name] = found.get(name, 0.0) + float(value)
        return cls(
            at_s=time.monotonic(),
            cpu_s=found["process_cpu_seconds_total"],
            rows=found.get("headrace_land_rows_total", 0.0),
            peak_bytes=peak_memory_bytes(process),
            buffered_bytes=found.get("headrace_land_buffered_bytes", 0.0),
        )


def sampled(topic: Topic, process: subprocess.Popen[str]) -> list[Sample]:
    """Looks at the one lander of the topic's lake until it has ended."""
    (lander,) = eventually(lambda: landers(topic.lake), within_s=STARTS_WITHIN_S)
    return list(_samples(lander["metrics"], process))


def _samples(url: str, process: subprocess.Popen[str]) -> Iterator[Sample]:
    while process.poll() is None:
        with suppress(OSError, AssertionError):  # it has just ended
            yield Sample.of(url, process)
        time.sleep(SAMPLE_INTERVAL_S)


@dataclass(frozen=True)
class Part:
    """One of several parts of the way with equally many rows: rows a second, and rows a second of CPU."""

    rows_per_s: float
    rows_per_cpu_s: float


def parts(samples: Sequence[Sample], count: int) -> list[Part]:
    """Cuts the way from the first commit that was seen to the last; between two samples it is taken for straight."""
    moving = [sample for sample in samples if sample.rows]
    first, last = moving[0].rows, moving[-1].rows
    cuts = [_at(moving, first + (last - first) * part / count) for part in range(count + 1)]
    rows = (last - first) / count
    return [Part(rows / (after[0] - before[0]), rows / (after[1] - before[1])) for before, after in pairwise(cuts)]


def _at(samples: Sequence[Sample], rows: float) -> tuple[float, float]:
    """The clock and the CPU when so many rows were landed."""
    after = next(index for index, sample in enumerate(samples) if sample.rows >= rows)
    here, before = samples[after], samples[max(0, after - 1)]
    share = (rows - before.rows) / (here.rows - before.rows) if here.rows > before.rows else 0.0
    return before.at_s + share * (here.at_s - before.at_s), before.cpu_s + share * (here.cpu_s - before.cpu_s)
