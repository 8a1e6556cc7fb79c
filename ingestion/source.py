"""Kafka as the lander sees it: a member of a consumer group whose records are proved before anyone gets them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from typing import Protocol

from kafka import ConsumerRebalanceListener, TopicPartition
from kafka import errors as kafka_errors
from kafka.structs import OffsetAndMetadata

from headrace.errors import BrokerError, MachineError

from .cluster import Cluster, Unreachable, replaced
from .columnar_trial import read_columns
from .consumer import connect
from .partition_rows import BatchTooLarge
from .poll_size import PollSize
from .polled import Polled
from .positions import Bounds, Lost, Place

log = logging.getLogger(__name__)

# Of a poll: some 50 ms where compiled code decodes, a quarter of a second where kafka-python does. For so long a stop
# may go unnoticed.
MOST_RECORDS, MOST_STOCK_RECORDS = 100_000, 20_000
LARGER = "Land the large batch with a larger max_batch_bytes (HEADRACE_MAX_BATCH_BYTES), given three times that memory"


class TopicReplaced(Exception):
    """A topic was deleted, or deleted and created again, while it was read. What was not yet proved is dropped."""

    def __init__(self, topics: Mapping[str, str | None]) -> None:
        super().__init__(", ".join(sorted(topics)))
        self.topics = dict(topics)  # name: new id, None while there is none


class Owner(Protocol):
    """Whoever holds what was read of the partitions. Called while nothing is being polled, and must not raise."""

    def give_up(self, places: Collection[Place]) -> None:
        """The group takes these partitions away: commit what is buffered of them now, or drop it."""

    def lose(self, places: Collection[Place]) -> None:
        """The group has taken these partitions away already: drop what is buffered of them."""


class KafkaSource:
    """One consumer in a group, for the topics and topic ids that it was given.

    Partitions come unread: whoever asks `take_assigned` starts each with `start`. Kafka's committed offsets are never
    read; `on_hint_refused` is called whenever Kafka did not take one. An answer of a broker holds `fetch_max_bytes` at
    most, or one record.

    Raises:
        MachineError: the package crc32c is missing.
        BrokerError: no broker answers within `connect_wait_s`.
        SettingsError: the address is not one.
    """

    def __init__(
        self,
        brokers: str,
        group: str,
        *,
        connect_wait_s: float,
        session_timeout_s: float,
        max_batch_bytes: int = 64 * 2**20,
        fetch_max_bytes: int = 32 * 2**20,
        columnar: bool = True,
        instance: str | None = None,
        on_hint_refused: Callable[[], None] = lambda: None,
    ) -> None:
        own = {
            "session_timeout_ms": int(session_timeout_s * 1000),
            "heartbeat_interval_ms": int(min(1.0, session_timeout_s / 4) * 1000),
            "fetch_max_bytes": fetch_max_bytes,
            "max_partition_fetch_bytes": min(fetch_max_bytes, 4 * 2**20),
            "group_instance_id": instance,
        }
        self._consumer = connect(brokers, group, connect_wait_s, own, columnar=columnar)
        is_columnar = read_columns(self._consumer, max_batch_bytes=max_batch_bytes, columnar=columnar)
        self._poll_size = PollSize(MOST_RECORDS if is_columnar else MOST_STOCK_RECORDS, fetch_max_bytes)
        self.cluster = Cluster(self._consumer, brokers)
        self._topic_ids: dict[str, str] = {}
        self._awaited: frozenset[str] = frozenset()
        self._seen: dict[Place, int] = {}
        self._unproved = Polled()
        self._assigned: set[Place] = set()
        self._hint_failed, self._on_hint_refused = False, on_hint_refused
        self.joined = False  # whether the group has given us our partitions, were it none

    def subscribe(self, topic_ids: Mapping[str, str], owner: Owner, *, awaited: Collection[str] = ()) -> None:
        """Joins the group for these topics.

        From now on `TopicReplaced` says when one of them has another id, or an awaited one has come.
        """
        self._topic_ids, self._awaited = dict(topic_ids), frozenset(awaited)
        self._consumer.subscribe(sorted(topic_ids), listener=_Listener(self, owner))
        self.cluster.refresh()

    def poll(self, timeout_s: float) -> Polled:
        """Reads on. Only records that are proved to be of the pinned topic ids are returned.

        Raises:
            TopicReplaced: a topic has another id, or is gone.
            Unreachable: records came, but no broker could be asked what they are of. The next call asks again, and
                reads nothing else until that is answered.
            BrokerError: the broker refuses for good, such as for lack of rights.
        """
        with self._answered():
            if self._unproved:
                self._stay_joined(timeout_s)
            else:
                self._unproved = self._read(timeout_s)
        if self._unproved:
            self.prove()
        polled, self._unproved = self._unproved, Polled()
        self._seen |= polled.positions
        return polled

    def prove(self) -> None:
        """Asks the leaders whether the topics still have their ids. Raises as `poll` does."""
        found = self.cluster.topic_ids(self._topic_ids.keys() | self._awaited, of=self._consumer.assignment())
        changed = replaced(self._topic_ids, found) | {topic: found[topic] for topic in self._awaited if topic in found}
        if changed:
            raise TopicReplaced(changed)

    def take_assigned(self) -> frozenset[Place]:
        """Partitions that came since the last call and wait for their `start`."""
        taken, self._assigned = frozenset(self._assigned), set()
        return taken

    def start(self, place: Place, position: int) -> None:
        """Reads a partition from `position` on."""
        self._consumer.seek(TopicPartition(*place), position)
        self._seen[place] = position
        self.resume([place])

    def hold(self, places: Iterable[Place]) -> None:
        """Stops fetching these partitions, those of them that are still ours."""
        self._consumer.pause(*(self._consumer.assignment() & {TopicPartition(*place) for place in places}))

    def resume(self, places: Iterable[Place]) -> None:
        """Fetches them again."""
        self._consumer.resume(*(self._consumer.assignment() & {TopicPartition(*place) for place in places}))

    def bounds(self, places: Collection[Place]) -> dict[Place, Bounds]:
        """See `Cluster.bounds`."""
        return self.cluster.bounds(places) if places else {}

    def hint(self, positions: Mapping[Place, int]) -> None:
        """Tells Kafka how far the group is, for lag tools; nobody resumes from it, so a failure is a warning."""
        offsets = {TopicPartition(*place): OffsetAndMetadata(position, "", -1) for place, position in positions.items()}
        self._consumer.commit_async(offsets, callback=self._hinted)

    def close(self, timeout_s: float) -> None:
        """Leaves the group; what the owner still holds of the partitions is given up first."""
        try:
            self._consumer.close(autocommit=False, timeout_ms=int(timeout_s * 1000))
        except kafka_errors.KafkaError as err:
            log.warning(
                "the group was not left in good order (%s): its other members wait for the session to expire", err
            )

    def _read(self, timeout_s: float) -> Polled:
        try:
            records = self._consumer.poll(timeout_ms=int(timeout_s * 1000), max_records=self._poll_size.records)
            self._keep_joining()
            self._poll_size.observe(chain.from_iterable(records.values()))
            return Polled(records, self._moved())
        except kafka_errors.OffsetOutOfRangeError as err:
            return self._astray(err.args[0])
        except kafka_errors.LogTruncationError as err:
            ends = err.divergent_offsets.items()
            cuts = {(place.topic, place.partition): at and int(at.offset) for place, at in ends}
            return replace(self._astray(err.divergent_offsets), cuts=cuts)
        except BatchTooLarge as err:
            self.hold([err.place])
            return Polled(unreadable=(Lost(err.place, err.offset, None, str(err), LARGER),))
        except kafka_errors.UnsupportedCodecError as err:
            raise MachineError(
                f"{err}. Records of a topic are compressed by it: pip install 'kafka-python[lz4,snappy,zstd]'"
            ) from err

    def _stay_joined(self, timeout_s: float) -> None:
        """Takes part in the group and fetches nothing: else the group waits for us while we wait for a broker."""
        self._consumer._coordinator.poll(timeout_ms=int(timeout_s * 1000))
        self._keep_joining()

    @contextmanager
    def _answered(self) -> Iterator[None]:
        """Has errors of the brokers raised as ours."""
        try:
            yield
        except kafka_errors.KafkaError as err:
            if err.retriable:
                raise Unreachable(f"the brokers at {self.cluster.brokers} do not answer ({err})") from err
            raise BrokerError(
                f"the brokers at {self.cluster.brokers} refuse to be read: {type(err).__name__}: {err}"
            ) from err

    def _keep_joining(self) -> None:
        """Mends a fault of kafka-python 3.0.12 that leaves a member outside its group for ever.

        A leader that joins again because the metadata changed, and whose poll times out before the join is complete,
        compares the metadata with those that it has just assigned by, sees no need to join, and does not go on.
        """
        coordinator = self._consumer._coordinator
        if coordinator.rejoining:
            coordinator.request_rejoin()

    def _moved(self) -> dict[Place, int]:
        """The positions that are not those of the last proved poll: they may move without records."""
        # consumer.position() may ask the broker, and raise when the records of this poll would then be gone.
        state = self._consumer._subscription
        positions = {place: state.position(place) for place in self._consumer.assignment() - self._consumer.paused()}
        return {
            (place.topic, place.partition): position.offset
            for place, position in positions.items()
            if position is not None and position.offset != self._seen.get(place)
        }

    def _astray(self, places: Iterable[TopicPartition]) -> Polled:
        astray = frozenset((place.topic, place.partition) for place in places)
        self.hold(astray)
        return Polled(astray=astray)

    def _hinted(self, offsets: object, outcome: object) -> None:
        failed = isinstance(outcome, Exception)
        if failed and not self._hint_failed:
            log.warning(
                "Kafka did not take the group's offsets (%s). Landing goes on; only lag tools are behind", outcome
            )
        if failed:
            self._on_hint_refused()
        self._hint_failed = failed


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Runs on kafka-python's own thread while ours waits in a poll, so it may neither ask brokers nor raise."""

    def __init__(self, source: KafkaSource, owner: Owner) -> None:
        self._source, self._owner = source, owner

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        # A position, else kafka-python looks for one; paused, so that nothing is read from it.
        for place in assigned:
            self._source._consumer.seek(place, 0)
        self._source._consumer.pause(*assigned)
        self._source._assigned = {(place.topic, place.partition) for place in assigned}
        self._source.joined = True

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        self._forget(revoked)
        self._owner.give_up([(place.topic, place.partition) for place in revoked])

    def on_partitions_lost(self, lost: Collection[TopicPartition]) -> None:
        self._forget(lost)
        self._owner.lose([(place.topic, place.partition) for place in lost])

    def _forget(self, places: Collection[TopicPartition]) -> None:
        self._source.joined = False
        self._source._unproved = self._source._unproved.without(places)
        for place in places:
            self._source._assigned.discard((place.topic, place.partition))
            self._source._seen.pop((place.topic, place.partition), None)
