"""Landers of one group, each a process with orders of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from .eventually import eventually
from .killed_lander import Orders, ready_file
from .rooms import REPOSITORY

DEATH_WAIT_S = 90.0  # for a step to come: a dead member keeps its partitions for the session timeout
STOP_WAIT_S = 10.0  # what a lander may take to stop when asked
END_WAIT_S = 120.0

Lander = subprocess.Popen[bytes]


class LanderGroup:
    """Starts and ends landers. `folder` has the lake, and gets `landers.log`; `calm` are the orders of all of them."""

    def __init__(self, folder: Path, calm: Orders) -> None:
        self.running: list[tuple[Orders, Lander]] = []
        self._folder, self._calm = folder, calm

    def start(self, **changes: object) -> Lander:
        """One more lander; `changes` are those of its `Orders`. A Ctrl-C in the terminal does not reach it."""
        orders = replace(self._calm, **changes)
        environment = os.environ | {"PYTHONPATH": f"{REPOSITORY / 'src'}{os.pathsep}{REPOSITORY / 'tests'}"}
        command = [sys.executable, "-m", "support.killed_lander", orders.text()]
        with (self._folder / "landers.log").open("ab") as log:
            lander = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=log, env=environment, start_new_session=True
            )
        self.running.append((orders, lander))
        return lander

    def is_ready(self, lander: Lander) -> bool:
        """Whether it can be asked to stop."""
        return ready_file(self._folder, lander.pid).exists()

    def tell_where(self, lander: Lander) -> None:
        """Has it write into landers.log where its threads are, if it has come so far that it can."""
        if self.is_ready(lander):
            lander.send_signal(signal.SIGUSR1)

    def ended(self) -> list[tuple[Orders, Lander]]:
        """Those that have ended since the last call, whatever the reason; they are forgotten here."""
        found = [(orders, lander) for orders, lander in self.running if lander.poll() is not None]
        for each in found:
            self.running.remove(each)
        return found

    def first_death(self) -> tuple[Orders, int]:
        """Waits for a lander to end; gives its orders and its exit code."""
        found = self.death_within(DEATH_WAIT_S)
        waiting = [orders.step for orders, _ in self.running]
        assert found is not None, f"no lander reached its step within {DEATH_WAIT_S:g} s: {waiting}"
        return found

    def death_within(self, wait_s: float) -> tuple[Orders, int] | None:
        """Likewise; None where none has ended in that time."""
        deadline_s = time.monotonic() + wait_s
        while time.monotonic() < deadline_s:
            for orders, lander in self.running:
                try:
                    exit_code = lander.wait(0.05)
                except subprocess.TimeoutExpired:
                    continue
                self.running.remove((orders, lander))
                return orders, exit_code
        return None

    def stop(self, lander: Lander) -> None:
        """Asks a lander to stop, which it must do in time and with exit code 0."""
        eventually(lambda: self.is_ready(lander))
        lander.terminate()
        try:
            lander.wait(STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            self.tell_where(lander)
            raise
        assert lander.returncode == 0, f"a lander ended with {lander.returncode}: see {self._folder}"
        self.running = [(orders, other) for orders, other in self.running if other is not lander]

    def finish(self) -> None:
        """Stops all of them, and has one more land all that is left."""
        for _, lander in list(self.running):
            self.stop(lander)
        last = self.start(until_end=True)
        assert last.wait(END_WAIT_S) == 0, f"the last lander ended with {last.returncode}: see {self._folder}"
        self.running.clear()

    def kill_all(self) -> None:
        """Ends them at once, those too that are frozen."""
        for _, lander in self.running:
            lander.kill()
            lander.wait()
        self.running.clear()
