"""Landers killed at named points, restarted, and audited: for `make test` a few times, for `make prove` many."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from headrace.ingestion import steps

from .killed_lander import Orders
from .landing_trial import Trial, Verdict

LANDERS = 2
POINTS = (
    steps.AFTER_POLL,
    steps.AFTER_DATA_FILE,
    steps.BEFORE_LOG_ENTRY,
    steps.AFTER_LOG_ENTRY,
    steps.BEFORE_KAFKA_COMMIT,
    steps.IN_REVOCATION,
    steps.MID_BUFFER,
    steps.AFTER_KAFKA_COMMIT,
    steps.DURING_CHECKPOINT,
)
# These come seldom; the first is enough.
ONCE = (steps.IN_REVOCATION, steps.DURING_CHECKPOINT)
GUESTS, GUEST_S = 5, 20.0  # who come so that partitions are taken away, and for how long


@dataclass(frozen=True)
class KillReport:
    """What a run of kills did and found."""

    seed: int
    kills: Counter[str]  # by step
    verdict: Verdict
    seconds: float


def kill_landers(
    address: str,
    folder: Path,
    *,
    kills: int,
    seed: int,
    session_timeout_s: float = 6.0,
    report: Callable[[str], None] = lambda line: None,
) -> KillReport:
    """Kills landers `kills` times, spread evenly over `POINTS`, and audits. `folder` gets the lake and the logs.

    Two landers of one group land a topic that is being written to. Each is started with orders to kill itself at a step
    drawn from the seed; when it has, the next is started in its place.
    """
    started_s = time.monotonic()
    draw = random.Random(seed)
    plan, killed = _plan(kills, draw), Counter[str]()
    with Trial(address, folder, seed=seed, session_timeout_s=session_timeout_s) as trial:
        while plan or trial.running:
            while plan and len(trial.running) < LANDERS:
                step = plan.pop()
                trial.start(step=step, occurrence=1 if step in ONCE else draw.randint(1, 4))
            orders, exit_code = _next_death(trial)
            assert exit_code == -signal.SIGKILL, f"a lander ended with {exit_code}: see {folder}/landers.log"
            killed[str(orders.step)] += 1
            report(f"kill {killed.total()} of {kills}: {orders.step}")
        verdict = trial.audit()
    return KillReport(seed, killed, verdict, time.monotonic() - started_s)


def _plan(kills: int, draw: random.Random) -> list[str]:
    """The steps to die at, every one about equally often."""
    plan = [POINTS[index % len(POINTS)] for index in range(kills)]
    draw.shuffle(plan)
    return plan


def _next_death(trial: Trial) -> tuple[Orders, int]:
    """Waits for the next lander to die. Those that wait for a revocation get it from others that come and go.

    One may come when nothing is buffered of what is taken away for it, and then the step is not passed.
    """
    if any(orders.step != steps.IN_REVOCATION for orders, _ in trial.running):
        return trial.first_death()
    for _ in range(GUESTS):
        guest = trial.start()
        death = trial.death_within(GUEST_S)
        trial.stop(guest)
        if death is not None:
            return death
    return trial.first_death()
