"""CPU per message of consuming from a real broker: by columns, by kafka-python and by confluent-kafka.

`make bench BENCH=kafka_fetch`. Each reader gives all it has read first, to be compared; then each reads the topic
again, in turns and several times, and the CPU of the whole process (all threads; the broker is another one) counts.
Every reader has the same sizes of fetches, CRC checks, and adds up the bytes of the values that it was given.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import importlib.metadata
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import Consumer
from confluent_kafka import TopicPartition as ConfluentPartition
from kafka import KafkaConsumer, TopicPartition
from kafka_topics import BATCH_BYTES, PARTITIONS, Case, embedded_broker, filled

from headrace.ingestion.columnar_trial import net_client, read_columns
from headrace.ingestion.source import MOST_RECORDS, MOST_STOCK_RECORDS

PARTITION_BYTES, FETCH_BYTES = 4 * 2**20, 32 * 2**20
CPU_PER_MESSAGE_US = 1e6

Row = tuple[int, int, int, bytes | None, bytes | None, tuple[tuple[str, bytes | None], ...]]


@dataclass(frozen=True)
class Reader:
    """A way to consume: `batches` gives what a poll gives, `count` messages and bytes, and `rows` all that is in it."""

    name: str
    batches: Callable[[str, str], Iterator[Any]]
    count: Callable[[Any], tuple[int, int]]
    rows: Callable[[Any], Iterator[Row]]


def kafka_python(address: str, topic: str, *, columnar: bool = False) -> Iterator[Any]:
    """Polls of kafka-python 3, of as many records as the lander asks for, which is what is best for each."""
    consumer = KafkaConsumer(
        bootstrap_servers=address,
        group_id=None,
        auto_offset_reset="none",
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_partition_fetch_bytes=PARTITION_BYTES,
        fetch_max_bytes=FETCH_BYTES,
        max_poll_records=MOST_RECORDS if columnar else MOST_STOCK_RECORDS,
        metrics_enabled=False,
        **({"kafka_client": net_client} if columnar else {}),
    )
    try:
        if columnar:
            read_columns(consumer, max_batch_bytes=64 * 2**20)
        places = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        consumer.assign(places)
        for place in places:
            consumer.seek(place, 0)
        while True:
            yield from consumer.poll(1_000).items()
    finally:
        consumer.close()


def columns(address: str, topic: str) -> Iterator[Any]:
    """Polls of kafka-python's consumer, read by columns."""
    return kafka_python(address, topic, columnar=True)


def confluent(address: str, topic: str) -> Iterator[Any]:
    """Lists of messages from librdkafka, at the settings that are best for it."""
    consumer = Consumer(
        {
            "bootstrap.servers": address,
            "group.id": "bench",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "check.crcs": True,
            "fetch.message.max.bytes": PARTITION_BYTES,
            "fetch.max.bytes": FETCH_BYTES,
            "queued.max.messages.kbytes": 256 * 1024,
        }
    )
    try:
        consumer.assign([ConfluentPartition(topic, partition, 0) for partition in range(PARTITIONS)])
        while True:
            yield consumer.consume(10_000, 0.5)
    finally:
        consumer.close()


def column_rows(polled: tuple[TopicPartition, list[pa.RecordBatch]]) -> Iterator[Row]:
    """What one partition of a poll by columns holds."""
    for batch in polled[1]:
        for row in batch.to_pylist():
            headers = tuple((header["key"], header["value"]) for header in row["headers"])
            time_ms = round(row["timestamp"].timestamp() * 1000)
            yield row["_partition"], row["_offset"], time_ms, row["key"], row["value"], headers


def record_rows(polled: tuple[TopicPartition, list[Any]]) -> Iterator[Row]:
    """What one partition of kafka-python's poll holds."""
    for each in polled[1]:
        yield each.partition, each.offset, each.timestamp, each.key, each.value, tuple(each.headers)


def message_rows(messages: list[Any]) -> Iterator[Row]:
    """What messages of confluent-kafka hold."""
    for each in messages:
        headers = tuple(each.headers() or ())
        yield each.partition(), each.offset(), each.timestamp()[1], each.key(), each.value(), headers


