"""Record batches as Arrow columns: all batches of one turn at once, and no Python object for a record."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from . import batch_headers as head
from . import record_fields as at
from .batch_compression import LZ4
from .lz4_frames import SLACK_BYTES
from .raw_columns import HEADERS, LAST_MS, RECORD_SCHEMA, TIMESTAMP_TYPES, UTC_MICROSECONDS

Number = TypeVar("Number", bound=np.generic)

SMALLEST_RECORD = 7  # bytes: one for each of its fields
FULL = 0.8  # of what was reserved: what is more empty is not kept
MARGIN = 1.05  # by which more is reserved than is expected
KEPT_BYTES = 9 * 2**20  # of each part of the workspace: a turn, and a batch that goes beyond it


def record_batch(
    partition: int, headers: at.Ints, contents: Sequence[memoryview | bytes]
) -> tuple[pa.RecordBatch, int]:
    """The records of batches as columns (`RECORD_SCHEMA`), and of how many of the batches they are.

    `headers` are `[n, COLUMNS]`, `contents` the records of each, no longer compressed. Where one does not hold records
    as it should, it and those after it are left out.
    """
    held = [pa.py_buffer(content) for content in contents]  # keeps them in place
    addresses, sizes = (np.array([getattr(each, name) for each in held], np.int64) for name in ("address", "size"))
    return _rows_of(partition, headers, _sections(headers, addresses, sizes), int(sizes.sum()))


def fetched_record_batch(
    partition: int, headers: at.Ints, address: int, room_bytes: int, *, check_crcs: bool
) -> tuple[pa.RecordBatch, int]:
    """Likewise of batches as they are in a part at `address`, all of them plain or all LZ4 frames.

    One with a wrong CRC is left out as well, and one with which frames would hold more than `room_bytes`.
    """
    sizes = headers[:, head.END] - headers[:, head.START] - head.RECORDS_FROM
    table = _sections(headers, address + headers[:, head.START] + head.RECORDS_FROM, sizes)
    if check_crcs:
        table[:, at.CHECKED_BEFORE] = head.RECORDS_FROM - head.CHECKED_FROM
    table[:, at.IS_LZ4] = headers[:, head.ATTRIBUTES] & head.CODEC_MASK == LZ4
    if not table[:, at.IS_LZ4].any():
        return _rows_of(partition, headers, table, int(sizes.sum()))
    found, good = _rows_of(partition, headers, table, min(room_bytes, _workspace.expected_bytes(int(sizes.sum()))))
    return (found, good) if good else _rows_of(partition, headers, table, room_bytes)


def _sections(headers: at.Ints, addresses: at.Ints, sizes: at.Ints) -> at.Ints:
    table = np.empty((len(headers), at.SECTION), np.int64)
    append = headers[:, head.ATTRIBUTES] & head.APPEND_TIME != 0
    table[:, at.ADDRESS] = addresses
    table[:, at.SIZE] = sizes
    table[:, at.IS_LZ4] = False
    table[:, at.RECORDS] = headers[:, head.RECORDS]
    table[:, at.BASE_OFFSET] = headers[:, head.BASE_OFFSET]
    table[:, at.BASE_TIME_MS] = np.where(append, headers[:, head.MAX_TIME_MS], headers[:, head.FIRST_TIME_MS])
    table[:, at.FIXED_TIME] = append
    table[:, at.CHECKED_BEFORE] = -1
    table[:, at.CRC] = headers[:, head.CRC]
    return table


def _rows_of(partition: int, headers: at.Ints, table: at.Ints, room_bytes: int) -> tuple[pa.RecordBatch, int]:
    rows = _Rows(table[: _possible(table, room_bytes)], room_bytes)
    if rows.totals[at.NOT_ASCII]:
        rows = _Rows(rows.table[: _before_odd_keys(rows.table, room_bytes)], room_bytes)
    return rows.columns(partition, headers[: len(rows.table)]), len(rows.table)


def _possible(table: at.Ints, room_bytes: int) -> int:
    """How many sections come before there are more records than bytes can hold: nothing is reserved for those."""
    counts = table[:, at.RECORDS]
    most_bytes = np.where(table[:, at.IS_LZ4], room_bytes, table[:, at.SIZE])
    bad = (counts < 0) | (counts * SMALLEST_RECORD > most_bytes) | (counts.cumsum() * SMALLEST_RECORD > room_bytes)
    return int(bad.argmax()) if bad.any() else len(table)


def _before_odd_keys(table: at.Ints, room_bytes: int) -> int:
    """How many sections come before the first one with a header key that is not UTF-8; all, where there is none."""
    for number in range(len(table)):
        rows = _Rows(table[number : number + 1], room_bytes)
        if rows.totals[at.NOT_ASCII]:
            try:
                rows.headers().values.field(0).validate(full=True)
            except pa.ArrowInvalid:
                return number
    return len(table)


class _Rows:
    """The rows of the sections before the first bad one; `table` is of these sections, which have `room_bytes`."""

    def __init__(self, table: at.Ints, room_bytes: int) -> None:
        counts = table[:, at.RECORDS]
        rows = int(counts.sum())
        scratch, keys, self._headers = _workspace.rooms(room_bytes + SLACK_BYTES)
        self._offsets, self._times_ms = (np.empty(rows, np.int64) for _ in range(2))
        self._keys, self._values = _CopiedTexts(rows, keys), _Texts(rows, np.empty(room_bytes, np.uint8))
        self._header_ends = np.zeros(rows + 1, np.int32)
        self.totals = np.zeros(at.TOTALS, np.int64)
        texts = (*self._keys.room, *self._values.room)
        columns = (self._offsets, self._times_ms, *texts, self._header_ends, self._headers, self.totals)
        self.table = table[: at.read(table, scratch, room_bytes, *columns)]
        self._count = int(self.table[:, at.RECORDS].sum())
        if self.table[:, at.IS_LZ4].any():
            _workspace.expect(int(self.totals[at.CONTENT_BYTES]), int(self.table[:, at.SIZE].sum()))

    def columns(self, partition: int, headers: at.Ints) -> pa.RecordBatch:
        """All columns; `headers` are those of the batches. To be asked for before other rows are read."""
        rows, counts = self._count, self.table[:, at.RECORDS]
        columns = [
            _fixed(pa.int32(), np.full(rows, partition, np.int32)),
            _fixed(pa.int64(), _kept(self._offsets, rows)),
            _times(self._times_ms[:rows]),
            _timestamp_types(self.table[:, at.FIXED_TIME], counts),
            _fixed_or_null(pa.int32(), np.repeat(headers[:, head.LEADER_EPOCH].astype(np.int32), counts)),
            self._keys.array(pa.binary(), rows),
            self._values.array(pa.binary(), rows),
            self.headers(),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=RECORD_SCHEMA)

    def headers(self) -> pa.Array:
        """The headers of each row, likewise."""
        ends = _kept(self._header_ends, self._count + 1)
        count = int(ends[-1])
        sizes = (int(self.totals[each]) for each in (at.HEADER_KEY_BYTES, at.HEADER_VALUE_BYTES))
        keys, values = (_Texts(count, np.empty(size, np.uint8)) for size in sizes)
        at.gather_headers(self._headers[: self.totals[at.HEADER_BYTES]], *keys.room, *values.room)
        texts = [keys.array(pa.string(), count), values.array(pa.binary(), count)]
        each = pa.Array.from_buffers(HEADERS.value_type, count, [None], children=texts)
        return pa.Array.from_buffers(HEADERS, self._count, [None, pa.py_buffer(ends)], children=[each])


class _Workspace(threading.local):
    """Memory that turns need and no rows keep: the same again, as new memory costs more than what is done in it."""

    def __init__(self) -> None:
        self._rooms = self._new(0)
        self._factor = 1.0

    def expect(self, content_bytes: int, size_bytes: int) -> None:
        """Notes to how many bytes so many have been decompressed."""
        self._factor = content_bytes / size_bytes

    def expected_bytes(self, size_bytes: int) -> int:
        """About how many bytes these will be, if they are like the last ones."""
        return int(size_bytes * self._factor * MARGIN)

    def rooms(self, size_bytes: int) -> list[NDArray[np.uint8]]:
        """Three of at least this size. What is in them holds until they are asked for again."""
        if size_bytes > KEPT_BYTES:
            return self._new(size_bytes)
        if size_bytes > len(self._rooms[0]):
            self._rooms = self._new(size_bytes)
        return self._rooms

    def _new(self, size_bytes: int) -> list[NDArray[np.uint8]]:
        return [np.empty(size_bytes, np.uint8) for _ in range(3)]


_workspace = _Workspace()


def _kept(reserved: NDArray[Number], count: int) -> NDArray[Number]:
    """The first of an array, in memory of their own where else much that is empty would be held as long as they are."""
    first = reserved[:count]
    return first if count >= FULL * len(reserved) else first.copy()


def _fixed(kind: pa.DataType, values: NDArray[np.generic], nulls: pa.Buffer | None = None) -> pa.Array:
    return pa.Array.from_buffers(kind, len(values), [nulls, pa.py_buffer(values)])


def _times(times_ms: NDArray[np.int64]) -> pa.Array:
    """What is no time, or has no number in microseconds, is null."""
    held = (times_ms >= 0) & (times_ms <= LAST_MS)
    return _fixed(UTC_MICROSECONDS, times_ms * 1_000, _bitmap(held))


def _fixed_or_null(kind: pa.DataType, numbers: NDArray[np.integer]) -> pa.Array:
    """Numbers below zero say that there is none."""
    return _fixed(kind, np.ascontiguousarray(numbers), _bitmap(numbers >= 0))


def _bitmap(valid: NDArray[np.bool_]) -> pa.Buffer | None:
    return None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))


def _timestamp_types(append: at.Ints, counts: at.Ints) -> pa.Array:
    rows = int(counts.sum())
    if append.any():
        names = pa.array([TIMESTAMP_TYPES[0], TIMESTAMP_TYPES[1]], pa.string())
        return names.take(pa.array(np.repeat(append, counts)))
    text = TIMESTAMP_TYPES[0].encode()
    ends = np.arange(0, (rows + 1) * len(text), len(text), dtype=np.int32)
    return pa.Array.from_buffers(pa.string(), rows, [None, pa.py_buffer(ends), pa.py_buffer(text * rows)])


class _Texts:
    """So many texts, which have this room together, and which of them are not null."""

    def __init__(self, count: int, content: NDArray[np.uint8]) -> None:
        self._ends = np.zeros(count + 1, np.int32)
        self._valid = np.empty(count, np.bool_)
        self._content = content

    @property
    def room(self) -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.bool_]]:
        """Where they go, as `record_fields.put` takes it."""
        return self._ends, self._content, self._valid

    def array(self, kind: pa.DataType, count: int) -> pa.Array:
        """The first of what was put there, as `kind`, which is binary or string."""
        ends = _kept(self._ends, count + 1)
        buffers = [_bitmap(self._valid[:count]), pa.py_buffer(ends), pa.py_buffer(self._first(int(ends[-1])))]
        return pa.Array.from_buffers(kind, count, buffers)

    def _first(self, size_bytes: int) -> NDArray[np.uint8]:
        return _kept(self._content, size_bytes)


class _CopiedTexts(_Texts):
    """Likewise, in room that is not theirs for long."""

    def _first(self, size_bytes: int) -> NDArray[np.uint8]:
        return self._content[:size_bytes].copy()
