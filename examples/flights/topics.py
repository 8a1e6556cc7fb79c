"""The topics of a replay on the cluster: their identity, their making, and what is in them beyond the journal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from headrace.errors import BrokerError

ANSWER_WITHIN_MS = 10_000
READ_WITHIN_MS = 30_000

# Records stamped 2013 are older than any retention: without this the broker deletes them within minutes.
TOPIC_CONFIGURATION = {"retention.ms": "-1", "message.timestamp.type": "CreateTime"}


@dataclass(frozen=True)
class Cluster:
    """What a cluster says of itself and of the topics asked for; a topic that it lacks is in neither mapping."""

    cluster_id: str
    topic_ids: Mapping[str, str]
    partitions: Mapping[str, int]


class FoundRecord(NamedTuple):
    """A record as a topic holds it."""

    offset: int
    stamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


@contextmanager
def broker_errors(brokers: str) -> Iterator[None]:
    """Turns what kafka-python raises into a `BrokerError` that says what to do."""
    try:
        yield
    except KafkaError as err:
        problem = str(err) or type(err).__name__
        raise BrokerError(
            f"the Kafka cluster at {brokers} did not do what was asked: {problem}. "
            "Is it running? `headrace status` says so, and `headrace up` starts the embedded one"
        ) from err


def describe(brokers: str, topics: Sequence[str]) -> Cluster:
    """Asks the cluster for its id and for the ids and partition counts of `topics`.

    Raises:
        BrokerError: no answer within 10 s.
    """
    with broker_errors(brokers), closing(_admin(brokers)) as admin:
        cluster_id = admin.describe_cluster()["cluster_id"]
        found = [topic for topic in admin.describe_topics(list(topics)) if topic["error_code"] == 0]
    return Cluster(
        cluster_id,
        {topic["name"]: str(topic["topic_id"]) for topic in found},
        {topic["name"]: len(topic["partitions"]) for topic in found},
    )


def create(brokers: str, topics: Sequence[str], partitions: int) -> None:
    """Creates topics that keep their records for ever, and waits until they can be written.

    Raises:
        BrokerError: the cluster did not make them.
    """
    wanted = {"num_partitions": partitions, "configs": TOPIC_CONFIGURATION}
    with broker_errors(brokers), closing(_admin(brokers)) as admin:
        admin.create_topics({topic: wanted for topic in topics}, wait_for_metadata=True)


def end_positions(brokers: str, topics: Mapping[str, int]) -> dict[tuple[str, int], int]:
    """The position after the last record of each partition; `topics` gives the number of partitions by name."""
    partitions = [TopicPartition(topic, number) for topic, count in topics.items() for number in range(count)]
    with broker_errors(brokers), closing(_consumer(brokers)) as consumer:
        ends = consumer.end_offsets(partitions)
    return {(partition.topic, partition.partition): end for partition, end in ends.items()}


def read(brokers: str, topic: str, partition: int, *, start: int, end: int) -> Iterator[FoundRecord]:
    """The records of one partition at positions `start` to before `end`, in order.

    Raises:
        BrokerError: the cluster no longer has them, or delivers nothing for 30 s.
    """
    assigned = TopicPartition(topic, partition)
    with broker_errors(brokers), closing(_consumer(brokers)) as consumer:
        consumer.assign([assigned])
        consumer.seek(assigned, start)
        while consumer.position(assigned) < end:
            polled = consumer.poll(timeout_ms=READ_WITHIN_MS, max_records=10_000)
            if not polled:
                raise BrokerError(
                    f"{topic}[{partition}]: nothing came within 30 s at {consumer.position(assigned)} of {end}"
                )
            for record in polled[assigned]:
                yield FoundRecord(record.offset, record.timestamp, record.key, record.value, record.headers)


def _admin(brokers: str) -> KafkaAdminClient:
    return KafkaAdminClient(bootstrap_servers=brokers.split(","), bootstrap_timeout_ms=ANSWER_WITHIN_MS)


def _consumer(brokers: str) -> KafkaConsumer:
    return KafkaConsumer(
        bootstrap_servers=brokers.split(","),
        bootstrap_timeout_ms=ANSWER_WITHIN_MS,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
    )
