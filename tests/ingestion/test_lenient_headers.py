from __future__ import annotations

import pytest
from kafka import TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatchBuilder

from headrace.ingestion.lenient_headers import LenientPartitionRecords


class Odd(str):
    """A header key whose bytes are no UTF-8."""

    def encode(self, *_):
        return b"k\xff\xfe"


def batch(*headers, compression=0):
    builder = DefaultRecordBatchBuilder(2, compression, 0, -1, -1, -1, 1 << 20)
    for offset, each in enumerate(headers):
        builder.append(offset, 1_000 + offset, b"key", b"value %d" % offset, each)
    return MemoryRecords(bytes(builder.build()))


def read(kind, records):
    found = kind(0, TopicPartition("t", 0), records).take()
    return [(each.offset, each.timestamp, each.key, each.value, each.headers) for each in found]


def test_kafka_python_itself_stops_at_a_header_key_that_is_no_utf8():
    with pytest.raises(CorruptRecordError, match="UnicodeDecodeError"):
        Fetcher.PartitionRecords(0, TopicPartition("t", 0), batch([(Odd("k"), b"1")])).take()


@pytest.mark.parametrize("compression", [0, 1], ids=["plain", "gzip"])
def test_such_a_key_is_spelled_out_and_all_else_of_the_batch_is_as_sent(compression):
    odd = [("plain", None), (Odd("k"), b"1")]
    assert read(LenientPartitionRecords, batch([("a", b"x")], odd, [], compression=compression)) == [
        (0, 1_000, b"key", b"value 0", [("a", b"x")]),
        (1, 1_001, b"key", b"value 1", [("plain", None), ("k\\xff\\xfe", b"1")]),
        (2, 1_002, b"key", b"value 2", []),
    ]


def test_a_batch_without_odd_keys_is_read_by_kafka_python_alone():
    headers = [[("a", b"x")], [], [("ü", b"")]]
    assert read(LenientPartitionRecords, batch(*headers)) == read(Fetcher.PartitionRecords, batch(*headers))
