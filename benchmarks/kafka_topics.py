"""Topics to be read by benchmarks: events as JSON of a wanted size, on the embedded broker."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, cycle, islice
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from headrace.infra.local import broker
from headrace.settings import load_settings

PARTITIONS = 4
FIRST_TIME_MS = 1_700_000_000_000
DISTINCT = 20_000  # events; a batch, which is what is compressed, holds far fewer
KEYS = 1_000
BATCH_BYTES = 16 * 1024  # what Kafka's Java producer makes by default


@dataclass(frozen=True)
class Case:
    """A topic: how many messages of which size, compressed how by its producer in batches of at most how much.

    The first `distinct` events come again and again.
    """

    messages: int
    message_bytes: int
    compression: str
    batch_bytes: int = BATCH_BYTES
    distinct: int = DISTINCT

    def __str__(self) -> str:
        plain = "plain" if self.compression == "none" else self.compression
        return f"{self.message_bytes} B {plain}, batches of {self.batch_bytes // 1024} KiB"


@contextmanager
def embedded_broker(home: Path) -> Iterator[str]:
    """The address of a broker that runs as long as the context."""
    broker.start(home, load_settings().cache)
    try:
        found = broker.address(home)
        assert found is not None  # noqa: S101 - it has just started
        yield found
    finally:
        broker.stop(home)


def filled(address: str, case: Case, seed: int) -> str:
    """Makes a topic, sends the case's messages to it, evenly over its partitions, and gives its name.

    Message number n is at offset n // PARTITIONS of partition n % PARTITIONS.
    """
    topic = f"bench-{uuid.uuid4()}"
    configuration = {"retention.ms": "-1"}
    admin = AdminClient({"bootstrap.servers": address})
    made = admin.create_topics([NewTopic(topic, PARTITIONS, 1, config=configuration)])
    made[topic].result(30)
    producer = Producer(
        {
            "bootstrap.servers": address,
            "compression.type": case.compression,
            "batch.size": case.batch_bytes,
            "linger.ms": 100,
            "enable.idempotence": True,
            "queue.buffering.max.messages": 100_000,
        }
    )
    for number, event in enumerate(events(case, seed)):
        while True:
            try:
                producer.produce(
                    topic,
                    event,
                    key=key(number),
                    partition=number % PARTITIONS,
                    timestamp=FIRST_TIME_MS + number,
                    headers=[("trace", b"%d" % number)] if number % 1_000 == 0 else None,
                )
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    producer.flush(60)
    return topic


def events(case: Case, seed: int) -> Iterator[bytes]:
    """JSON documents of exactly the case's size that compress as such events do."""
    distinct = list(islice(_distinct(case, seed), min(case.distinct, case.messages)))
    return islice(cycle(distinct), case.messages)


def key(number: int) -> bytes:
    """The key of message number `number`."""
    return b"%d" % (number % KEYS)


def _distinct(case: Case, seed: int) -> Iterator[bytes]:
    chance = random.Random(seed)  # noqa: S311 - protects nothing
    words = [f"{chance.getrandbits(32):x}" for _ in range(2_000)]
    for number in count():
        event = {
            "event_id": f"{chance.getrandbits(128):032x}",
            "user_id": chance.randrange(100_000),
            "kind": chance.choice(("view", "click", "purchase", "cart")),
            "time_ms": FIRST_TIME_MS + number,
            "price": round(chance.random() * 500, 2),
            "text": "",
        }
        room = case.message_bytes - len(json.dumps(event))
        text = " ".join(chance.choice(words) for _ in range(room // 8 + 2))[:room]
        yield json.dumps(event | {"text": text}).encode()
