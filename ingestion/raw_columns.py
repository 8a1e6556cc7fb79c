"""The columns of a raw table, and Kafka records as Arrow columns: bytes untouched, nothing parsed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.tables import GENERATION, OFFSET, PARTITION, TOPIC_ID

UTC_MICROSECONDS = pa.timestamp("us", "UTC")
HEADERS = pa.list_(pa.struct([pa.field("key", pa.string()), pa.field("value", pa.binary())]))

RAW_SCHEMA = pa.schema(
    [
        pa.field(TOPIC_ID, pa.string(), nullable=False),
        pa.field(GENERATION, pa.int32(), nullable=False),
        pa.field(PARTITION, pa.int32(), nullable=False),
        pa.field(OFFSET, pa.int64(), nullable=False),
        pa.field("timestamp", UTC_MICROSECONDS),  # null when the record has none
        pa.field("timestamp_type", pa.string()),  # create, append, or null
        pa.field("leader_epoch", pa.int32()),
        pa.field("landed_at", UTC_MICROSECONDS, nullable=False),
        pa.field("key", pa.binary()),
        pa.field("value", pa.binary()),  # null is a tombstone
        pa.field("headers", HEADERS, nullable=False),
    ]
)
# The columns before the payload: only these have statistics, in the data files and in the log.
STATISTICS_COLUMNS = tuple(RAW_SCHEMA.names[:8])

RECORD_SCHEMA = pa.schema(
    [RAW_SCHEMA.field(name) for name in RAW_SCHEMA.names if name not in (TOPIC_ID, GENERATION, "landed_at")]
)
# The last millisecond that has a number in microseconds. A record that claims a later one is taken to have no time.
LAST_MS = (2**63 - 1) // 1000
TIMESTAMP_TYPES = {0: "create", 1: "append"}


def record_columns(partition: int, records: Sequence[Any]) -> pa.RecordBatch:
    """The records of one partition as columns, in the order given.

    `records` are kafka-python ConsumerRecords (at least one). The columns are those of `RAW_SCHEMA` without topic id,
    generation and `landed_at`, which are the same for a whole commit.
    """
    _, _, epochs, offsets, times_ms, types, keys, values, headers, *_ = zip(*records, strict=True)
    columns = [
        pa.repeat(pa.scalar(partition, pa.int32()), len(records)),
        pa.array(offsets, pa.int64()),
        pc.multiply(_null_outside(pa.array(times_ms, pa.int64()), LAST_MS), 1000).cast(UTC_MICROSECONDS),
        pa.array([TIMESTAMP_TYPES.get(each) for each in types], pa.string()),
        _null_outside(pa.array(epochs, pa.int32())),
        pa.array(keys, pa.binary()),
        pa.array(values, pa.binary()),
        _headers(headers),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=RECORD_SCHEMA)


def raw_rows(batches: Iterable[pa.RecordBatch], *, topic_id: str, generation: int, landed_at_ms: int) -> pa.Table:
    """The rows of one commit (`RAW_SCHEMA`), made of what `record_columns` gave, in the order given."""
    records = pa.Table.from_batches(batches, RECORD_SCHEMA)
    rows = records.num_rows
    constant = {
        TOPIC_ID: pa.repeat(pa.scalar(topic_id, pa.string()), rows),
        GENERATION: pa.array(np.full(rows, generation, np.int32)),
        "landed_at": pa.array(np.full(rows, landed_at_ms * 1000)).view(UTC_MICROSECONDS),
    }
    columns = [constant[name] if name in constant else records.column(name) for name in RAW_SCHEMA.names]
    return pa.Table.from_arrays(columns, schema=RAW_SCHEMA)


def _null_outside(numbers: pa.Array, greatest: int | None = None) -> pa.Array:
    """Numbers below zero, or beyond the greatest that there can be, say that there is none."""
    is_none = pc.less(numbers, 0)
    if greatest is not None:
        is_none = pc.or_(is_none, pc.greater(numbers, greatest))
    return pc.if_else(is_none, pa.scalar(None, numbers.type), numbers)


def _headers(headers: Sequence[Sequence[tuple[str, bytes | None]]]) -> pa.Array:
    if not any(headers):
        nothing = pa.array([], HEADERS.value_type)
        return pa.ListArray.from_arrays(pa.array([0] * (len(headers) + 1), pa.int32()), nothing, type=HEADERS)
    return pa.array([[{"key": key, "value": value} for key, value in each] for each in headers], HEADERS)
