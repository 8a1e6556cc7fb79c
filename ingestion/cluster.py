"""What the Kafka cluster says of itself: its id, its topics and their ids, the offsets that it holds.

kafka-python 3 fetches by topic name and keeps the topic ids of its last metadata. A consumer whose topic is deleted and
created again under its feet goes on at the old position, in the records of the new topic (run: it read `new100` after
`old99`). So ids are asked for anew, of the brokers that the records came from: a broker shows a new id in its metadata
before it serves a record of it, so an id that is still the old one proves what was fetched before.

The attributes with an underscore are private to kafka-python; tests/ingestion/test_kafka_contract.py holds them.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from kafka import KafkaConsumer, TopicPartition
from kafka import errors as kafka_errors
from kafka.protocol.metadata import MetadataRequest, MetadataResponse

from headrace.errors import BrokerError, near_names

from .positions import Bounds, Place

REQUEST_TIMEOUT_S = 5.0


class Unreachable(BrokerError):
    """No broker answers at present. It may later: try again, for as long as there is patience."""

    retriable = True


class Cluster:
    """Questions to the cluster that a consumer is connected to; each goes to the brokers, none to a cache."""

    def __init__(self, consumer: KafkaConsumer, brokers: str) -> None:
        self._consumer = consumer
        self._manager, self._metadata, self._net = consumer._manager, consumer._cluster, consumer._net
        # KafkaConsumer(allow_auto_create_topics=False) does not arrive at its metadata requests: a deleted topic would
        # come back, empty, because we looked for it.
        self._metadata.config["allow_auto_create_topics"] = False
        self.brokers = brokers

    def cluster_id(self) -> str:
        """The id that the cluster was formatted with.

        Raises:
            Unreachable: no broker answers.
        """
        found = self._ask([], None).cluster_id
        if not found:
            raise BrokerError(f"the brokers at {self.brokers} give no cluster id: Kafka 2.8 or newer is needed")
        return str(found)

    def topic_ids(self, topics: Collection[str], of: Iterable[Place] = ()) -> dict[str, str]:
        """The present id of each topic that exists, as Kafka's own tools write it.

        It is asked of every leader of the partitions in `of`. Where two of them differ, the id is a text that equals
        neither: the topic is just being replaced.

        Raises:
            Unreachable: one of them does not answer.
        """
        leaders = {self._metadata.leader_for_partition(TopicPartition(*place)) for place in of} - {None, -1}
        found: dict[str, set[str]] = {}
        for leader in leaders or {None}:
            for topic in self._ask(topics, leader).topics:
                if topic.error_code == kafka_errors.NoError.errno and topic.topic_id is not None:
                    found.setdefault(topic.name, set()).add(_text(topic.topic_id))
        return {name: "/".join(sorted(ids)) for name, ids in found.items()}

    def require(self, topics: Collection[str]) -> dict[str, str]:
        """The ids of topics that must exist.

        Raises:
            BrokerError: one does not; the message lists the nearest names.
        """
        ids = self.topic_ids(topics)
        missing = sorted(set(topics) - set(ids))
        if missing:
            known = [topic.name for topic in self._ask(None, None).topics if not topic.is_internal]
            raise BrokerError(
                f"there is no topic '{missing[0]}' on the brokers at {self.brokers}. "
                f"Did you mean: {near_names(missing[0], known)}?"
            )
        return ids

    def places(self, topics: Collection[str]) -> frozenset[Place]:
        """All partitions of these topics."""
        return frozenset(
            (topic.name, partition.partition_index)
            for topic in self._ask(topics, None).topics
            for partition in topic.partitions or ()
        )

    def bounds(self, places: Collection[Place]) -> dict[Place, Bounds]:
        """What each partition holds now, up to its last stable offset.

        Raises:
            Unreachable: no answer for one of them in time.
        """
        wanted = [TopicPartition(*place) for place in places]
        timeout_ms = int(REQUEST_TIMEOUT_S * 1000)
        try:
            beginnings = self._consumer.beginning_offsets(wanted, timeout_ms=timeout_ms)
            ends = self._consumer.end_offsets(wanted, timeout_ms=timeout_ms)
        except kafka_errors.KafkaError as err:
            raise self._unreachable(err) from err
        return {(place.topic, place.partition): Bounds(beginnings[place], ends[place]) for place in wanted}

    def refresh(self) -> None:
        """Has the consumer's own metadata brought up to date.

        A group leader that assigns by old metadata has the whole group join a second time as soon as it gets new ones.
        """
        try:
            self._net.run(self._manager.wait_for, self._metadata.request_update(), int(REQUEST_TIMEOUT_S * 1000))
        except kafka_errors.KafkaError as err:
            raise self._unreachable(err) from err

    def _ask(self, topics: Collection[str] | None, node: int | None) -> MetadataResponse:
        """Metadata of these topics (None: of all) from `node` (None: from any broker)."""
        wanted = (
            None if topics is None else [MetadataRequest.MetadataRequestTopic(name=topic) for topic in sorted(topics)]
        )
        request = MetadataRequest(
            topics=wanted,
            allow_auto_topic_creation=False,
            include_cluster_authorized_operations=False,
            include_topic_authorized_operations=False,
        )

        async def answer() -> MetadataResponse:
            return await self._manager.wait_for(self._manager.send(request, node), int(REQUEST_TIMEOUT_S * 1000))

        try:
            return self._net.run(answer)
        except kafka_errors.KafkaError as err:
            raise self._unreachable(err) from err

    def _unreachable(self, err: Exception) -> Unreachable:
        return Unreachable(f"the brokers at {self.brokers} do not answer ({type(err).__name__}: {err})")


def replaced(pinned: Mapping[str, str], found: Mapping[str, str]) -> dict[str, str | None]:
    """The topics whose id is no longer the pinned one, with what was found; None where the topic is gone."""
    return {topic: found.get(topic) for topic, topic_id in pinned.items() if found.get(topic) != topic_id}


def _text(topic_id: UUID) -> str:
    return base64.urlsafe_b64encode(topic_id.bytes).decode().rstrip("=")
