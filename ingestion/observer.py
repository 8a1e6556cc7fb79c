"""Watching a lander from inside its loop: counts what it does, and posts about once a second how it stands.

Nothing here is done for a record, and next to nothing for a turn of the loop: a look at the clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from headrace.errors import HeadraceError, LandingConflict, LockTimeout

from .flush import FlushReason
from .positions import Bounds, Place
from .source import KafkaSource
from .standing import Board, PartitionStanding, PartitionState, Standing, TopicStanding
from .stopped import Stopped
from .tally import Tally, Trouble
from .topic_landing import TopicLanding

POST_INTERVAL_S = 1.0
ASK_INTERVAL_S = 5.0  # how often the ends of the partitions are asked for: two requests a broker

Post = Callable[[Standing, Tally], None]


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What a loop knows of itself beside its topics; see `Standing`."""

    joined: bool
    broker_away: bool
    waits_for_table: bool
    paused: bool
    unsettled: Collection[Place]


class Observer:
    """Holds the `tally` of a run and the `board` on which its landers post; `posts` are told of each posting."""

    def __init__(self, posts: Sequence[Post] = ()) -> None:
        self.tally = Tally()
        self.board = Board(time.monotonic())
        self._posts = posts
        self._bounds: dict[Place, Bounds] = {}
        self._posted_s = self._asked_s = float("-inf")

    @contextmanager
    def committing(self, topic: str, landing: TopicLanding, reason: FlushReason) -> Iterator[None]:
        """Times one flush, and counts it when it was a commit, or what was in its way."""
        before, size_bytes, started_s = (landing.commits, landing.rows), landing.buffered_bytes, time.perf_counter()
        try:
            yield
        except HeadraceError as err:
            self.tally.troubles[_trouble(err)] += 1
            raise
        if landing.commits > before[0]:
            self.tally.committed(
                topic,
                reason,
                rows=landing.rows - before[1],
                size_bytes=size_bytes,
                seconds=time.perf_counter() - started_s,
                now_s=time.time(),
            )

    def ask_bounds(self, source: KafkaSource, topics: Mapping[str, TopicLanding], stopped: Stopped) -> None:
        """Asks now and then what the broker holds of our partitions.

        Raises:
            Unreachable: no broker answers.
        """
        places = {(topic, partition) for topic, landing in topics.items() for partition in landing.partitions}
        places |= stopped.held
        if places and time.monotonic() - self._asked_s >= ASK_INTERVAL_S:
            self._asked_s = time.monotonic()
            self._bounds = source.bounds(places)

    def turned(self, topics: Mapping[str, TopicLanding], stopped: Stopped, conditions: Conditions) -> None:
        """The loop came by; posts when it is time to."""
        now_s = self.board.turned_at_s = time.monotonic()
        if now_s - self._posted_s >= POST_INTERVAL_S:
            self._posted_s = now_s
            standing = self._standing(topics, stopped, conditions)
            self.board.standing = standing
            for post in self._posts:
                post(standing, self.tally)

    def waits(self) -> None:
        """The run came by between two sessions."""
        self.board.turned_at_s = time.monotonic()
        self.board.standing = None

    def _standing(self, topics: Mapping[str, TopicLanding], stopped: Stopped, conditions: Conditions) -> Standing:
        now_s = time.time()
        reading = PartitionState.PAUSED if conditions.paused else PartitionState.LANDING
        found = {
            (topic, partition): (reading, landed)
            for topic, landing in topics.items()
            for partition, landed in landing.landed.items()
        }
        found |= {place: (PartitionState.STARTING, None) for place in (*conditions.unsettled, *stopped.held)}
        lost = {place: stopped.lost[place].position for place in found.keys() & stopped.lost.keys()}
        found |= {place: (PartitionState.STOPPED, position) for place, position in lost.items()}
        return Standing(
            at_s=now_s,
            joined=conditions.joined,
            broker_away=conditions.broker_away,
            waits_for_table=conditions.waits_for_table,
            topics=tuple(_topic(topic, landing, now_s) for topic, landing in sorted(topics.items())),
            partitions=tuple(self._partition(place, *found[place]) for place in sorted(found)),
        )

    def _partition(self, place: Place, state: PartitionState, landed: int | None) -> PartitionStanding:
        bounds = self._bounds.get(place)
        held = (bounds.beginning, bounds.end) if bounds else (None, None)
        return PartitionStanding(*place, state, landed, *held)


def _topic(topic: str, landing: TopicLanding, now_s: float) -> TopicStanding:
    wait_s, oldest_at_s = landing.oldest_wait_s(time.monotonic()), landing.oldest_at_s()
    age_s = wait_s if oldest_at_s is None else max(0.0, now_s - oldest_at_s)
    return TopicStanding(topic, landing.buffered_rows, landing.buffered_bytes, wait_s, age_s)


def _trouble(err: HeadraceError) -> Trouble:
    if isinstance(err, LandingConflict):
        return Trouble.CONFLICT
    return Trouble.LOCK_WAIT if isinstance(err, LockTimeout) else Trouble.COMMIT_FAILED
