"""A run of the lander: sessions, one after another, each with the topic ids that hold while it lasts."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from headrace.errors import UsageError
from headrace.gaps import Gap

from . import steps
from .acceptance import accept_gaps, refuse_unread
from .cluster import Unreachable
from .landing import Landing
from .loop import LEAVE_S, Lander
from .observer import Observer
from .positions import Bounds, Lost, Place, lost_error
from .raw_table import RawTable
from .settings import LandingResult, LandingSettings, Progress
from .shown import shown
from .source import KafkaSource, TopicReplaced
from .target import Target
from .topic_landing import TopicLanding

log = logging.getLogger(__name__)

RETRY_S = 1.0


def land(
    topics: Sequence[str],
    *,
    settings: LandingSettings,
    until_end: bool,
    stop: threading.Event | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
    on_step: steps.OnStep = steps.ignore,
) -> LandingResult:
    """Lands topics (full names) into their raw tables until `stop` is set or, with `until_end`, their end is reached.

    The end is what the topics held at the start, up to their last stable offsets. Several landers of one group share
    the partitions; each of those with `until_end` returns when all partitions are landed, whoever landed them.
    `report` is called about once a second and at the end, `on_step` at the points named in `steps`.

    While it runs it tells how it stands in the lake, and on the port of the settings, if there is one.

    Raises:
        UsageError: no topic, or a gap to accept that is none.
        BrokerError: no broker answers, or there is no such topic.
        ContractError, ForeignCluster: a raw table is not what it should be, or of another cluster.
        MachineError: a table cannot be written, such as on a full disk; the port is taken; a package is missing.
        LockTimeout: a table was held alone for longer than `lock_wait_s`.
        PositionLost: with `until_end`, and after all else was landed: the broker no longer holds what a table asks for.
    """
    if not topics:
        raise UsageError("no topic to land was given")
    refuse_unread(settings.accept_gaps, topics)
    quiet_kafka()
    started_s = time.monotonic()
    with shown(settings) as observer:
        run = _Run(
            tuple(dict.fromkeys(topics)), settings, until_end, stop or threading.Event(), report, on_step, observer
        )
        again = run.first_session()
        while again and not run.stop.is_set():
            again = run.next_session()
    if until_end and run.lost:
        raise lost_error(run.lost)
    return LandingResult(dict(run.rows), run.commits, time.monotonic() - started_s, tuple(run.lost), run.gaps)


def quiet_kafka() -> None:
    """Stops kafka-python's own log, which reports each retry as an error; ours says what a user can act on."""
    logger = logging.getLogger("kafka")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)


