"""A sample of topics: records from the beginning, the middle and the end of their partitions. No group, no commits."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from kafka import KafkaConsumer, TopicPartition
from kafka import errors as kafka_errors

from headrace.draft import SampledRecord, TopicSample
from headrace.errors import BrokerError, MachineError
from headrace.tables import OFFSET

from .cluster import Cluster
from .columnar_trial import read_columns
from .consumer import connect
from .partition_rows import BatchTooLarge
from .positions import Bounds, Place
from .session import quiet_kafka
from .source import LARGER

PARTS = 3  # of each partition: its beginning, its middle and its end
MAX_BYTES = 16 * 2**20  # of keys and values, of one topic
CONNECT_WAIT_S = 10.0
PATIENCE_S = 60.0  # for a broker that gives neither records nor a further position
POLL_S = 0.5
CLOSE_MS = 1_000
RECORDS_A_POLL = 1_000
FETCHES = {"client_id": "headrace-sample", "fetch_max_bytes": 4 * 2**20, "max_partition_fetch_bytes": 2**20}


@dataclass
class Part:
    """A part of one partition, positions `[start, stop)`, of which so many records and bytes at most are read."""

    place: Place
    start: int
    stop: int
    records: int
    bytes: int
    taken: list[SampledRecord] = field(default_factory=list)

    def take(self, batch: pa.RecordBatch) -> None:
        """Takes the records of a batch, in offset order, as long as there is room."""
        columns = (batch.column(OFFSET), batch.column("timestamp").cast(pa.int64()), batch.column("key"))
        rows = zip(*(each.to_pylist() for each in (*columns, batch.column("value"))), strict=True)
        for offset, timestamp_us, key, value in rows:
            if self.is_full or offset >= self.stop:
                break
            self.taken.append(SampledRecord(self.place[1], offset, timestamp_us, key, value))
            self.bytes -= len(key or b"") + len(value or b"")

    @property
    def is_full(self) -> bool:
        """Whether nothing more is to be taken."""
        return len(self.taken) >= self.records or self.bytes <= 0


def sample_topics(
    topics: Mapping[str, str], brokers: str, *, records: int, max_batch_bytes: int = 64 * 2**20
) -> list[TopicSample]:
    """Reads about `records` records, and at most about 16 MiB, of each topic (its name in the file: its full name).

    They are spread over the partitions, and in each over its beginning, middle and end; a partition that holds no more
    is read whole. Aborted records are not read. Joins no group and leaves no trace on the cluster.

    Raises:
        SettingsError: the address of the brokers is none.
        MachineError: a package is missing, or a batch is larger than `max_batch_bytes` when it is decompressed.
        BrokerError: no broker answers, there is no such topic, or it may not be read.
    """
    quiet_kafka()
    with _consumer(brokers, max_batch_bytes) as consumer:
        cluster = Cluster(consumer, brokers)
        cluster.require(list(topics.values()))
        bounds = {topic: cluster.bounds(cluster.places([topic])) for topic in topics.values()}
    return [_sample(brokers, max_batch_bytes, name, topic, bounds[topic], records) for name, topic in topics.items()]


def parts_of(bounds: Mapping[Place, Bounds], records: int, max_bytes: int) -> list[list[Part]]:
    """The parts to read of each partition that holds anything: the beginning of all, then the middle, then the end.

    Where there are more partitions than thirds of `records`, some of them stand for all.
    """
    held = sorted(place for place, bound in bounds.items() if bound.end > bound.beginning)
    chosen = held[:: -(-len(held) // max(records // PARTS, 1))] if held else []
    if not chosen:
        return []
    share, bytes_each = max(records // len(chosen) // PARTS, 1), max(max_bytes // len(chosen) // PARTS, 1)
    rounds = [
        [part for place in chosen if (part := _part(place, bounds[place], share, bytes_each, number))]
        for number in range(PARTS)
    ]
    return [parts for parts in rounds if parts]


def _part(place: Place, bounds: Bounds, share: int, bytes_each: int, number: int) -> Part | None:
    begin, end = bounds.beginning, bounds.end
    if end - begin <= PARTS * share:
        return Part(place, begin, end, PARTS * share, PARTS * bytes_each) if number == 0 else None
    starts = (begin, begin + (end - begin - share) // 2, end - share, end)
    return Part(place, starts[number], starts[number + 1], share, bytes_each)


def _sample(
    brokers: str, max_batch_bytes: int, name: str, topic: str, bounds: Mapping[Place, Bounds], records: int
) -> TopicSample:
    parts = parts_of(bounds, records, MAX_BYTES)
    for round_of_parts in parts:  # each by a consumer of its own: what one has fetched ahead is in nobody's way
        with _consumer(brokers, max_batch_bytes) as consumer:
            _read(consumer, brokers, round_of_parts)
    taken = sorted(
        (record for those in parts for part in those for record in part.taken), key=lambda r: (r.partition, r.offset)
    )
    return TopicSample(name, taken, sum(bound.end - bound.beginning for bound in bounds.values()), len(bounds))


def _read(consumer: KafkaConsumer, brokers: str, parts: Sequence[Part]) -> None:
    """Fills these parts, which are of different partitions."""
    going_on = {TopicPartition(*part.place): part for part in parts}
    consumer.assign(list(going_on))
    for place, part in going_on.items():
        consumer.seek(place, part.start)
    last_s, positions = time.monotonic(), {place: part.start for place, part in going_on.items()}
    while going_on:
        for place, batches in _poll(consumer, brokers).items():
            for batch in batches if place in going_on else ():
                going_on[place].take(batch)
        now = {place: _position(consumer, place) for place in going_on}
        if now != {place: positions[place] for place in now}:
            last_s, positions = time.monotonic(), positions | now
        elif time.monotonic() - last_s > PATIENCE_S:
            raise BrokerError(
                f"the brokers at {brokers} gave nothing of {next(iter(going_on)).topic} for {PATIENCE_S:.0f} s. "
                "Look at `headrace status`, and try again"
            )
        done = [place for place, part in going_on.items() if part.is_full or now[place] >= part.stop]
        consumer.pause(*done)
        going_on = {place: part for place, part in going_on.items() if place not in done}


def _poll(consumer: KafkaConsumer, brokers: str) -> Mapping[TopicPartition, Any]:
    try:
        found: Mapping[TopicPartition, Any] = consumer.poll(int(POLL_S * 1000), max_records=RECORDS_A_POLL)
        return found
    except (kafka_errors.OffsetOutOfRangeError, kafka_errors.LogTruncationError) as err:
        raise BrokerError(f"records were deleted while they were sampled ({err}). Try again") from err
    except BatchTooLarge as err:
        raise MachineError(f"{err}. {LARGER}") from err
    except kafka_errors.UnsupportedCodecError as err:
        raise MachineError(f"{err}. Install the codec: pip install 'kafka-python[lz4,snappy,zstd]'") from err
    except kafka_errors.KafkaError as err:
        if err.retriable:
            return {}
        raise BrokerError(f"the brokers at {brokers} refuse to be read: {type(err).__name__}: {err}") from err


def _position(consumer: KafkaConsumer, place: TopicPartition) -> int:
    """Where reading goes on, of what is already here: consumer.position() may ask the broker."""
    return int(consumer._subscription.position(place).offset)


@contextmanager
def _consumer(brokers: str, max_batch_bytes: int) -> Iterator[KafkaConsumer]:
    consumer = connect(brokers, None, CONNECT_WAIT_S, FETCHES)
    try:
        read_columns(consumer, max_batch_bytes=max_batch_bytes)
        yield consumer
    finally:
        consumer.close(autocommit=False, timeout_ms=CLOSE_MS)
