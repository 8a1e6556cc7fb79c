"""Whether a run with an end has reached it: what is still to go, here and with the other landers of the group."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from .positions import Place, by_topic
from .source import KafkaSource
from .stopped import Stopped
from .target import Target
from .topic_landing import TopicLanding, positions_of

LOOK_INTERVAL_S = 1.0


class Goal:
    """The target of a run, and how far everyone is on the way to it; without a target it is never reached."""

    def __init__(
        self,
        target: Target | None,
        source: KafkaSource,
        topics: Mapping[str, TopicLanding],
        stopped: Stopped,
        clock: Callable[[], float],
    ) -> None:
        self._target, self._source, self._topics, self._stopped = target, source, topics, stopped
        self._clock = clock
        self._elsewhere: dict[Place, int | None] = {}  # landed positions of partitions that are not ours
        self._looked_s = clock()

    @property
    def is_set(self) -> bool:
        """Whether there is a target at all."""
        return self._target is not None

    @property
    def is_reached(self) -> bool:
        """Whether nothing is left to go."""
        return self._target is not None and not self.remaining()

    def remaining(self) -> dict[Place, int]:
        """Offsets still to go, of the partitions that have some and can go on."""
        if self._target is None:
            return {}
        gaps = self._target.remaining(self._elsewhere | positions_of(self._topics))
        return {place: gap for place, gap in gaps.items() if place not in self._stopped.lost}

    def look_elsewhere(self, unsettled: Collection[Place]) -> None:
        """Where only others have a way to go, reads now and then how far they are, and whether they can go on."""
        remaining = self.remaining().keys()
        waiting = remaining - positions_of(self._topics).keys() - set(unsettled)
        if not waiting or waiting != remaining or self._clock() - self._looked_s < LOOK_INTERVAL_S:
            return
        self.read_elsewhere()

    def read_elsewhere(self) -> None:
        """Reads how far others have landed the partitions that are not ours, and whether these can go on.

        At the start none is ours: a log that was cut below what has landed must not pass for one that is landed.
        """
        self._looked_s = self._clock()
        if self._target is None:
            return
        theirs = self._target.places - positions_of(self._topics).keys()
        for topic, partitions in by_topic(theirs).items():
            landed = self._topics[topic].table.positions(partitions)
            self._elsewhere |= {(topic, partition): position for partition, position in landed.items()}
        for place, bounds in self._source.bounds(theirs).items():  # asked after the positions: an end only grows
            gaps = self._topics[place[0]].table.gaps
            self._stopped.look_at(place, self._elsewhere[place], bounds, gaps)
