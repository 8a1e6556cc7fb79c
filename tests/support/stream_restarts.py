"""A stream over a lake that dies at seeded points and starts again, once without its checkpoint."""

from __future__ import annotations

import json
import math
import random
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deltalake import DeltaTable

from .cleaning_process import run_job
from .flights_lake import FlightsLake
from .stream_kills import STEPS, TO_THE_END


@dataclass(frozen=True)
class Restart:
    """A death at the `occurrence`-th passing of `step`, by any source; the checkpoint may be lost with it."""

    step: str
    occurrence: int
    loses_checkpoint: bool


def draw_restarts(seed: int, count: int, passings: tuple[int, int]) -> list[Restart]:
    """`count` deaths at occurrences drawn from `passings` (both ends included); the second one loses the checkpoint."""
    draw = random.Random(seed)
    steps = draw.sample(STEPS[:3] * math.ceil(count / 3), count)
    return [Restart(step, draw.randint(*passings), number == 1) for number, step in enumerate(steps)]


def stream_with_restarts(lake: FlightsLake, restarts: Sequence[Restart], log: Path, timeout_s: float) -> None:
    """Streams to the end of what has landed, by as many processes as it takes."""
    for restart in restarts:
        stream_until(restart, lake, log, timeout_s)
    options = [*lake.options(), *TO_THE_END]
    assert run_job("headrace.jobs.clean_stream", options, log=log, timeout_s=timeout_s) == 0, f"see {log}"


def stream_until(restart: Restart, lake: FlightsLake, log: Path, timeout_s: float) -> None:
    """One process that streams until it dies where it is told to."""
    orders = [restart.step, str(restart.occurrence), *lake.options(), *TO_THE_END]
    exit_code = run_job("support.killed_stream", orders, log=log, timeout_s=timeout_s)
    assert exit_code == -signal.SIGKILL, f"{restart}: ended with {exit_code}, see {log}"
    if restart.loses_checkpoint:
        lose_checkpoint(lake)


def lose_checkpoint(lake: FlightsLake) -> None:
    """Removes all that Spark knows of the streams over this lake."""
    shutil.rmtree(lake.own / "checkpoints")


def micro_batches(lake: FlightsLake, source: str) -> list[int]:
    """The rows that each unit of work placed, as the commits of the clean table say, oldest first."""
    history = DeltaTable(lake.tables(source).clean).history()
    counts = [json.loads(commit["userMetadata"])["headrace"] for commit in history if commit.get("userMetadata")]
    return [found["clean"] + found["duplicates"] + sum(found["quarantine"].values()) for found in reversed(counts)]
