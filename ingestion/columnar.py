"""Fetched partitions read as columns, behind kafka-python's own consumer.

kafka-python hands each partition's part of a fetch to an object of `Fetcher.PartitionRecords` and takes records from
it. Here that object gives Arrow record batches instead; the group, the positions, the fetching and the security stay
kafka-python's own. What it does per batch (CRC, aborted transactions, control batches, positions, leader epochs)
follows its `_unpack_records`; a batch that is not read here, such as one of an older format or a damaged one, is read
by kafka-python itself, so that it gives what it gives, and raises what it raises.
"""

from __future__ import annotations

import struct
import sys
from typing import Any

import numpy as np
import pyarrow as pa
from crc32c import crc32c
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError, KafkaError
from kafka.protocol.consumer import IsolationLevel
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatch
from numpy.typing import NDArray

from headrace.tables import OFFSET

from . import batch_headers as head
from .batch_compression import AboveCeiling, Unreadable, decompressed
from .batch_headers import TransactionBatch, batch_headers
from .batch_runs import BatchRuns
from .compiled import has_crc32c
from .partition_rows import BatchTooLarge, PartitionRows, StockPartitionRecords
from .raw_columns import RECORD_SCHEMA
from .record_batch import fetched_record_batch, record_batch

TURN_BYTES = 8 * 2**20  # what is decompressed and decoded at a time, but for a single batch that is larger

_NO_ROWS = pa.RecordBatch.from_pylist([], schema=RECORD_SCHEMA)


_FRAMING = [head.START, head.END, head.CRC, head.ATTRIBUTES]


class _NotReadHere(Exception):
    """A batch that kafka-python is to read."""


