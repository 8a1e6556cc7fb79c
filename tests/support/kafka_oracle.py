"""Topics and raw tables seen independently, for audits: by a plain consumer and by SQL, with no code of ours."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder
from kafka import KafkaConsumer, TopicPartition

Fingerprints = Counter[tuple[int, int, str]]  # (partition, offset, sha256 of the value or "null")


def query(table: Path, sql: str) -> list[dict[str, object]]:
    """The rows of a query over a Delta table, which it calls `t`."""
    reader = QueryBuilder().register("t", DeltaTable(str(table))).execute(sql)
    return pa.table(reader.read_all()).to_pylist()


def fingerprint(value: bytes | None) -> str:
    return "null" if value is None else hashlib.sha256(value).hexdigest()


def in_topic(address: str, topic: str) -> Fingerprints:
    """Every committed record that the topic holds now."""
    consumer = KafkaConsumer(
        bootstrap_servers=address, group_id=None, enable_auto_commit=False, isolation_level="read_committed"
    )
    try:
        places = [TopicPartition(topic, partition) for partition in consumer.partitions_for_topic(topic)]
        consumer.assign(places)
        consumer.seek_to_beginning()
        ends = consumer.end_offsets(places)
        found: Fingerprints = Counter()
        while any(consumer.position(place) < end for place, end in ends.items()):
            for place, records in consumer.poll(500, max_records=50_000).items():
                found.update((place.partition, record.offset, fingerprint(record.value)) for record in records)
        return found
    finally:
        consumer.close()


def in_raw(table: Path, generation: int = 0) -> Fingerprints:
    """Every row of a raw table that is of one generation."""
    rows = query(table, f"select _partition, _offset, value from t where _generation = {generation}")
    return Counter((row["_partition"], row["_offset"], fingerprint(row["value"])) for row in rows)


@dataclass(frozen=True)
class Comparison:
    """What a raw table has of what a topic held. All zero but `records` when all is well."""

    records: int
    lost: int  # positions of the topic that raw has not
    doubled: int  # rows beyond the first of their position
    altered: int  # positions whose bytes differ
    invented: int  # positions that the topic has not

    @classmethod
    def of(cls, topic: Fingerprints, raw: Fingerprints) -> Comparison:
        there = {(partition, offset): text for partition, offset, text in topic}
        here = {(partition, offset): text for partition, offset, text in raw}
        return cls(
            records=len(there),
            lost=len(there.keys() - here.keys()),
            doubled=raw.total() - len(here),
            altered=sum(1 for place, text in here.items() if there.get(place, text) != text),
            invented=len(here.keys() - there.keys()),
        )

    @property
    def is_clean(self) -> bool:
        return (self.lost, self.doubled, self.altered, self.invented) == (0, 0, 0, 0)
