"""The plain recipe: poll by kafka-python, a table by pyarrow, `write_deltalake`, offsets by batch.

    python benchmarks/landing_plain.py ADDRESS

It reads the orders of `landing_orders`. As it is commonly written, at settings that suit it: crc32c, large fetches, a
commit for 20,000 rows. It is not exactly once, syncs nothing, and lands no headers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake
from kafka import KafkaConsumer, TopicPartition
from landing_orders import carry_out

ROWS_A_COMMIT = 20_000
FETCH_BYTES = {"max_partition_fetch_bytes": 4 * 2**20, "fetch_max_bytes": 32 * 2**20}


def land(address: str, topic: str, table: str) -> None:
    """Appends what the topic holds now to a new table."""
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=address,
        group_id=f"plain-{table}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_poll_records=ROWS_A_COMMIT,
        metrics_enabled=False,
        **FETCH_BYTES,
    )
    places = [TopicPartition(topic, partition) for partition in consumer.partitions_for_topic(topic)]
    left = sum(consumer.end_offsets(places).values())
    rows: list[Any] = []
    while left:
        for records in consumer.poll(1_000).values():
            rows += records
        if len(rows) >= min(ROWS_A_COMMIT, left):
            write_deltalake(table, as_table(rows), mode="append")
            consumer.commit()
            left -= len(rows)
            rows = []
    consumer.close(autocommit=False)


def as_table(rows: Sequence[Any]) -> pa.Table:
    """Records as columns."""
    return pa.table(
        {
            "partition": pa.array([row.partition for row in rows], pa.int32()),
            "offset": pa.array([row.offset for row in rows], pa.int64()),
            "timestamp": pa.array([row.timestamp for row in rows], pa.timestamp("ms", "UTC")),
            "key": pa.array([row.key for row in rows], pa.binary()),
            "value": pa.array([row.value for row in rows], pa.binary()),
        }
    )


if __name__ == "__main__":
    carry_out(land)
