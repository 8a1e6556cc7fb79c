"""The buffer of one topic: records that were read and not yet committed, and the positions that go with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa


class TopicBuffer:
    """Records by partition, each partition in offset order, and for each partition the position after its last poll.

    A position may move without records: control records, aborted transactions and compacted ranges leave gaps.
    """

    def __init__(self) -> None:
        self.positions: dict[int, int] = {}
        self.rows = 0  # how many records wait
        self.size_bytes = 0  # how much memory they take
        self._batches: dict[int, list[pa.RecordBatch]] = {}
        self._first_at_s: float | None = None

    def add(self, partition: int, records: pa.RecordBatch, *, now_s: float) -> None:
        """Appends records that follow those that are here already."""
        self._batches.setdefault(partition, []).append(records)
        self.rows += records.num_rows
        self.size_bytes += records.nbytes  # counted here, because the loop asks for it at every turn
        self._first_at_s = now_s if self._first_at_s is None else self._first_at_s

    def age_s(self, now_s: float) -> float:
        """How long the oldest record has waited; 0 when there is none."""
        return 0.0 if self._first_at_s is None else now_s - self._first_at_s

    def oldest_at_s(self) -> float | None:
        """The least Kafka timestamp (seconds since 1970) among the first records of each partition; None without one.

        Producers set these timestamps, so it may lie anywhere, in the future too.
        """
        firsts = (batches[0].column("timestamp")[0].value for batches in self._batches.values())  # in microseconds
        return min((first / 1e6 for first in firsts if first is not None), default=None)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All records in the order (partition, offset)."""
        for partition in sorted(self._batches):
            yield from self._batches[partition]

    def committed(self) -> None:
        """Forgets the records; the positions stay."""
        self._batches.clear()
        self.rows = self.size_bytes = 0
        self._first_at_s = None

    def forget(self, partitions: Iterable[int]) -> None:
        """Drops records and positions of partitions that are no longer ours, or are to be read again."""
        for partition in partitions:
            for batch in self._batches.pop(partition, ()):
                self.rows -= batch.num_rows
                self.size_bytes -= batch.nbytes
            self.positions.pop(partition, None)
        if not self._batches:
            self._first_at_s = None
