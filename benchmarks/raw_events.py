"""Real events as a lander's buffer holds them: JSON of about 220 bytes, one partition, consecutive offsets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from headrace.examples.flights.events import load_events
from headrace.ingestion.raw_columns import RAW_SCHEMA

# Those that are the same for a whole commit, and are added to it.
OF_THE_COMMIT = ("_topic_id", "_generation", "landed_at")
FIRST_TIMESTAMP_US = 1_357_035_300_000_000
DAYS = 30  # of flights, some 26,000 events


def record_batches(rows: int, commits: int, *, first: int = 0) -> Iterator[pa.RecordBatch]:
    """A batch a commit, from the offset `first` on, with the columns of `RAW_SCHEMA` but for `OF_THE_COMMIT`.

    Every batch has the same payloads, which within it are all unlike each other.
    """
    keys, values = _payloads(rows)
    for start in range(first, first + commits * rows, rows):
        yield _batch(np.arange(start, start + rows, dtype=np.int64), keys, values)


def _payloads(rows: int) -> tuple[pa.Array, pa.Array]:
    events = load_events(DAYS)["flight_scheduled"]
    chosen = np.arange(rows) % len(events)
    keys = [key.encode() for key in events.keys(chosen)]
    return pa.array(keys, pa.binary()), pa.array(events.payloads(chosen), pa.binary())


def _batch(offsets: np.ndarray, keys: pa.Array, values: pa.Array) -> pa.RecordBatch:
    rows = len(offsets)
    headers = RAW_SCHEMA.field("headers").type
    none = pa.array([], headers.value_type)
    columns = {
        "_partition": pa.repeat(pa.scalar(0, pa.int32()), rows),
        "_offset": pa.array(offsets),
        "timestamp": pa.array(offsets * 1_000 + FIRST_TIMESTAMP_US, pa.timestamp("us", "UTC")),
        "timestamp_type": pa.repeat("create", rows),
        "leader_epoch": pa.repeat(pa.scalar(0, pa.int32()), rows),
        "key": keys,
        "value": values,
        "headers": pa.ListArray.from_arrays(np.zeros(rows + 1, np.int32), none, type=headers),
    }
    fields = [RAW_SCHEMA.field(name) for name in RAW_SCHEMA.names if name not in OF_THE_COMMIT]
    return pa.RecordBatch.from_arrays([columns[each.name] for each in fields], schema=pa.schema(fields))
