"""The plan as it happens to the world, and what is seen of it meanwhile."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from headrace.ingestion import steps

from .plan import MOST, Event, Kind, Plan
from .watch import Watch
from .world import TICK_S, World

ORDER_WITHIN_S = 120.0  # for a step to be passed; a checkpoint comes once in a hundred commits
LONGER, SPARE_S = 1.25, 180.0  # how much longer than planned a run may take; what has not happened then does not
STANDSTILL_S = 15.0  # more than a dead or frozen lander explains, and less than is wrong
REVOCATION_WITHIN_S = 10.0  # of a change of members; then another one is made

Say = Callable[[str], None]


@dataclass
class Order:
    """A kill that has not come yet: the step, since when, and when members were last changed for it."""

    step: str
    since_s: float
    changed_s: float = float("-inf")

    def needs_change(self, now_s: float) -> bool:
        """Whether it waits for a revocation, for which members have to change."""
        return self.step == steps.IN_REVOCATION and now_s - self.changed_s > REVOCATION_WITHIN_S


class Course:
    """One run of a plan; `say` is told of everything that happens."""

    def __init__(self, world: World, plan: Plan, seconds: float, say: Say) -> None:
        self.watch = Watch()
        self.happened, self.kills = Counter[Kind](), Counter[str]()
        self.surprises: list[str] = []
        self.landers = {world.landers.count}  # how many there were at a time
        self._world, self._plan, self._seconds, self._say = world, plan, seconds, say
        self._blows, self._changes = deque(plan.blows), deque(plan.changes)
        self._order: Order | None = None
        self._asked_why = False
        self._started_s = time.monotonic()

    @property
    def passed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started_s

    def run(self) -> None:
        """Until all of the plan has happened, landing has resumed, and the time is over; or it takes too long."""
        while not self._is_over:
            self._tick()
            self._world.producers.revive()
            self._world.producers.steer()
            self._change_due()
            if self._blows and self._is_calm and self.passed_s >= self._blows[0].at_s and self._strike(self._blows[0]):
                self._blows.popleft()
            time.sleep(TICK_S)

    @property
    def _is_over(self) -> bool:
        done = not self._blows and not self._changes and self._is_calm
        return self.passed_s > (self._seconds if done else self._seconds * LONGER + SPARE_S)

    @property
    def _is_calm(self) -> bool:
        return self.watch.blow is None and self._order is None

    def _tick(self) -> None:
        """Sees what has become of everybody, and of the table."""
        now_s, landers = time.monotonic(), self._world.landers
        for death in landers.reap(now_s):
            self.kills[death.step] += 1
            self._count(Kind.KILL, death.step)
            self._order = None
            self.watch.hit(Kind.KILL, death.at_s)
        if landers.thaw(now_s):
            self._tell("a frozen lander goes on")
        landers.measure()
        self._see()
        self._give_up_order(now_s)

    def _see(self) -> None:
        now_s = time.monotonic()
        ends = self._world.positions.ends()
        if resumed := self.watch.see(now_s, self._world.positions.landed(), ends):
            self._tell(f"{resumed.kind.value}: landing had resumed everywhere after {resumed.seconds:.1f} s")
        self._ask_why()

    def _ask_why(self) -> None:
        """Has the landers say where they are, once in each standstill that lasts."""
        idles = self.watch.idle_s > STANDSTILL_S
        if idles and not self._asked_why:
            self._tell(f"a partition stands still for {self.watch.idle_s:.0f} s: landers.log has where the landers are")
            self._world.landers.tell_where()
        self._asked_why = idles

    def _change_due(self) -> None:
        """Makes the next change at its time, or earlier where a kill waits for it."""
        now_s = time.monotonic()
        forced = self._order is not None and self._order.needs_change(now_s)
        due = bool(self._changes) and self.passed_s >= self._changes[0].at_s
        if not (forced or due) or not self._change(self._changes[0] if self._changes else self._extra_change()):
            return
        if self._changes:
            self._changes.popleft()
        if self._order and forced:
            self._order.changed_s = now_s

    def _extra_change(self) -> Event:
        return Event(self.passed_s, Kind.JOIN if self._world.landers.count < MOST else Kind.LEAVE)

    def _change(self, event: Event) -> bool:
        """Says whether it could be done."""
        if event.kind is Kind.JOIN:
            self._world.landers.join()
        elif not self._world.landers.leave(event.pick, time.monotonic()):
            return False
        self.landers.add(self._world.landers.count)
        self._count(event.kind, f"{self._world.landers.count} landers")
        return True

    def _strike(self, blow: Event) -> bool:
        """Says whether it could be done; a kill is done when somebody passes its step."""
        now_s = time.monotonic()
        if blow.kind is Kind.KILL:
            self._order = Order(str(blow.step), now_s)
            self._world.landers.order(self._order.step)
        elif blow.kind is Kind.BROKER_KILL:
            self._kill_broker(now_s + blow.lasts_s)
        elif not self._world.landers.freeze(blow.pick, now_s + blow.lasts_s):
            return False
        else:
            self._count(blow.kind, f"for {blow.lasts_s:.0f} s")
            self.watch.hit(blow.kind, now_s)
        return True

    def _kill_broker(self, until_s: float) -> None:
        """Lets it be away until then, and starts it: from there on landing may resume."""
        self._world.producers.fall()
        killed_s = time.monotonic()
        self._world.broker.kill()
        while time.monotonic() < until_s:
            self._tick()
            time.sleep(TICK_S)
        self._world.broker.start()
        self._count(Kind.BROKER_KILL, f"it was away for {time.monotonic() - killed_s:.0f} s")
        self.watch.hit(Kind.BROKER_KILL, time.monotonic())

    def _give_up_order(self, now_s: float) -> None:
        if self._order and now_s - self._order.since_s > ORDER_WITHIN_S:
            self.surprises.append(f"no lander passed {self._order.step} within {ORDER_WITHIN_S:g} s")
            self._world.landers.withdraw(self._order.step)
            self._order = None

    def _count(self, kind: Kind, more: str) -> None:
        self.happened[kind] += 1
        self._tell(f"{kind.value} ({self.happened[kind]}): {more}")

    def _tell(self, text: str) -> None:
        self._say(f"{self.passed_s:7.1f} s  {text}")
