"""Partitions that cannot go on as they are, and when to look at them again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping

from headrace.gaps import CUT, Gap

from .positions import Bounds, Lost, Place, resume

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 10.0  # somebody may have accepted the gap meanwhile, or brought the records back


class Stopped:
    """What a lander knows of partitions whose next record the broker does not hold. `lost` has them, ours or not."""

    def __init__(self, now_s: float) -> None:
        self.lost: dict[Place, Lost] = {}
        self._held: set[Place] = set()  # ours, and not read
        self._cut: dict[Place, int | None] = {}
        self._looked_s = now_s

    @property
    def held(self) -> frozenset[Place]:
        """The partitions of this lander that wait for something to change."""
        return frozenset(self._held)

    def note_cuts(self, cuts: Mapping[Place, int | None]) -> None:
        """Notes logs that were cut while they were read, each with the offset that was cut at, where that is known."""
        self._cut |= cuts

    def judge(
        self, place: Place, landed: int | None, bounds: Bounds, gaps: Callable[[], Collection[Gap]]
    ) -> int | Lost | None:
        """The offset to read first in one of our partitions; else why it stops; None where it has to wait.

        `gaps` gives the accepted gaps of the topic id, and is asked only where one matters.
        """
        found = self._verdict(place, landed, bounds, gaps)
        if isinstance(found, int):
            self._resumed(place)
        else:
            self._held.add(place)
        return found

    def look_at(self, place: Place, landed: int | None, bounds: Bounds, gaps: Callable[[], Collection[Gap]]) -> None:
        """Notes it when a partition cannot go on that is not, or not yet, ours."""
        if isinstance(found := self._verdict(place, landed, bounds, gaps), Lost):
            self.stop(found)

    def stop(self, lost: Lost) -> None:
        """Notes a partition that stops, and says so once."""
        if lost.place not in self.lost:
            log.error("%s. This partition stops; the others go on", lost, extra={"fields": lost.fields()})
        self.lost[lost.place] = lost

    def forget(self, places: Collection[Place]) -> None:
        """These partitions are no longer ours; what is lost of them stays lost."""
        self._held -= set(places)
        for place in places:
            self._cut.pop(place, None)

    def due(self, now_s: float) -> frozenset[Place]:
        """The partitions to judge again now."""
        if not self._held or now_s - self._looked_s < LOOK_AGAIN_S:
            return frozenset()
        self._looked_s = now_s
        return self.held

    def _verdict(
        self, place: Place, landed: int | None, bounds: Bounds, gaps: Callable[[], Collection[Gap]]
    ) -> int | Lost | None:
        found = self._found(place, landed, bounds)
        if isinstance(found, Lost) and not found.is_deleted and _is_accepted(found, gaps()):
            self._cut.pop(place, None)
            return found.position if found.position <= bounds.end else None
        return found

    def _found(self, place: Place, landed: int | None, bounds: Bounds) -> int | Lost:
        if landed is not None and place in self._cut:
            at = self._cut[place]
            if at is None or landed > at:
                return Lost(place, landed, None)
            del self._cut[place]
        return resume(place, landed, bounds)

    def _resumed(self, place: Place) -> None:
        self._held.discard(place)
        if self.lost.pop(place, None):
            log.warning("%s[%d]: goes on", *place, extra={"fields": {"topic": place[0], "partition": place[1]}})


def _is_accepted(lost: Lost, gaps: Collection[Gap]) -> bool:
    return any((gap.partition, gap.end, gap.reason) == (lost.place[1], lost.position, CUT) for gap in gaps)