def column_count(polled: tuple[TopicPartition, list[pa.RecordBatch]]) -> tuple[int, int]:
    """Messages and bytes of their values, by Arrow."""
    values = [batch.column("value") for batch in polled[1]]
    return sum(map(len, values)), sum(pc.sum(pc.binary_length(each)).as_py() for each in values)


READERS = (
    Reader("headrace", columns, column_count, column_rows),
    Reader(
        "kafka-python",
        kafka_python,
        lambda polled: (len(polled[1]), sum(len(each.value) for each in polled[1])),
        record_rows,
    ),
    Reader(
        "confluent-kafka",
        confluent,
        lambda messages: (len(messages), sum(len(each.value()) for each in messages)),
        message_rows,
    ),
)


def answer(reader: Reader, address: str, topic: str, messages: int) -> str:
    """A checksum over all fields of all messages, of each partition in the order in which they came."""
    digests, found = [hashlib.sha256() for _ in range(PARTITIONS)], 0
    for polled in reader.batches(address, topic):
        for row in reader.rows(polled):
            digests[row[0]].update(repr(row).encode())
            found += 1
        if found >= messages:
            break
    together = hashlib.sha256(b"".join(digest.digest() for digest in digests))
    return f"{found} messages, sha256 {together.hexdigest()}"


def cpu_us(reader: Reader, address: str, topic: str, messages: int) -> float:
    """CPU of this process for reading the whole topic once, in microseconds a message; connecting included."""
    gc.collect()
    read = size_bytes = 0
    started_s = time.process_time()
    for polled in reader.batches(address, topic):
        count, size = reader.count(polled)
        read, size_bytes = read + count, size_bytes + size
        if read >= messages:
            break
    used_s = time.process_time() - started_s
    if not size_bytes:
        raise SystemExit(f"{reader.name} has read nothing")
    return used_s / messages * CPU_PER_MESSAGE_US


def measure(address: str, case: Case, rounds: int, seed: int) -> dict[str, Any]:
    """One case: answers compared, then the best of several rounds of each reader, in turns."""
    topic = filled(address, case, seed)
    answers = {reader.name: answer(reader, address, topic, case.messages) for reader in READERS}
    if len(set(answers.values())) != 1:
        raise SystemExit(f"{case}: the readers differ: {answers}")
    times: dict[str, list[float]] = {reader.name: [] for reader in READERS}
    for _ in range(rounds):
        for reader in READERS:
            times[reader.name].append(cpu_us(reader, address, topic, case.messages))
    best = {name: min(each) for name, each in times.items()}
    ours = best["headrace"]
    return {
        "name": f"kafka_fetch: {case}",
        "unit": "CPU us a message",
        **{name: round(each, 3) for name, each in best.items()},
        "ratio to kafka-python": round(best["kafka-python"] / ours, 2),
        "ratio to confluent-kafka": round(best["confluent-kafka"] / ours, 2),
        "n": case.messages,
        "rounds": rounds,
        "answer": answers["headrace"],
        "seed": seed,
    }


def versions() -> dict[str, str]:
    """Of what was measured, and of what it ran on."""
    packages = ("headrace", "kafka-python", "crc32c", "confluent-kafka", "pyarrow", "numba", "numpy")
    return {name: importlib.metadata.version(name) for name in packages} | {"python": platform.python_version()}


def main() -> int:
    """Prints one JSON line a case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bytes", type=int, nargs="+", default=[200, 1_000], help="sizes of a message")
    parser.add_argument("--compression", nargs="+", default=["none", "lz4"])
    parser.add_argument("--batch-bytes", type=int, nargs="+", default=[BATCH_BYTES])
    parser.add_argument("--megabytes", type=int, default=400, help="values in a topic, together")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, embedded_broker(Path(home)) as address:
        for batch_bytes in options.batch_bytes:
            for message_bytes in options.bytes:
                for compression in options.compression:
                    messages = options.megabytes * 1_000_000 // message_bytes
                    case = Case(messages, message_bytes, compression, batch_bytes)
                    result = measure(address, case, options.rounds, options.seed)
                    print(json.dumps(result | {"versions": versions()}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
