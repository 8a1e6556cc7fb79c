"""What a replay that was killed had sent beyond its journal, found again in the topics.

The order of each partition is that of the sequence, so what follows the journaled records must be the next ones, byte
for byte. Anything else was written by someone else, and then no prediction would hold.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headrace.errors import UsageError

from . import topics as cluster_topics
from .journal import Acknowledged, Journal
from .options import ReplayOptions
from .sequence import Record, RecordSequence
from .topics import FoundRecord

SEQUENCE_HEADER = "replay-sequence"


def sequence_header(record: Record) -> tuple[str, bytes]:
    """The header that every record of a replay carries: its sequence number, in decimal."""
    return SEQUENCE_HEADER, b"%d" % record.number


def recover(options: ReplayOptions, journal: Journal, sequence: RecordSequence, known: Acknowledged) -> int:
    """Journals the records that are in the topics beyond `known`, and gives their number.

    Raises:
        UsageError: a topic holds what this replay did not send, or no longer holds what it did.
        BrokerError: the cluster does not answer.
    """
    ends = cluster_topics.end_positions(options.brokers, dict.fromkeys(options.topics.values(), options.partitions))
    lacking = np.ones(len(sequence), dtype=bool)
    lacking[known.sequence] = False
    found = 0
    for source, topic in options.topics.items():
        for partition in range(options.partitions):
            start, end = known.positions.get((topic, partition), 0), ends[topic, partition]
            numbers = sequence.numbers_of(source, partition)
            numbers = numbers[lacking[numbers]]
            _check_extent(options, topic, partition, start, end, len(numbers))
            records = sequence.records(numbers[: end - start])
            offsets = _verify(options, topic, partition, start, records)
            if records:
                journal.append(options.topics, records, offsets)
            found += len(records)
    return found


def _check_extent(options: ReplayOptions, topic: str, partition: int, start: int, end: int, lacking: int) -> None:
    if end < start:
        raise UsageError(
            f"{topic}[{partition}] ends at {end}, and the journal {options.journal} has it up to {start}: the broker "
            "has lost records. Remove the topics and the journal, and send everything again"
        )
    if end - start > lacking:
        raise _foreign(topic, partition, start + lacking)


def _verify(options: ReplayOptions, topic: str, partition: int, start: int, records: Sequence[Record]) -> list[int]:
    """The offsets of `records`, which must be the next ones of the partition from position `start` on."""
    if not records:
        return []
    there = cluster_topics.read(options.brokers, topic, partition, start=start, end=start + len(records))
    offsets = []
    for record, found in zip(records, there, strict=True):
        if not _same(record, found):
            raise _foreign(topic, partition, found.offset)
        offsets.append(found.offset)
    return offsets


def _same(record: Record, found: FoundRecord) -> bool:
    contents = (record.stamp_ms, record.key, record.value) == (found.stamp_ms, found.key, found.value)
    return contents and sequence_header(record) in found.headers


def _foreign(topic: str, partition: int, offset: int) -> UsageError:
    return UsageError(
        f"{topic}[{partition}] holds at offset {offset} a record that this replay would not have sent there. "
        "Use another --topic-prefix and --journal, or delete the topic and the journal"
    )
