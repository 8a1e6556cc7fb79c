"""The landers of a soak: who runs, who is frozen, who is leaving; and the deaths that nobody ordered."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from support.eventually import eventually
from support.killed_lander import kill_order
from support.lander_group import Lander, LanderGroup
from support.lander_process import peak_memory_bytes

from headrace.ingestion.state_file import lander_states

LEAVE_WITHIN_S = 30.0  # ten are promised on a machine that is not busy
LAST_WITHIN_S = 300.0  # for the one that lands what is left
REAP_INTERVAL_S = 0.2


@dataclass(frozen=True)
class Death:
    """A lander that died at `step`, as ordered, at `at_s` of the monotonic clock."""

    step: str
    at_s: float


class Landers:
    """The group. A lander that dies is replaced at once, unless it was about to leave."""

    def __init__(self, group: LanderGroup, lake: Path, orders: Path) -> None:
        self.surprises: list[str] = []  # ends that should not have been
        self.peak_bytes = 0
        self._group, self._lake, self._orders = group, lake, orders
        self._frozen: dict[Lander, float] = {}  # and when to thaw
        self._leaving: dict[Lander, float] = {}  # and when it must have left

    def join(self) -> None:
        """One more."""
        self._group.start()

    def leave(self, pick: float, now_s: float) -> bool:
        """Asks one to stop, if another one is at hand beside it."""
        calm = self._calm()
        if len(calm) < 2:
            return False
        lander = calm[int(pick * len(calm))]
        self._ask_to_leave(lander, now_s)
        return True

    def freeze(self, pick: float, until_s: float) -> bool:
        """Freezes one that has partitions (SIGSTOP), if another one is at hand beside it."""
        calm, said = self._calm(), lander_states(self._lake)
        landing = {state.content["pid"] for state in said if state.content["partitions"]["landing"]}
        busy = [lander for lander in calm if lander.pid in landing]
        if not busy or len(calm) < 2:
            return False
        lander = busy[int(pick * len(busy))]
        lander.send_signal(signal.SIGSTOP)
        self._frozen[lander] = until_s
        return True

    def thaw(self, now_s: float = float("inf")) -> int:
        """Lets those go on whose time has come; gives their number."""
        due = [lander for lander, until_s in self._frozen.items() if now_s >= until_s]
        for lander in due:
            lander.send_signal(signal.SIGCONT)
            del self._frozen[lander]
        return len(due)

    def order(self, step: str) -> None:
        """Whoever first passes this step dies."""
        kill_order(self._orders, step).touch()

    def withdraw(self, step: str) -> None:
        """Takes an order back."""
        kill_order(self._orders, step).unlink(missing_ok=True)

    def reap(self, now_s: float) -> list[Death]:
        """Those that died as ordered since the last call; whatever else ended is noted among the surprises."""
        deaths = []
        for _, lander in self._group.ended():
            was_leaving = self._leaving.pop(lander, None) is not None
            self._frozen.pop(lander, None)
            if death := self._death(lander):
                deaths.append(death)
            elif not (was_leaving and lander.returncode == 0):
                self.surprises.append(f"a lander ended with {lander.returncode}: see landers.log")
            if not was_leaving:
                self.join()
        self._end_late(now_s)
        return deaths

    def tell_where(self) -> None:
        """Has each of them write into its log where its threads are."""
        for _, lander in self._group.running:
            self._group.tell_where(lander)

    def measure(self) -> None:
        """Looks at the memory of all of them."""
        for _, lander in self._group.running:
            with suppress(OSError, AssertionError):  # it has just ended
                self.peak_bytes = max(self.peak_bytes, peak_memory_bytes(lander))

    @property
    def count(self) -> int:
        """Those that run and are not about to leave."""
        return len(self._group.running) - len(self._leaving)

    def finish(self) -> None:
        """Asks all of them to stop, and has one more land all that is left."""
        self.thaw()
        for lander in [lander for _, lander in self._group.running if lander not in self._leaving]:
            eventually(lambda lander=lander: self._group.is_ready(lander), within_s=LEAVE_WITHIN_S)
            self._ask_to_leave(lander, time.monotonic())
        while self._leaving:
            self.reap(time.monotonic())
            time.sleep(REAP_INTERVAL_S)
        last = self._group.start(until_end=True)
        if last.wait(LAST_WITHIN_S):
            self.surprises.append(f"the last lander ended with {last.returncode}: see landers.log")

    def _ask_to_leave(self, lander: Lander, now_s: float) -> None:
        lander.terminate()
        self._leaving[lander] = now_s + LEAVE_WITHIN_S

    def _calm(self) -> list[Lander]:
        return [
            lander
            for _, lander in self._group.running
            if lander not in self._frozen and lander not in self._leaving and self._group.is_ready(lander)
        ]

    def _death(self, lander: Lander) -> Death | None:
        """The order that it has taken; the file tells when."""
        taken = next(self._orders.glob(f"kill-*.{lander.pid}"), None)
        if taken is None or lander.returncode != -signal.SIGKILL:
            return None
        ago_s = time.time() - taken.stat().st_ctime
        step = taken.name.removeprefix("kill-").removesuffix(f".{lander.pid}")
        taken.unlink()
        return Death(step, time.monotonic() - ago_s)

    def _end_late(self, now_s: float) -> None:
        for lander, until_s in list(self._leaving.items()):
            if now_s > until_s:
                self.surprises.append(f"a lander that was asked to stop did not within {LEAVE_WITHIN_S:g} s")
                self._leaving[lander] = float("inf")
                lander.kill()