class ColumnarPartitionRecords(Fetcher.PartitionRecords):  # type: ignore[misc]
    """One partition's part of a fetch. `take` gives its rows; `next_fetch_offset` is then the position after them."""

    max_batch_bytes = 64 * 2**20

    def __init__(self, fetch_offset: int, tp: Any, records: Any, *arguments: Any, **options: Any) -> None:
        super().__init__(fetch_offset, tp, records, *arguments, **options)
        self._part = memoryview(records._buffer)
        held = pa.py_buffer(self._part)
        self._address = held.address
        self._headers = batch_headers(held.address, held.size)
        simple = self._without_questions()
        self._simple = simple
        self._runs = BatchRuns(self._headers, simple if has_crc32c() or not self.check_crcs else np.zeros_like(simple))
        self._next = 0  # the batch that is to be looked at
        self._judged: list[int] = []  # batches that are to be decoded, and what is in them
        self._contents: list[memoryview | bytes] = []
        self._rows, self._rows_end = _NO_ROWS, 0  # decoded and not yet taken; the batch behind them
        self._stock: StockPartitionRecords | None = None
        self._begins = True  # no row at or behind `fetch_offset` was found yet

    def take(self, n: int | None = None) -> PartitionRows:
        """The next rows, at most `n`; none where there are no more.

        Raises:
            CorruptRecordError, UnsupportedCodecError: as kafka-python does, after all rows before the bad batch.
            BatchTooLarge: a batch is larger than `max_batch_bytes`, likewise.
        """
        try:
            while self.record_iterator is not None:
                if self._rows.num_rows:
                    return self._handed_out(n)
                if self._stock is not None:
                    if rows := self._taken_by_kafka_python(self._stock, n):
                        return rows
                elif self._judged:
                    self._decode()
                elif self._decode_run(sys.maxsize if n is None else n):
                    continue
                elif not self._look_ahead(sys.maxsize if n is None else n):
                    self.drain()
        except Exception:
            self.drain()  # what comes next is fetched anew, and fails anew
            raise
        return PartitionRows()

    def drain(self) -> None:
        """Lets go of the fetch."""
        super().drain()
        self._part, self._contents, self._rows = memoryview(b""), [], _NO_ROWS

    def _without_questions(self) -> NDArray[np.bool_]:
        """Which batches are of the format that is known, and for their records wherever transactions do not matter."""
        table = self._headers
        simple: NDArray[np.bool_] = (
            (table[:, head.MAGIC] == head.FORMAT)
            & (table[:, head.END] - table[:, head.START] >= head.RECORDS_FROM)
            & (table[:, head.ATTRIBUTES] & head.CONTROL == 0)
            & ((table[:, head.PRODUCER_ID] < 0) | (not self._must_ask))
        )
        return simple

    @property
    def _must_ask(self) -> bool:
        """Whether records of a producer may be aborted ones."""
        return bool(self.aborted_transactions) and self.isolation_level == IsolationLevel.READ_COMMITTED

    def _handed_out(self, n: int | None) -> PartitionRows:
        taken = self._rows.slice(0, n)
        self._rows = self._rows.slice(taken.num_rows)
        if self._rows.num_rows:
            last_offset, epoch = (taken.column(name)[-1].as_py() for name in (OFFSET, "leader_epoch"))
            self.next_fetch_offset, self.leader_epoch = last_offset + 1, -1 if epoch is None else epoch
        else:
            self._move_behind(self._rows_end)
        self.records_read += taken.num_rows
        return PartitionRows(taken)

    def _move_behind(self, batch: int) -> None:
        """Sets the position behind the batch before this one."""
        header = self._headers[batch - 1]
        self.next_fetch_offset = int(header[head.BASE_OFFSET] + header[head.LAST_OFFSET_DELTA]) + 1
        if header[head.MAGIC] == head.FORMAT:
            self.leader_epoch = int(header[head.LEADER_EPOCH])

    def _decode_run(self, rows: int) -> bool:
        """Reads batches that compiled code reads by itself: to so many rows, or a turn; says whether some were good."""
        headers = self._headers[self._next : self._runs.end(self._next, rows, TURN_BYTES)]
        if not len(headers):
            return False
        room_bytes = min(TURN_BYTES, self.max_batch_bytes)
        found, good = fetched_record_batch(
            self.topic_partition.partition, headers, self._address, room_bytes, check_crcs=self.check_crcs
        )
        if not good:
            return False
        self.bytes_read += int((headers[:good, head.END] - headers[:good, head.START] - head.RECORDS_FROM).sum())
        self._next = self._rows_end = self._next + good
        self._rows = self._from_fetch_offset(found)
        if not self._rows.num_rows:
            self._move_behind(self._rows_end)
        return True

    def _look_ahead(self, rows: int) -> bool:
        """Judges as many batches as make `rows`, or a turn; says whether one of them is to be read."""
        size_bytes = 0
        while self._next < len(self._headers) and rows > 0 and size_bytes < TURN_BYTES:
            try:
                content = self._content(self._next)
            except (_NotReadHere, KafkaError) as err:
                if self._judged:
                    break
                if isinstance(err, KafkaError):
                    raise
                self._begin_by_kafka_python(self._next)
                self._next += 1
                return True
            if content is not None:
                self._judged.append(self._next)
                self._contents.append(content)
                rows -= int(self._headers[self._next, head.RECORDS])
                size_bytes += len(content)
            self._next += 1
        self.bytes_read += size_bytes
        if not self._judged and self._next:
            self._move_behind(self._next)
        return bool(self._judged)

    def _content(self, batch: int) -> memoryview | bytes | None:
        """The records of a batch; None where nobody is to get them. It may be asked again for the same batch."""
        start, end, crc, attributes = self._headers[batch, _FRAMING].tolist()
        if not self._simple[batch] and not self._is_readable(batch):
            raise _NotReadHere
        if self.check_crcs and crc32c(self._part[start + head.CHECKED_FROM : end]) != crc:
            raise _NotReadHere
        if not self._simple[batch] and not self._is_wanted(batch):
            return None
        content = self._part[start + head.RECORDS_FROM : end]
        codec = attributes & head.CODEC_MASK
        return self._decompressed(codec, content, batch) if codec else content

    def _is_readable(self, batch: int) -> bool:
        start, end, magic = self._headers[batch, : head.MAGIC + 1].tolist()
        return bool(magic == head.FORMAT and end - start >= head.RECORDS_FROM)

    def _is_wanted(self, batch: int) -> bool:
        """Whether it is neither a marker nor aborted."""
        header = self._headers[batch]
        last_offset = int(header[head.BASE_OFFSET] + header[head.LAST_OFFSET_DELTA])
        attributes, producer_id = int(header[head.ATTRIBUTES]), int(header[head.PRODUCER_ID])
        is_control = bool(attributes & head.CONTROL)
        if self.isolation_level == IsolationLevel.READ_COMMITTED and producer_id >= 0:
            self._consume_aborted_transactions_up_to(last_offset)
            if is_control:
                if self._ends_an_aborted_transaction(batch):
                    self.aborted_producer_ids.discard(producer_id)
            elif self._is_batch_aborted(TransactionBatch(producer_id, bool(attributes & head.TRANSACTIONAL))):
                return False
        return not is_control

    def _ends_an_aborted_transaction(self, batch: int) -> bool:
        start, end = self._headers[batch, : head.END + 1].tolist()
        try:
            return bool(self._contains_abort_marker(DefaultRecordBatch(self._part[start:end])))
        except (TypeError, ValueError, IndexError, struct.error, StopIteration) as err:  # the last: it holds no record
            raise CorruptRecordError(f"{self.topic_partition}: the marker of a transaction cannot be read") from err

    def _decompressed(self, codec: int, content: memoryview, batch: int) -> bytes:
        try:
            return decompressed(codec, content, self.max_batch_bytes)
        except Unreadable as err:
            raise _NotReadHere from err
        except AboveCeiling as err:
            start, end, _, offset = self._headers[batch, : head.BASE_OFFSET + 1].tolist()
            raise BatchTooLarge(self.topic_partition, offset, end - start, self.max_batch_bytes) from err

    def _decode(self) -> None:
        rows, good = record_batch(self.topic_partition.partition, self._headers[self._judged], self._contents)
        if not good:
            del self._contents[0]
            self._begin_by_kafka_python(self._judged.pop(0))
            return
        # Batches that nobody is to get may lie between the last that was decoded and the one behind it.
        self._rows_end = self._next if good == len(self._judged) else self._judged[good]
        del self._judged[:good], self._contents[:good]
        self._rows = self._from_fetch_offset(rows)
        if not self._rows.num_rows:
            self._move_behind(self._rows_end)

    def _from_fetch_offset(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """A batch is fetched whole, also where only its end is wanted."""
        if self._begins:
            wanted = rows.column(OFFSET).to_numpy() >= self.fetch_offset
            self._begins = not wanted.any()
            rows = rows.slice(rows.num_rows if self._begins else int(wanted.argmax()))
        return rows

    def _begin_by_kafka_python(self, batch: int) -> None:
        start, end, magic = self._headers[batch, : head.MAGIC + 1].tolist()
        records = MemoryRecords(self._part[start:end] if magic >= 0 else self._part[start:])
        self._stock = StockPartitionRecords(
            self.fetch_offset, self.topic_partition, records, check_crcs=self.check_crcs
        )
        if not self._begins:
            self._stock.fetch_offset = -sys.maxsize  # only what comes before the first row that is wanted is left out
        self._stock.leader_epoch = self.leader_epoch

    def _taken_by_kafka_python(self, stock: StockPartitionRecords, n: int | None) -> PartitionRows:
        try:
            rows = stock.take(n)
        except KafkaError:
            raise
        except Exception as err:  # what the codecs and the parser raise is of all kinds
            raise CorruptRecordError(f"{self.topic_partition}: a record batch cannot be read: {err!r}") from err
        self.next_fetch_offset, self.leader_epoch = stock.next_fetch_offset, stock.leader_epoch
        self.records_read += len(rows)
        self._begins = self._begins and not rows
        if not stock:
            self._stock = None
        return rows
