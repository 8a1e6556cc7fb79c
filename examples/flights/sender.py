"""Sends records in the order of the sequence and journals them once the broker has acknowledged them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from kafka import KafkaProducer

from headrace.errors import BrokerError, UsageError

from . import topics as cluster_topics
from .journal import Acknowledged, Journal
from .options import ReplayOptions
from .recovery import sequence_header
from .sequence import Record, RecordSequence

RECORDS_A_SEGMENT = 25_000  # some 6 MB; two segments are in memory at a time

# Idempotent, so that a retry neither doubles nor reorders; batches large enough for some 36,000 records a second.
PRODUCER = {
    "acks": "all",
    "enable_idempotence": True,
    "batch_size": 512 * 1024,
    "linger_ms": 100,
    "delivery_timeout_ms": 60_000,
    "bootstrap_timeout_ms": cluster_topics.ANSWER_WITHIN_MS,
}

Report = Callable[[int, int], None]


class Sender:
    """Sends what `done` lacks; `report` is told the records done and the records in all after each segment."""

    def __init__(
        self, options: ReplayOptions, journal: Journal, sequence: RecordSequence, done: Acknowledged, report: Report
    ) -> None:
        self._options, self._journal, self._sequence, self._report = options, journal, sequence, report
        self._positions = dict(done.positions)
        lacking = np.ones(len(sequence), dtype=bool)
        lacking[done.sequence] = False
        self._lacking = np.flatnonzero(lacking)
        self._done = len(done.sequence)

    def send(self) -> int:
        """Gives the number of records sent; all of them are acknowledged and journaled.

        Raises:
            BrokerError: the cluster does not acknowledge, or someone else writes to the topics.
            UsageError: a topic puts its own time stamps on records.
        """
        self._report(self._done, len(self._sequence))
        if not len(self._lacking):
            return 0
        with cluster_topics.broker_errors(self._options.brokers):
            producer = KafkaProducer(bootstrap_servers=self._options.brokers.split(","), **PRODUCER)
            try:
                self._send_all(producer)
            finally:
                producer.close(timeout=0)  # all is acknowledged by now, or one record never will be
        return len(self._lacking)

    def _send_all(self, producer: KafkaProducer) -> None:
        """Keeps one segment in the producer while the one before it is acknowledged and journaled."""
        in_flight: deque[tuple[list[Record], list[Any]]] = deque()
        for start in range(0, len(self._lacking), RECORDS_A_SEGMENT):
            records = self._sequence.records(self._lacking[start : start + RECORDS_A_SEGMENT])
            in_flight.append((records, [self._send_one(producer, record) for record in records]))
            if len(in_flight) > 1:
                self._journal_segment(*in_flight.popleft())
        producer.flush()
        while in_flight:
            self._journal_segment(*in_flight.popleft())

    def _send_one(self, producer: KafkaProducer, record: Record) -> Any:
        return producer.send(
            self._options.topics[record.source],
            record.value,
            record.key,
            [sequence_header(record)],
            record.partition,
            record.stamp_ms,
        )

    def _journal_segment(self, records: Sequence[Record], futures: Sequence[Any]) -> None:
        offsets = []
        for record, future in zip(records, futures, strict=True):
            acknowledgement = future.get()
            self._check(record, acknowledgement.offset, acknowledgement.timestamp)
            offsets.append(acknowledgement.offset)
        self._journal.append(self._options.topics, records, offsets)
        self._done += len(records)
        self._report(self._done, len(self._sequence))

    def _check(self, record: Record, offset: int, stamp_ms: int) -> None:
        place = (self._options.topics[record.source], record.partition)
        expected = self._positions.get(place, 0)
        if offset != expected:
            raise BrokerError(
                f"{place[0]}[{place[1]}]: record {record.number} got offset {offset} and not {expected}: someone else "
                "writes to this topic. Stop them and begin again with another --topic-prefix and --journal"
            )
        if stamp_ms != record.stamp_ms:
            raise UsageError(
                f"topic {place[0]} stamps records by itself; a replay needs `message.timestamp.type=CreateTime`. "
                "Change the topic, or use another --topic-prefix and --journal"
            )
        self._positions[place] = offset + 1
