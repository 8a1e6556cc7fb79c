"""Reading by columns, where the kafka-python that is installed can be read so.

What that takes is private to kafka-python, and an upgrade may change it. So it is tried at each start, on an answer
that is made here; when anything is not as expected, records are read by kafka-python alone, with a warning.
"""

from __future__ import annotations

import importlib.metadata
import logging
from types import SimpleNamespace
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import CompletedFetch, Fetcher
from kafka.consumer.subscription_state import SubscriptionState
from kafka.net.compat import KafkaNetClient
from kafka.protocol.consumer import FetchRequest, FetchResponse
from kafka.record.default_records import DefaultRecordBatchBuilder

from .partition_rows import StockPartitionRecords

log = logging.getLogger(__name__)

KNOWN = "3.0.12"  # the kafka-python that all this was written for
VERSION = 12  # of the answer to a fetch: the newest that it asks for
PLACE = TopicPartition("trial", 0)
FIRST_OFFSET, RECORDS = 2, 6
VALUE_BYTES = 3_000  # two records make a part that is large enough not to be copied


class Unexpected(Exception):
    """kafka-python does not do what is counted on."""


def net_client(**configuration: Any) -> KafkaNetClient:
    """What a KafkaConsumer is to be given as `kafka_client`: all its connections receive frames, where that can be."""
    client = KafkaNetClient(**configuration)
    try:
        from .frames import read_frames

        try_frames()
        read_frames(client._manager)
    except Exception as err:
        _warn("what brokers send is copied several times, at about twice the cost", err)
    return client


def read_columns(consumer: KafkaConsumer, *, max_batch_bytes: int, columnar: bool = True) -> bool:
    """Makes `consumer` give Arrow record batches (`RECORD_SCHEMA`), by polls whose `max_records` counts their rows.

    With `columnar`, and where the trial succeeds, they are decoded by compiled code; else kafka-python reads record by
    record. A batch that takes more than `max_batch_bytes` when it is decompressed is refused (`BatchTooLarge`); only
    kafka-python itself has no such bound. Returns whether compiled code decodes.
    """
    consumer._fetcher.PartitionRecords = StockPartitionRecords
    if not columnar:
        return False
    try:
        from .columnar import ColumnarPartitionRecords

        kind = type("Reader", (ColumnarPartitionRecords,), {"max_batch_bytes": max_batch_bytes})
        try_columns(kind)
    except Exception as err:
        _warn("records are read one by one, at about ten times the cost, and batches are decompressed unbounded", err)
        return False
    consumer._fetcher.PartitionRecords = kind
    return True


def try_columns(kind: type[Fetcher.PartitionRecords]) -> None:
    """Reads a made answer through kafka-python's fetcher.

    Raises:
        Unexpected: rows or positions are not what they should be; or whatever kafka-python raises.
    """
    subscription = SubscriptionState(offset_reset_strategy="none")
    subscription.assign_from_user([PLACE])
    subscription.seek(PLACE, FIRST_OFFSET)
    fetcher = Fetcher(SimpleNamespace(_manager=SimpleNamespace(_net=None)), subscription)
    fetcher.PartitionRecords = kind
    (part,) = _answer().responses[0].partitions
    fetcher._completed_fetches.append(CompletedFetch(PLACE, FIRST_OFFSET, VERSION, part, None))
    found, positions = [], []
    for _ in range(2):
        polled, _ = fetcher.fetched_records(3)
        found.append([offset for batch in polled.get(PLACE, []) for offset in batch.column("_offset").to_pylist()])
        positions.append(subscription.position(PLACE).offset)
    _expect("the offsets of two polls", [[2, 3, 4], [5]], found)
    _expect("the positions after them", [5, RECORDS], positions)


def try_frames() -> None:
    """Gives the bytes of a made answer to the parser, in pieces.

    Raises:
        Unexpected: what it makes of them is not the answer; or whatever kafka-python raises.
    """
    from .frames import FrameProtocol, Frames

    protocol = FrameProtocol()
    protocol.send_request(FetchRequest(version=VERSION), correlation_id=7)
    answer = _answer()
    answer.with_header(correlation_id=7)
    sent = answer.encode(header=True, framed=True)
    frames = Frames(protocol._validate_frame_size)
    found: list[Any] = []
    for piece in (sent[:3], sent[3:100], sent[100:]):
        place = 0
        while place < len(piece):
            room = frames.room()
            size = min(len(room), len(piece) - place)
            room[:size] = piece[place : place + size]
            place += size
            found += [protocol.receive_bytes(frame) for frame in frames.received(size)]
    _expect("answers", 1, len(found))
    ((correlation_id, read),) = found[0]
    (part,) = read.responses[0].partitions
    _expect("the correlation id", 7, correlation_id)
    _expect("a view of the records", memoryview, type(part.records))
    part.records = bytes(part.records)
    _expect("the answer", answer.to_dict(json=False), read.to_dict(json=False))


def _answer() -> FetchResponse:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 2**20)
    for offset in range(RECORDS):
        builder.append(offset, 1_000 + offset, b"key", b"v" * VALUE_BYTES, [("name", b"content")])
    part = FetchResponse.FetchableTopicResponse.PartitionData(
        version=VERSION, partition_index=0, error_code=0, high_watermark=RECORDS, records=bytes(builder.build())
    )
    topic = FetchResponse.FetchableTopicResponse(version=VERSION, topic=PLACE.topic, partitions=[part])
    return FetchResponse(version=VERSION, throttle_time_ms=0, error_code=0, session_id=0, responses=[topic])


def _expect(what: str, expected: object, found: object) -> None:
    if found != expected:
        raise Unexpected(f"{what}: expected {expected}, found {found}")


def _warn(consequence: str, err: Exception) -> None:
    log.warning(
        "kafka-python %s is not as headrace %s knows it (%s: %s), so %s. "
        "Install the one that is known (pip install kafka-python==%s), or a newer headrace",
        *(importlib.metadata.version("kafka-python"), importlib.metadata.version("headrace")),
        *(type(err).__name__, err, consequence, KNOWN),
    )
