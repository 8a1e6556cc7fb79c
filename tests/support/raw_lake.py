"""Raw tables as the lander leaves them, written row by row for tests of what reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from deltalake import write_deltalake

from headrace.ingestion.raw_columns import RAW_SCHEMA
from headrace.tables import raw_table


@dataclass(frozen=True)
class Record:
    """One Kafka record of a test; `arrived_at_us` is its Kafka timestamp, and when it was landed, unless told."""

    value: bytes | None
    offset: int
    partition: int = 0
    generation: int = 0
    arrived_at_us: int = 1_357_035_300_000_000  # 2013-01-01T10:15:00Z
    key: bytes | None = b"key"
    headers: tuple[tuple[str, bytes], ...] = ()
    landed_at_us: int | None = None

    @property
    def topic_id(self) -> str:
        """The id of this life of the topic."""
        return f"topic-{self.generation}"


def append_raw(lake: Path, topic: str, records: Sequence[Record]) -> Path:
    """Appends `records` to the raw table of `topic` in one commit, and gives its folder."""
    rows = [
        {
            "_topic_id": record.topic_id,
            "_generation": record.generation,
            "_partition": record.partition,
            "_offset": record.offset,
            "timestamp": record.arrived_at_us,
            "timestamp_type": "create",
            "leader_epoch": 0,
            "landed_at": record.arrived_at_us if record.landed_at_us is None else record.landed_at_us,
            "key": record.key,
            "value": record.value,
            "headers": [{"key": name, "value": value} for name, value in record.headers],
        }
        for record in records
    ]
    path = raw_table(lake, topic)
    write_deltalake(path, pa.Table.from_pylist(rows, schema=RAW_SCHEMA), mode="append")
    return path
