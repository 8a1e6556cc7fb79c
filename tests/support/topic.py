"""A topic of a test on a real broker, and the lake that it is landed into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError

from headrace import tables
from headrace.ingestion import FlushPolicy, LandingResult, LandingSettings, land

from .eventually import eventually
from .kafka_oracle import Comparison, in_raw, in_topic, query


@dataclass
class Topic:
    """A topic of a test on the real broker, and the lake that it is landed into."""

    name: str
    address: str
    lake: Path

    def create(self, partitions: int = 1, **settings: str) -> Topic:
        with self.admin() as admin:
            topic = NewTopic(
                self.name, partitions, 1, topic_configs={k.replace("_", "."): v for k, v in settings.items()}
            )
            admin.create_topics([topic])
            admin.wait_for_topics([self.name])
        return self

    def delete(self) -> None:
        with self.admin() as admin:
            admin.delete_topics([self.name])

    def recreate(self, partitions: int = 1) -> None:
        """Deletes the topic if it is there, and creates it again as soon as that is through."""
        with suppress(UnknownTopicOrPartitionError):
            self.delete()

        def created() -> bool:
            try:
                self.create(partitions)
            except TopicAlreadyExistsError:
                return False
            return True

        eventually(created)

    @contextmanager
    def admin(self) -> Iterator[KafkaAdminClient]:
        admin = KafkaAdminClient(bootstrap_servers=self.address)
        try:
            yield admin
        finally:
            admin.close()

    def send(self, *values: bytes | None, partition: int = 0, **fields: object) -> None:
        """Sends values, each acknowledged before this returns."""
        producer = KafkaProducer(bootstrap_servers=self.address, acks="all", linger_ms=5)
        try:
            sent = [producer.send(self.name, value, partition=partition, **fields) for value in values]
            for promise in sent:
                promise.get(timeout=30)
        finally:
            producer.close()

    def settings(self, **changes: object) -> LandingSettings:
        given = {"policy": FlushPolicy(max_rows=500), "session_timeout_s": 6.0, "connect_wait_s": 5.0} | changes
        return LandingSettings(brokers=self.address, lake=self.lake, **given)

    def land(self, on_step=lambda step: None, **changes: object) -> LandingResult:
        """Lands to the end."""
        return land([self.name], settings=self.settings(**changes), until_end=True, on_step=on_step)

    def query(self, sql: str) -> list[dict[str, object]]:
        return query(self.table, sql)

    @property
    def table(self) -> Path:
        return tables.raw_table(self.lake, self.name)

    @property
    def is_made(self) -> bool:
        """Whether the raw table can be read: its folder is there a moment before its first log entry."""
        return any(self.table.glob("_delta_log/*.json"))

    def values(self) -> list[bytes | None]:
        """The landed values of all generations and partitions, in order."""
        return [row["value"] for row in self.query("select value from t order by _generation, _partition, _offset")]

    def count(self) -> int:
        """How many rows have landed."""
        return int(str(self.query("select count(*) as n from t")[0]["n"])) if self.is_made else 0

    def comparison(self, generation: int = 0) -> Comparison:
        """Raw against what an independent reader finds in the topic now."""
        return Comparison.of(in_topic(self.address, self.name), in_raw(self.table, generation))
