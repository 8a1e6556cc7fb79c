"""A topic made by hand, with what real ones have: names that are words of SQL, zones, gaps, nested fields, dirt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from kafka import KafkaProducer

EVENTS = 400
START = datetime(2024, 3, 1, 6, 0, tzinfo=UTC)
ZONES = (UTC, timezone(timedelta(hours=1)), timezone(timedelta(hours=-5)))
DIRT = {"tombstone": [None], "invalid_json": [b"{", b"{} {}", b'{"order": NaN}'], "invalid_utf8": [b"\xff\xfe"]}


@dataclass(frozen=True)
class Sent:
    """What was sent: the events, the copies of some, and the number of records that are no events, by reason."""

    events: int
    copies: int
    rejected: dict[str, int]


def reading(number: int) -> dict[str, Any]:
    """One reading of a machine. `order` counts the readings of its machine; both together tell readings apart."""
    at = (START + timedelta(seconds=37 * number)).astimezone(ZONES[number % 3])
    return {
        "machine": f"m-{number % 8}",
        "order": number // 8,
        "timestamp": at.isoformat().replace("+00:00", "Z"),
        "events": number % 5,
        "value": number if number % 4 else number / 8,  # whole numbers and others
        "level": None if number % 7 == 0 else (number % 90) / 3,
        "ok": number % 6 != 0,
        "null": "spare",
        "state": ["idle", "run", "run\nfast"][number % 3],
        "since": f"2024-02-{number % 28 + 1:02}",
        "deviceId": number,
        "place": {"hall": number % 2, "row": "a"},
        "tags": ["x"] * (number % 3),
        "mixed": number if number % 2 else "none",
        "unused": None,
        **({"note": "serviced"} if number % 50 == 0 else {}),
    }


def send_readings(address: str, topic: str) -> Sent:
    """Sends them in order of time, each stamped some seconds after it, with its machine as the key; then the dirt."""
    producer = KafkaProducer(bootstrap_servers=address, acks="all", linger_ms=20)
    copies = 0
    for number in range(EVENTS):
        document = reading(number)
        stamp_ms = int(datetime.fromisoformat(document["timestamp"]).timestamp() * 1_000) + number % 11 * 1_000
        for _ in range(2 if number % 80 == 0 else 1):
            fields = {"key": document["machine"].encode(), "timestamp_ms": stamp_ms}
            producer.send(topic, json.dumps(document).encode(), **fields)
        copies += number % 80 == 0
    for value in _dirt():
        producer.send(topic, value, key=b"m-0", timestamp_ms=int(START.timestamp() * 1_000))
    producer.close()
    return Sent(EVENTS, copies, {reason: len(values) for reason, values in DIRT.items()})


def _dirt() -> Iterator[bytes | None]:
    for values in DIRT.values():
        yield from values
