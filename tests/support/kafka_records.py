"""Records as kafka-python gives them, for tests that need no broker."""

from __future__ import annotations

from kafka.consumer.fetcher import ConsumerRecord


def record(
    offset: int, value: bytes | None = b"v", *, partition: int = 0, topic: str = "t", **changes
) -> ConsumerRecord:
    fields = {
        "topic": topic,
        "partition": partition,
        "leader_epoch": 0,
        "offset": offset,
        "timestamp": 1_357_035_300_000,  # 2013-01-01T10:15:00Z
        "timestamp_type": 0,
        "key": b"k",
        "value": value,
        "headers": [],
        "checksum": None,
        "serialized_key_size": 1,
        "serialized_value_size": 1,
        "serialized_header_size": -1,
    }
    return ConsumerRecord(**(fields | changes))
