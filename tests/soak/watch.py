"""Whether landing goes on, judged from what was seen of positions and ends; and how soon it resumes after a blow.

A partition idles while a broker answers, there is something to land of it, and its landed position does not move. What
there is to land ends at the last stable offset: an open transaction is nobody's delay but its producer's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .plan import Kind

STUCK_S = 30.0
PATIENCE_S = 90.0  # then a blow counts as one from which landing did not resume


@dataclass(frozen=True)
class Resumed:
    """How long it took after one blow until every partition had moved."""

    kind: Kind
    seconds: float


class Blow:
    """A blow at `at_s`, and the partitions that have moved since.

    A partition's time begins with the blow or, where all of it was landed then, with the next record.
    """

    def __init__(self, kind: Kind, at_s: float) -> None:
        self.kind, self.at_s = kind, at_s
        self._before: dict[int, int] | None = None
        self._begun_s: dict[int, float] = {}
        self._took_s: dict[int, float] = {}

    def look(self, now_s: float, landed: Mapping[int, int], ends: Mapping[int, int]) -> None:
        """Compares with the first look, which must have begun after the blow."""
        first = self._before is None
        before = self._before = dict(landed) if self._before is None else self._before
        for partition in before.keys() - self._took_s.keys():
            if ends[partition] > before[partition]:
                self._begun_s.setdefault(partition, self.at_s if first else now_s)
            if landed[partition] > before[partition]:
                self._took_s[partition] = now_s - self._begun_s.get(partition, now_s)

    def resumed(self, now_s: float) -> Resumed | None:
        """Known once every partition has moved, or the patience is at its end."""
        if self._before is not None and len(self._took_s) == len(self._before):
            return Resumed(self.kind, max(self._took_s.values(), default=0.0))
        late_s = now_s - self.at_s
        return Resumed(self.kind, late_s) if late_s > PATIENCE_S else None


class Watch:
    """Is told what was seen, several times a second; times are of one clock, in seconds."""

    def __init__(self) -> None:
        self.resumed: list[Resumed] = []
        self.idle_s = 0.0  # of the partition that idles for the longest now
        self.longest_idle_s = 0.0
        self.stuck: dict[tuple[int, int], float] = {}  # seconds by (partition, landed position), above STUCK_S
        self.blow: Blow | None = None
        self._idle_since_s: dict[int, tuple[int, float]] = {}  # by partition: the landed position, and since when

    def hit(self, kind: Kind, at_s: float) -> None:
        """A blow, the only one until landing has resumed."""
        self.blow = Blow(kind, at_s)

    def see(self, now_s: float, landed: Mapping[int, int], ends: Mapping[int, int] | None) -> Resumed | None:
        """Takes what was seen from `now_s` on: the landed position and the last stable offset of every partition,
        None for the ends where no broker answered. Gives what has just been resumed from.
        """
        if ends is None:
            self._idle_since_s.clear()
            self.idle_s = 0.0
            return None
        idle_s = [self._idles(now_s, partition, landed[partition], end) for partition, end in ends.items()]
        self.idle_s = max(idle_s, default=0.0)
        self.longest_idle_s = max(self.longest_idle_s, self.idle_s)
        return self._see_blow(now_s, landed, ends)

    def _idles(self, now_s: float, partition: int, position: int, end: int) -> float:
        """For how many seconds it has idled."""
        if end <= position:
            self._idle_since_s.pop(partition, None)
            return 0.0
        before, since_s = self._idle_since_s.get(partition, (None, now_s))
        if before != position:
            since_s = now_s
        self._idle_since_s[partition] = (position, since_s)
        if now_s - since_s > STUCK_S:
            self.stuck[partition, position] = now_s - since_s
        return now_s - since_s

    def _see_blow(self, now_s: float, landed: Mapping[int, int], ends: Mapping[int, int]) -> Resumed | None:
        if self.blow is None or now_s < self.blow.at_s:
            return None
        self.blow.look(now_s, landed, ends)
        if done := self.blow.resumed(now_s):
            self.resumed.append(done)
            self.blow = None
        return done
