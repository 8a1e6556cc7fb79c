"""A lander that kills itself: run as a script with one JSON argument, the `Orders`.

The signal is SIGKILL, sent by the process to itself inside `on_step`, so nothing of Python or of the libraries gets to
clean up: the same as a kill from outside, at a point that can be named and repeated. Where to die is said in the
orders or, to a whole group while it runs, by a file: whichever of its landers first passes the step takes the file.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from headrace.ingestion import FlushPolicy, LandingSettings, land, stop_on_signals


@dataclass(frozen=True)
class Orders:
    """What to land, and where to die: at the `occurrence`-th time that `step` is passed; a step of None means never."""

    brokers: str
    lake: str
    group: str
    topics: list[str]
    step: str | None = None
    occurrence: int = 1
    until_end: bool = False
    max_rows: int = 2_000
    max_age_s: float = 0.2
    session_timeout_s: float = 6.0
    kill_orders: str | None = None  # the folder in which `kill_order` is looked for
    extra: dict[str, object] = field(default_factory=dict)  # more of LandingSettings

    def text(self) -> str:
        return json.dumps(asdict(self))


def ready_file(folder: Path, pid: int) -> Path:
    """A file that is there once a lander, whose lake is in `folder`, can be asked to stop."""
    return folder / f"ready-{pid}"


def kill_order(folder: Path, step: str) -> Path:
    """A file that, once it is there, kills one lander of a group at this step."""
    return folder / f"kill-{step}"


def taken_by(order: Path, pid: int) -> Path:
    """What becomes of a kill order when the process `pid` dies of it."""
    return order.with_name(f"{order.name}.{pid}")


def obey(folder: Path) -> Callable[[str], None]:
    """An `on_step` that ends the process where an order is found; of several processes one takes it."""

    def on_step(passed: str) -> None:
        order, pid = kill_order(folder, passed), os.getpid()
        with suppress(FileNotFoundError):
            order.rename(taken_by(order, pid))
            os.kill(pid, signal.SIGKILL)

    return on_step


def killer(step: str | None, occurrence: int) -> Callable[[str], None]:
    """An `on_step` that ends the process, without a word, at the stated point."""
    left = occurrence

    def on_step(passed: str) -> None:
        nonlocal left
        left -= passed == step
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return on_step


def main(text: str) -> None:
    orders = Orders(**json.loads(text))
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(process)d %(name)s %(message)s",
    )
    logging.getLogger("kafka").setLevel(logging.INFO)  # else a lander has it say nothing
    faulthandler.register(signal.SIGUSR1)  # says where each thread is
    settings = LandingSettings(
        brokers=orders.brokers,
        lake=Path(orders.lake),
        group=orders.group,
        policy=FlushPolicy(max_rows=orders.max_rows, max_age_s=orders.max_age_s),
        session_timeout_s=orders.session_timeout_s,
        **orders.extra,
    )
    with stop_on_signals() as stop:
        ready_file(Path(orders.lake).parent, os.getpid()).touch()
        result = land(
            orders.topics,
            settings=settings,
            until_end=orders.until_end,
            stop=stop,
            report=lambda progress: print(progress, file=sys.stderr, flush=True),
            on_step=obey(Path(orders.kill_orders)) if orders.kill_orders else killer(orders.step, orders.occurrence),
        )
    print(json.dumps(result.rows), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