@dataclass
class _Run:
    topics: tuple[str, ...]
    settings: LandingSettings
    until_end: bool
    stop: threading.Event
    report: Callable[[Progress], None]
    on_step: steps.OnStep
    observer: Observer
    gaps: tuple[Gap, ...] = ()
    rows: Counter[str] = field(default_factory=Counter)
    commits: int = 0
    lost: list[Lost] = field(default_factory=list)
    _ends: dict[Place, Bounds] = field(default_factory=dict)
    _ids_of_ends: dict[str, str] = field(default_factory=dict)
    _to_accept: frozenset[Place] = field(init=False)

    def __post_init__(self) -> None:
        self._to_accept = self.settings.accept_gaps

    def first_session(self) -> bool:
        """A session with all topics, which must exist.

        A broker that answers at first and goes away before anything is read is waited for as one that does not answer
        at all: with `connect_wait_s` in all.
        """
        deadline_s = time.monotonic() + self.settings.connect_wait_s
        while not self.stop.is_set():
            try:
                with self.source(max(RETRY_S, deadline_s - time.monotonic())) as source:
                    return self.session(source, source.cluster.require(self.topics))
            except Unreachable as err:
                if time.monotonic() >= deadline_s:
                    raise
                log.warning("%s. Waiting for them", err)
            self.observer.waits()
            self.stop.wait(RETRY_S)
        return False

    def session(self, source: KafkaSource, ids: Mapping[str, str]) -> bool:
        """Lands the topics that exist; says whether another session is to follow, because one was replaced."""
        cluster_id = source.cluster.cluster_id()
        tables = {topic: RawTable.of(self.settings.lake, topic, cluster_id) for topic in ids}
        landings = {topic: self._landing(table, ids[topic]) for topic, table in tables.items()}
        self._accept(source, {topic: (tables[topic], landings[topic]) for topic in ids})
        lander = Lander(
            source,
            landings,
            self.settings,
            target=self._target(source, ids) if self.until_end else None,
            stop=self.stop,
            report=self.report,
            on_step=self._step,
            observer=self.observer,
        )
        source.subscribe(ids, lander, awaited=set(self.topics) - set(ids))
        try:
            lander.run()
        except TopicReplaced as err:
            log.info("starting anew, because of the topics %s", err)
            return True
        finally:
            self.rows.update({topic: landing.rows for topic, landing in landings.items()})
            self.commits += sum(landing.commits for landing in landings.values())
            self.lost = list(lander.lost.values())
        return False

    def next_session(self) -> bool:
        """A session after one that ended with a replaced topic: waits for the topics, and for the broker."""
        deadline_s = time.monotonic() + self.settings.connect_wait_s
        while not self.stop.is_set():
            self.observer.waits()
            try:
                with self.source(self.settings.connect_wait_s) as source:
                    late = time.monotonic() >= deadline_s
                    ids = (
                        source.cluster.require(self.topics)
                        if self.until_end and late
                        else source.cluster.topic_ids(self.topics)
                    )
                    if len(ids) == len(self.topics) or (ids and not self.until_end):
                        return self.session(source, ids)
            except Unreachable as err:
                log.warning("%s. Waiting for them", err)
            self.stop.wait(RETRY_S)
        return False

    @contextmanager
    def source(self, connect_wait_s: float) -> Iterator[KafkaSource]:
        """A new member of the group, which leaves it at the end; a broker must answer within `connect_wait_s`."""
        source = KafkaSource(
            self.settings.brokers,
            self.settings.group,
            connect_wait_s=connect_wait_s,
            session_timeout_s=self.settings.session_timeout_s,
            fetch_max_bytes=self.settings.fetch_max_bytes,
            instance=self.settings.instance,
            on_hint_refused=self.observer.tally.offset_commit_refused,
            max_batch_bytes=self.settings.max_batch_bytes,
            columnar=self.settings.columnar,
        )
        try:
            yield source
        finally:
            source.close(LEAVE_S)

    def _landing(self, table: RawTable, topic_id: str) -> TopicLanding:
        landing = Landing(
            table,
            topic_id,
            lock_wait_s=self.settings.lock_wait_s,
            durable=self.settings.durable,
            on_step=self._step,
        )
        return TopicLanding(landing, self.settings.policy)

    def _step(self, passed: str) -> None:
        self.observer.tally.step(passed)
        self.on_step(passed)

    def _accept(self, source: KafkaSource, topics: Mapping[str, tuple[RawTable, TopicLanding]]) -> None:
        """Records the gaps to accept, in the first session: later ones find no such gap any more."""
        if self._to_accept:
            self.gaps = accept_gaps(self._to_accept, source.cluster, topics, lock_wait_s=self.settings.lock_wait_s)
            self._to_accept = frozenset()

    def _target(self, source: KafkaSource, ids: Mapping[str, str]) -> Target:
        """The ends of the first session; of a topic that was replaced since, those of now."""
        new = {topic for topic, topic_id in ids.items() if self._ids_of_ends.get(topic) != topic_id}
        found = source.bounds(source.cluster.places(new)) if new else {}
        self._ids_of_ends |= {topic: ids[topic] for topic in new}
        self._ends = {place: bounds for place, bounds in self._ends.items() if place[0] not in new} | found
        return Target(self._ends)
