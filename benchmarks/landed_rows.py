"""What was sent to a topic and what was landed of it, summed up alike: two that are equal hold the same rows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, QueryBuilder
from kafka_topics import PARTITIONS, Case, events, key

# Offsets, keys and values of one partition, in the order of offsets.
Columns = tuple[pa.ChunkedArray, pa.ChunkedArray, pa.ChunkedArray]


@dataclass(frozen=True)
class RowSums:
    """The number of rows, the sum of their offsets, and the sha256 of key, value, partition and offset of all."""

    rows: int
    offsets: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.rows} rows, sum of offsets {self.offsets}, sha256 {self.sha256}"


def sent(case: Case, seed: int) -> RowSums:
    """Of the messages that `kafka_topics.filled` sends: no reader of Kafka has a part in it."""
    values = list(events(case, seed))

    def columns(partition: int) -> Columns:
        own = range(partition, case.messages, PARTITIONS)
        texts = pa.array([key(number) for number in own], pa.large_binary())
        contents = pa.array(values[partition::PARTITIONS], pa.large_binary())
        return pa.chunked_array([np.arange(len(own))]), pa.chunked_array([texts]), pa.chunked_array([contents])

    return _summed(columns)


def landed(table: Path, partition_column: str, offset_column: str) -> RowSums:
    """Of a Delta table, by deltalake; rows of other partitions than the topic has count as rows."""
    query = QueryBuilder().register("t", DeltaTable(str(table)))
    names = f'"{offset_column}", key, value'

    def columns(partition: int) -> Columns:
        sql = f'select {names} from t where "{partition_column}" = {partition} order by 1'  # noqa: S608 (names of ours)
        return tuple(pa.table(query.execute(sql).read_all()).columns)

    found = _summed(columns)
    (count,) = pa.table(query.execute("select count(*) from t").read_all()).column(0).to_pylist()
    return RowSums(count, found.offsets, found.sha256)


def _summed(columns: Callable[[int], Columns]) -> RowSums:
    digest, rows, offsets = hashlib.sha256(), 0, 0
    for partition in range(PARTITIONS):
        places, keys, values = columns(partition)
        digest.update(partition.to_bytes(4, "little"))
        digest.update(places.to_numpy().astype("<i8").tobytes())
        _add(digest, keys)
        _add(digest, values)
        rows, offsets = rows + len(places), offsets + (pc.sum(places).as_py() or 0)
    return RowSums(rows, offsets, digest.hexdigest())


def _add(digest: hashlib._Hash, texts: pa.ChunkedArray) -> None:
    """The length of each text (-1 for a null), then all of them."""
    texts = texts.cast(pa.large_binary())  # deltalake gives views
    digest.update(pc.fill_null(pc.binary_length(texts), -1).to_numpy().astype("<i8").tobytes())
    for chunk in texts.chunks:
        ends = np.frombuffer(chunk.buffers()[1], "<i8")[chunk.offset : chunk.offset + len(chunk) + 1]
        digest.update(memoryview(chunk.buffers()[2])[ends[0] : ends[-1]])
