"""What a poll gives of one partition: Arrow record batches that count as their rows, whoever has read them."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from kafka.errors import KafkaError

from .lenient_headers import LenientPartitionRecords
from .positions import Place
from .raw_columns import record_columns


class BatchTooLarge(KafkaError):  # type: ignore[misc]
    """A batch that is larger than allowed when it is decompressed. Its partition cannot be read on."""

    def __init__(self, place: Place, offset: int, compressed_bytes: int, ceiling_bytes: int) -> None:
        super().__init__(
            f"{place[0]}[{place[1]}]: the batch at offset {offset} takes {compressed_bytes:,} bytes, and more "
            f"than {ceiling_bytes:,} bytes when it is decompressed"
        )
        self.place, self.offset = (place[0], place[1]), offset


class PartitionRows:
    """Record batches (`RECORD_SCHEMA`) in offset order.

    kafka-python counts what it takes against `max_records` by its length, and lets the poll's list grow by what it is
    made of: so the length is that of the rows, and what it is made of are batches.
    """

    def __init__(self, *batches: pa.RecordBatch) -> None:
        self._batches = [batch for batch in batches if batch.num_rows]

    def __len__(self) -> int:
        return sum(batch.num_rows for batch in self._batches)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return iter(self._batches)


class StockPartitionRecords(LenientPartitionRecords):
    """Reads as kafka-python does, record by record, and makes columns of them."""

    def take(self, n: int | None = None) -> PartitionRows:
        try:
            records = super().take(n)
        except Exception:
            self.drain()  # kafka-python would go on for ever with a reader that has ended so
            raise
        return PartitionRows(record_columns(self.topic_partition.partition, records)) if records else PartitionRows()
