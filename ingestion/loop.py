"""The lander's loop: poll, prove, buffer, commit; and what to do when partitions come and go.

One thread does it all. While a table's lock is held by someone else its flush is tried again at every turn, the polling
goes on, and when the buffers are full the partitions are paused: the group stays whole, and memory bounded.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping

from headrace.errors import BrokerError, HeadraceError, LandingConflict, LockTimeout

from . import steps
from .cluster import Unreachable
from .positions import Lost, Place, by_topic, resume
from .settings import LandingSettings, Progress
from .source import KafkaSource, Polled
from .target import Target
from .topic_landing import TopicLanding

log = logging.getLogger(__name__)

POLL_S = 0.2
MAX_POLL_RECORDS = 20_000  # a quarter of a second of decoding: how long a stop may go unnoticed
LOCK_SLICE_S = 0.2  # how long one turn waits for a table's lock
PROBE_INTERVAL_S = 3.0  # how often a quiet run looks whether its topics are still the same
REPORT_INTERVAL_S = 1.0
DRAIN_S = 4.0  # of the 10 s that a stop may take; leaving the group takes the rest
LEAVE_S = 3.0


class Lander:
    """Lands the topics of one session: until it is stopped, the target is reached, or a topic is replaced.

    It is the `Owner` of its source's partitions.
    """

    def __init__(
        self,
        source: KafkaSource,
        topics: Mapping[str, TopicLanding],
        settings: LandingSettings,
        *,
        target: Target | None,
        stop: threading.Event,
        report: Callable[[Progress], None],
        on_step: steps.OnStep = steps.ignore,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.lost: dict[Place, Lost] = {}
        self._source, self._topics, self._settings = source, topics, settings
        self._target, self._stop = target, stop
        self._report, self._on_step, self._clock = report, on_step, clock
        self._unsettled: set[Place] = set()
        self._failure: HeadraceError | None = None  # raised in the listener's thread, told in ours
        self._elsewhere: dict[Place, int | None] = {}  # landed positions of partitions that are not ours
        self._blocked_since_s: dict[str, float] = {}
        self._unreachable_since_s: float | None = None
        self._paused = False
        self._told: tuple[int, int, int | None] | None = None
        self._started_s = self._reported_s = self._probed_s = self._positions_s = self._looked_s = clock()

    def run(self) -> None:
        """Lands until there is an end to it. Everything read and proved is committed when this returns or raises.

        Raises:
            TopicReplaced: a topic has a new id, or none; start a new session.
            BrokerError: a broker refuses, or is away for longer than allowed where the run is to end by itself.
            LockTimeout: a table's lock was held for longer than allowed.
            MachineError, ContractError: a table cannot be written.
        """
        self._read_elsewhere()
        try:
            while not self._stop.is_set() and not self._is_reached():
                self._turn()
                if self._is_reached():
                    self._drain()  # and if another lander was there first, there is more to do
        finally:
            self._drain()
            self._tell(now=True)

    def give_up(self, places: Collection[Place]) -> None:
        """Commits what is buffered of these partitions, if that is possible now, and drops them."""
        self._unsettled -= set(places)
        for topic, partitions in by_topic(places).items():
            landing = self._topics[topic]
            if landing.partitions & partitions:
                self._on_step(steps.IN_REVOCATION)
                try:
                    landing.flush(lock_wait_s=LOCK_SLICE_S)
                except (LandingConflict, LockTimeout) as err:
                    log.info("%s: dropped %d buffered rows, to be read again: %s", topic, landing.buffered_rows, err)
                except HeadraceError as err:
                    self._failure = err
            landing.drop(partitions)

    def lose(self, places: Collection[Place]) -> None:
        """Drops these partitions."""
        self._unsettled -= set(places)
        for topic, partitions in by_topic(places).items():
            self._topics[topic].drop(partitions)

    def _turn(self) -> None:
        try:
            polled = self._source.poll(POLL_S, MAX_POLL_RECORDS)
            self._raise_failure()
            self._buffer(polled)
            self._unsettled |= self._source.take_assigned() | polled.astray
            for unreadable in polled.unreadable:
                self._lose(unreadable)
            self._settle()
            self._probe()
            self._look_elsewhere()
            self._unreachable_since_s = None
        except Unreachable as err:
            self._wait_for_broker(err)
        self._flush_due()
        self._relieve()
        self._tell()

    def _buffer(self, polled: Polled) -> None:
        if polled.records:
            self._on_step(steps.AFTER_POLL)
        now_s = self._clock()
        for index, ((topic, partition), records) in enumerate(polled.records.items()):
            self._topics[topic].take(partition, records, now_s=now_s)
            if index == 0:
                self._on_step(steps.MID_BUFFER)
        for (topic, partition), position in polled.positions.items():
            self._topics[topic].advance(partition, position)

    def _settle(self) -> None:
        """Starts the partitions that came, or that went astray, where table and broker agree."""
        if not self._unsettled:
            return
        self._source.prove()  # an offset that is out of range may be of a topic that was created again
        bounds = self._source.bounds(self._unsettled)
        for topic, partitions in by_topic(self._unsettled).items():
            landing = self._topics[topic]
            if not self._flush(topic):
                continue  # what is buffered of a partition that went astray may exist nowhere else
            self._unsettled -= {(topic, partition) for partition in partitions}
            landing.drop(partitions)
            for partition, landed in landing.table.positions(partitions).items():
                place = (topic, partition)
                first = resume(place, landed, bounds[place])
                if isinstance(first, Lost):
                    self._lose(first)
                else:
                    landing.settle(partition, landed=landed, position=first)
                    self._source.start(place, first)

    def _lose(self, lost: Lost) -> None:
        self._source.hold([lost.place])
        if lost.place not in self.lost:
            log.error("%s. This partition stops; the others go on", lost)
        self.lost[lost.place] = lost

    def _flush_due(self) -> None:
        now_s = self._clock()
        positions_due = now_s - self._positions_s >= self._settings.position_interval_s
        full = self._is_full()
        for topic, landing in self._topics.items():
            if landing.due(now_s) or positions_due or full:
                self._flush(topic)
        if positions_due:
            self._positions_s = now_s

    def _flush(self, topic: str, lock_wait_s: float = LOCK_SLICE_S) -> bool:
        """Commits a topic's buffer; says whether that is done (also: done with, because another lander did it)."""
        landing = self._topics[topic]
        try:
            moved = landing.flush(lock_wait_s=lock_wait_s)
        except LandingConflict as err:
            log.warning("%s. Dropped %d buffered rows; going on from there", err, landing.buffered_rows)
            places = {(topic, partition) for partition in landing.drop()}
            self._source.hold(places)
            self._unsettled |= places
        except LockTimeout as err:
            self._keep_waiting(topic, err)
            return False
        else:
            self._hint({(topic, partition): position for partition, position in moved.items()})
        self._blocked_since_s.pop(topic, None)
        return True

    def _keep_waiting(self, topic: str, err: LockTimeout) -> None:
        since_s = self._blocked_since_s.setdefault(topic, self._clock())
        if self._clock() - since_s >= self._settings.lock_wait_s:
            raise LockTimeout(f"{err} (tried for {self._settings.lock_wait_s:g} s)") from err

    def _hint(self, positions: Mapping[Place, int]) -> None:
        if positions:
            self._on_step(steps.BEFORE_KAFKA_COMMIT)
            self._source.hint(positions)
            self._on_step(steps.AFTER_KAFKA_COMMIT)

    def _relieve(self) -> None:
        """Pauses all partitions while the buffers stay full, which they do only while a table's lock is held."""
        full = self._is_full()
        if full:
            self._source.hold(self._ours())
        elif self._paused:
            self._source.resume(self._ours().keys() - self.lost.keys())
        if full != self._paused:
            log.info("the buffers are full, waiting for the tables" if full else "reading again")
        self._paused = full

    def _is_full(self) -> bool:
        buffered_bytes = sum(landing.buffered_bytes for landing in self._topics.values())
        return buffered_bytes >= self._settings.max_buffered_bytes

    def _probe(self) -> None:
        if self._clock() - self._probed_s >= PROBE_INTERVAL_S:
            self._probed_s = self._clock()
            self._source.prove()

    def _wait_for_broker(self, err: BrokerError) -> None:
        now_s = self._clock()
        if self._unreachable_since_s is None:
            self._unreachable_since_s = now_s
            log.warning("%s. Waiting for them", err)
        away_s = now_s - self._unreachable_since_s
        if self._target and away_s >= self._settings.outage_wait_s:
            raise BrokerError(
                f"{err}, for {away_s:.0f} s. What was landed stays; start again when they are back"
            ) from err
        self._stop.wait(POLL_S)

    def _ours(self) -> dict[Place, int | None]:
        """The positions of the partitions that are settled."""
        return {
            (topic, partition): landing.position(partition)
            for topic, landing in self._topics.items()
            for partition in landing.partitions
        }

    def _remaining(self) -> dict[Place, int]:
        if self._target is None:
            return {}
        gaps = self._target.remaining(self._elsewhere | self._ours())
        return {place: gap for place, gap in gaps.items() if place not in self.lost}

    def _is_reached(self) -> bool:
        return self._target is not None and not self._remaining()

    def _look_elsewhere(self) -> None:
        """Where only others have a way to go, reads now and then how far they are, and whether they can go on."""
        waiting = self._remaining().keys() - self._ours().keys() - self._unsettled
        if not waiting or waiting != self._remaining().keys() or self._clock() - self._looked_s < REPORT_INTERVAL_S:
            return
        self._read_elsewhere()
        bounds = self._source.bounds(waiting)
        for place in waiting:
            if isinstance(lost := resume(place, self._elsewhere[place], bounds[place]), Lost):
                self._lose(lost)

    def _read_elsewhere(self) -> None:
        """Reads how far others have landed the partitions that are not ours."""
        self._looked_s = self._clock()
        if self._target:
            for topic, partitions in by_topic(self._target.places).items():
                theirs = partitions - self._topics[topic].partitions
                landed = self._topics[topic].table.positions(theirs)
                self._elsewhere |= {(topic, partition): position for partition, position in landed.items()}

    def _drain(self) -> None:
        """Commits all that is buffered, and all positions."""
        deadline_s = None
        for topic, landing in self._topics.items():
            while not self._flush(topic):
                if deadline_s is None and self._stop.is_set():
                    deadline_s = self._clock() + DRAIN_S
                if deadline_s is not None and self._clock() >= deadline_s:
                    rows = landing.buffered_rows
                    log.warning("%s: %d rows were read and not landed; they will be read again", topic, rows)
                    break

    def _tell(self, *, now: bool = False) -> None:
        """Reports, about once a second, as long as there is something new to say."""
        if not now and self._clock() - self._reported_s < REPORT_INTERVAL_S:
            return
        self._reported_s = self._clock()
        rows = sum(landing.rows for landing in self._topics.values())
        commits = sum(landing.commits for landing in self._topics.values())
        remaining = sum(self._remaining().values()) if self._target else None
        if now or (rows, commits, remaining) != self._told:
            self._told = (rows, commits, remaining)
            self._report(Progress(rows, commits, remaining, self._clock() - self._started_s))

    def _raise_failure(self) -> None:
        if self._failure:
            failure, self._failure = self._failure, None
            raise failure
