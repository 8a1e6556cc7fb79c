from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
from support.kafka_records import record

from headrace.ingestion.raw_columns import RAW_SCHEMA, raw_rows, record_columns

ARRIVED = datetime(2013, 1, 1, 10, 15, tzinfo=UTC)


def rows_of(*records, partition=0):
    batch = record_columns(partition, records)
    return raw_rows([batch], topic_id="ID", generation=1, landed_at_ms=1_700_000_000_123).to_pylist()


def test_a_record_becomes_a_row_with_its_bytes_untouched():
    assert rows_of(record(7, b'{"a": 1}\xff\x00', partition=3), partition=3) == [
        {
            "_topic_id": "ID",
            "_generation": 1,
            "_partition": 3,
            "_offset": 7,
            "timestamp": ARRIVED,
            "timestamp_type": "create",
            "leader_epoch": 0,
            "landed_at": datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC),
            "key": b"k",
            "value": b'{"a": 1}\xff\x00',
            "headers": [],
        }
    ]


def test_what_a_record_lacks_is_null_and_an_empty_value_is_not():
    bare = {"key": None, "timestamp": -1, "timestamp_type": None, "leader_epoch": -1}
    tombstone, empty = rows_of(record(0, None, **bare), record(1, b""))
    assert [tombstone[name] for name in ("key", "value", "timestamp", "timestamp_type", "leader_epoch")] == [None] * 5
    assert (empty["value"], empty["timestamp_type"]) == (b"", "create")


def test_the_time_a_broker_gave_is_told_from_the_time_a_producer_gave():
    assert [row["timestamp_type"] for row in rows_of(record(0, timestamp_type=1), record(1))] == ["append", "create"]


def test_a_time_that_has_no_number_in_microseconds_is_none():
    last_ms = (2**63 - 1) // 1000
    batch = record_columns(0, [record(0, timestamp=last_ms), record(1, timestamp=last_ms + 1)])
    assert batch.column("timestamp").cast(pa.int64()).to_pylist() == [last_ms * 1000, None]


def test_headers_keep_their_order_their_repeats_and_their_nulls():
    headers = [("a", b"1"), ("a", None), ("", b"")]
    plain, odd = rows_of(record(0), record(1, headers=headers))
    assert plain["headers"] == []
    assert [(header["key"], header["value"]) for header in odd["headers"]] == headers


def test_the_columns_are_in_the_order_that_every_reader_counts_on():
    assert RAW_SCHEMA.names == [
        "_topic_id",
        "_generation",
        "_partition",
        "_offset",
        "timestamp",
        "timestamp_type",
        "leader_epoch",
        "landed_at",
        "key",
        "value",
        "headers",
    ]
    assert RAW_SCHEMA.field("timestamp").type == pa.timestamp("us", "UTC")


def test_no_records_are_no_rows():
    assert raw_rows([], topic_id="ID", generation=0, landed_at_ms=0).num_rows == 0
