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
from .flush import FlushReason
from .goal import Goal
from .observer import Conditions, Observer
from .polled import Polled
from .positions import Lost, Place, by_topic
from .settings import LandingSettings, Progress
from .source import KafkaSource
from .stopped import Stopped
from .tally import Rebalance, Trouble
from .target import Target
from .topic_landing import TopicLanding, positions_of

log = logging.getLogger(__name__)

POLL_S = 0.2
LOCK_SLICE_S = 0.2  # how long one turn waits for a table's lock
PROBE_INTERVAL_S = 3.0  # how often a quiet run looks whether its topics are still the same
REPORT_INTERVAL_S = 1.0
DRAIN_S = 4.0  # of the 10 s that a stop may take; leaving the group takes the rest
LEAVE_S = 3.0
COMPLAINT_INTERVAL_S = 10.0  # between two words on brokers that do not answer


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
        observer: Observer | None = None,
    ) -> None:
        self._source, self._topics, self._settings = source, topics, settings
        self._stop = stop
        self._report, self._on_step, self._clock = report, on_step, clock
        self._unsettled: set[Place] = set()
        self._failure: HeadraceError | None = None  # raised in the listener's thread, told in ours
        self._blocked_since_s: dict[str, float] = {}
        self._unreachable_since_s: float | None = None
        self._complained_s = 0.0  # only of use while no broker answers
        self._paused = False
        self._told: tuple[int, int, int | None] | None = None
        self._started_s = self._reported_s = self._probed_s = self._positions_s = clock()
        self._stopped = Stopped(self._started_s)
        self._goal = Goal(target, source, topics, self._stopped, clock)
        self._observer = observer or Observer()

    @property
    def lost(self) -> dict[Place, Lost]:
        """The partitions that stopped, ours or not, because the broker no longer holds what their table asks for."""
        return self._stopped.lost

    def run(self) -> None:
        """Lands until there is an end to it. Everything read and proved is committed when this returns or raises.

        Raises:
            TopicReplaced: a topic has a new id, or none; start a new session.
            BrokerError: a broker refuses, or is away for longer than allowed where the run is to end by itself.
            LockTimeout: a table's lock was held for longer than allowed.
            MachineError, ContractError: a table cannot be written.
        """
        self._goal.read_elsewhere()
        try:
            while not self._stop.is_set() and not self._goal.is_reached:
                self._turn()
                if self._goal.is_reached:
                    self._drain()  # and if another lander was there first, there is more to do
        finally:
            self._drain()
            self._tell(now=True)

    def give_up(self, places: Collection[Place]) -> None:
        """Commits what is buffered of these partitions, if that is possible now, and drops them."""
        self._leave(places, Rebalance.REVOKED)
        for topic, partitions in by_topic(places).items():
            landing = self._topics[topic]
            if landing.partitions & partitions:
                self._on_step(steps.IN_REVOCATION)
                try:
                    self._commit(topic, FlushReason.REVOKED)
                except (LandingConflict, LockTimeout) as err:
                    log.info("%s: dropped %d buffered rows, to be read again: %s", topic, landing.buffered_rows, err)
                except HeadraceError as err:
                    self._failure = err
            landing.drop(partitions)

    def lose(self, places: Collection[Place]) -> None:
        """Drops these partitions."""
        self._leave(places, Rebalance.LOST)
        for topic, partitions in by_topic(places).items():
            self._topics[topic].drop(partitions)

    def _leave(self, places: Collection[Place], how: Rebalance) -> None:
        self._unsettled -= set(places)
        self._stopped.forget(places)
        self._observer.tally.rebalances[how] += 1

    def _turn(self) -> None:
        try:
            polled = self._source.poll(POLL_S)
            self._raise_failure()
            self._buffer(polled)
            self._receive(polled)
            self._settle()
            self._probe()
            self._goal.look_elsewhere(self._unsettled)
            self._observer.ask_bounds(self._source, self._topics, self._stopped)
        except Unreachable as err:
            self._wait_for_broker(err)
        self._flush_due()
        self._relieve()
        self._tell()
        self._observer.turned(self._topics, self._stopped, self._conditions())

    def _conditions(self) -> Conditions:
        return Conditions(
            joined=self._source.joined,
            broker_away=self._unreachable_since_s is not None,
            waits_for_table=bool(self._blocked_since_s),
            paused=self._paused,
            unsettled=self._unsettled,
        )

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

    def _receive(self, polled: Polled) -> None:
        """Notes the partitions that came, and those that went astray."""
        if assigned := self._source.take_assigned():
            self._observer.tally.rebalances[Rebalance.ASSIGNED] += 1
        self._stopped.note_cuts(polled.cuts)
        for unreadable in polled.unreadable:
            self._stopped.stop(unreadable)
        self._unsettled |= assigned | polled.astray | self._stopped.due(self._clock())

    def _settle(self) -> None:
        """Starts the partitions that came, or that went astray, where table and broker agree."""
        if not self._unsettled:
            return
        self._source.prove()  # an offset that is out of range may be of a topic that was created again
        bounds = self._source.bounds(self._unsettled)
        for topic, partitions in by_topic(self._unsettled).items():
            landing = self._topics[topic]
            if not self._flush(topic, FlushReason.START):
                continue  # what is buffered of a partition that went astray may exist nowhere else
            self._unsettled -= {(topic, partition) for partition in partitions}
            landing.drop(partitions)
            for partition, landed in landing.table.positions(partitions).items():
                place = (topic, partition)
                first = self._stopped.judge(place, landed, bounds[place], landing.table.gaps)
                if isinstance(first, int):
                    landing.settle(partition, landed=landed, position=first)
                    self._source.start(place, first)
                    continue
                self._source.hold([place])
                if isinstance(first, Lost):
                    self._stopped.stop(first)

    def _flush_due(self) -> None:
        now_s = self._clock()
        positions_due = now_s - self._positions_s >= self._settings.position_interval_s
        other = FlushReason.MEMORY if self._is_full() else FlushReason.POSITIONS if positions_due else None
        for topic, landing in self._topics.items():
            if reason := landing.due(now_s) or other:
                self._flush(topic, reason)
        if positions_due:
            self._positions_s = now_s

    def _flush(self, topic: str, reason: FlushReason) -> bool:
        """Commits a topic's buffer; says whether that is done (also: done with, because another lander did it)."""
        landing = self._topics[topic]
        try:
            moved = self._commit(topic, reason)
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

    def _commit(self, topic: str, reason: FlushReason) -> dict[int, int]:
        landing = self._topics[topic]
        with self._observer.committing(topic, landing, reason):
            return landing.flush(lock_wait_s=LOCK_SLICE_S)

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
            self._source.hold(positions_of(self._topics))
        elif self._paused:
            self._source.resume(positions_of(self._topics).keys() - self.lost.keys())
        if full != self._paused:
            log.info("the buffers are full, waiting for the tables" if full else "reading again")
        self._paused = full

    def _is_full(self) -> bool:
        buffered_bytes = sum(landing.buffered_bytes for landing in self._topics.values())
        return buffered_bytes >= self._settings.full_at_bytes

    def _probe(self) -> None:
        """Looks now and then, and at every turn while no broker answers, whether the topics are still the same."""
        if self._unreachable_since_s is not None or self._clock() - self._probed_s >= PROBE_INTERVAL_S:
            self._probed_s = self._clock()
            self._source.prove()
            self._unreachable_since_s = None

    def _wait_for_broker(self, err: BrokerError) -> None:
        now_s = self._clock()
        if self._unreachable_since_s is None:
            self._unreachable_since_s = self._complained_s = now_s
            self._observer.tally.troubles[Trouble.BROKER_AWAY] += 1
            log.warning("%s. Waiting for them", err)
        away_s = now_s - self._unreachable_since_s
        if now_s - self._complained_s >= COMPLAINT_INTERVAL_S:
            self._complained_s = now_s
            log.warning("%s, for %.0f s. Still waiting for them", err, away_s)
        if self._goal.is_set and away_s >= self._settings.outage_wait_s:
            raise BrokerError(
                f"{err}, for {away_s:.0f} s. What was landed stays; start again when they are back"
            ) from err
        self._stop.wait(POLL_S)

    def _drain(self) -> None:
        """Commits all that is buffered, and all positions."""
        deadline_s = None
        for topic, landing in self._topics.items():
            while not self._flush(topic, FlushReason.STOP):
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
        remaining = sum(self._goal.remaining().values()) if self._goal.is_set else None
        if now or (rows, commits, remaining) != self._told:
            self._told = (rows, commits, remaining)
            self._report(Progress(rows, commits, remaining, self._clock() - self._started_s))

    def _raise_failure(self) -> None:
        if self._failure:
            failure, self._failure = self._failure, None
            raise failure
