"""Reading one partition's part of a fetch to its end, by any of the readers, for comparisons."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, repeat
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
from kafka import TopicPartition
from kafka.protocol.consumer import IsolationLevel
from kafka.record import MemoryRecords

from headrace.ingestion.columnar import ColumnarPartitionRecords
from headrace.ingestion.partition_rows import StockPartitionRecords
from headrace.ingestion.raw_columns import RECORD_SCHEMA

PLACE = TopicPartition("t", 3)
NOTHING = 2**30  # a take of all that is there


def reader(kind: type, part: bytes, fetch_offset: int = 0, *, aborted: Iterable[tuple[int, int]] = (), **options: Any):
    """A reader of `part`; `aborted` are transactions as (producer id, first offset)."""
    transactions = [SimpleNamespace(producer_id=producer, first_offset=first) for producer, first in aborted]
    options = {"isolation_level": IsolationLevel.READ_COMMITTED} | options
    return kind(fetch_offset, PLACE, MemoryRecords(part), aborted_transactions=transactions, **options)


def columnar(part: bytes, fetch_offset: int = 0, **options: Any) -> ColumnarPartitionRecords:
    return reader(ColumnarPartitionRecords, part, fetch_offset, **options)


def stock(part: bytes, fetch_offset: int = 0, **options: Any) -> StockPartitionRecords:
    return reader(StockPartitionRecords, part, fetch_offset, **options)


def rows_of(taken: Iterable[pa.RecordBatch]) -> list[dict[str, Any]]:
    """The rows, with times in microseconds: Arrow's go beyond the years that Python has."""
    batches = list(taken)
    for batch in batches:
        batch.validate(full=True)
        assert batch.schema == RECORD_SCHEMA
    table = pa.Table.from_batches(batches, RECORD_SCHEMA)
    place = table.schema.get_field_index("timestamp")
    return table.set_column(place, "timestamp", table.column(place).cast(pa.int64())).to_pylist()


def read(found: Any, *sizes: int) -> tuple[list[dict[str, Any]], Exception | None]:
    """All rows, in takes of these sizes and then of all the rest, and what was raised in the end."""
    rows: list[dict[str, Any]] = []
    steps = chain(sizes, repeat(NOTHING))
    try:
        while found:
            size = next(steps)
            taken = found.take(size)
            assert len(taken) <= size
            rows += rows_of(taken)
    except Exception as err:
        return rows, err
    return rows, None
