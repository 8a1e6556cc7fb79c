"""Record batches as Arrow columns: all batches of one turn at once, and no Python object for a record."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from . import batch_headers as head
from . import record_fields as at
from .raw_columns import HEADERS, RECORD_SCHEMA, TIMESTAMP_TYPES, UTC_MICROSECONDS

SMALLEST_RECORD = 7  # bytes: one for each of its fields
FULL = 0.8  # of the room for texts: what is more empty is not kept


def record_batch(
    partition: int, headers: at.Ints, contents: Sequence[memoryview | bytes]
) -> tuple[pa.RecordBatch, int]:
    """The records of batches as columns (`RECORD_SCHEMA`), and of how many of the batches they are.

    `headers` are `[n, COLUMNS]`, `contents` the records of each, no longer compressed. Where one does not hold records
    as it should, it and those after it are left out.
    """
    held = [pa.py_buffer(content) for content in contents]  # keeps them in place
    addresses, sizes = (np.array([getattr(each, name) for each in held], np.int64) for name in ("address", "size"))
    return _rows_of(partition, headers, _sections(headers, addresses, sizes))


def plain_record_batch(
    partition: int, headers: at.Ints, address: int, *, check_crcs: bool
) -> tuple[pa.RecordBatch, int]:
    """Likewise of batches that are not compressed, in a part at `address`; one with a wrong CRC is left out as well."""
    size = headers[:, head.END] - headers[:, head.START] - head.RECORDS_FROM
    table = _sections(headers, address + headers[:, head.START] + head.RECORDS_FROM, size)
    if check_crcs:
        table[:, at.CHECKED_BEFORE] = head.RECORDS_FROM - head.CHECKED_FROM
    return _rows_of(partition, headers, table)


def _sections(headers: at.Ints, addresses: at.Ints, sizes: at.Ints) -> at.Ints:
    table = np.empty((len(headers), at.SECTION), np.int64)
    append = headers[:, head.ATTRIBUTES] & head.APPEND_TIME != 0
    table[:, at.ADDRESS] = addresses
    table[:, at.SIZE] = sizes
    table[:, at.RECORDS] = headers[:, head.RECORDS]
    table[:, at.BASE_OFFSET] = headers[:, head.BASE_OFFSET]
    table[:, at.BASE_TIME_MS] = np.where(append, headers[:, head.MAX_TIME_MS], headers[:, head.FIRST_TIME_MS])
    table[:, at.FIXED_TIME] = append
    table[:, at.CHECKED_BEFORE] = -1
    table[:, at.CRC] = headers[:, head.CRC]
    return table


def _rows_of(partition: int, headers: at.Ints, table: at.Ints) -> tuple[pa.RecordBatch, int]:
    rows = _Rows(table[: _possible(table)])
    if rows.totals[at.NOT_ASCII]:
        rows = _Rows(rows.table[: _before_odd_keys(rows.table)])
    return rows.columns(partition, headers[: len(rows.table)]), len(rows.table)


def _possible(table: at.Ints) -> int:
    """How many sections come before one with more records than its bytes can hold: nothing is reserved for those."""
    counts = table[:, at.RECORDS]
    bad = (counts < 0) | (counts * SMALLEST_RECORD > table[:, at.SIZE])
    return int(bad.argmax()) if bad.any() else len(table)


def _before_odd_keys(table: at.Ints) -> int:
    """How many sections come before the first one with a header key that is not UTF-8; all, where there is none."""
    for number in range(len(table)):
        rows = _Rows(table[number : number + 1])
        if rows.totals[at.NOT_ASCII]:
            try:
                rows.headers().values.field(0).validate(full=True)
            except pa.ArrowInvalid:
                return number
    return len(table)


class _Rows:
    """The rows of the sections before the first bad one; `table` is of these sections."""

    def __init__(self, table: at.Ints) -> None:
        counts, size_bytes = table[:, at.RECORDS], int(table[:, at.SIZE].sum())
        rows, most = int(counts.sum()), int(counts.max(initial=0))
        self.offsets, self._times_ms, self._places = (np.empty(rows, np.int64) for _ in range(3))
        self._keys, self._values = _Texts(rows, size_bytes), _Texts(rows, size_bytes)
        self._header_ends = np.zeros(rows + 1, np.int32)
        self.totals = np.zeros(at.TOTALS, np.int64)
        fields, texts = np.empty((most, at.FIELDS), np.int64), (*self._keys.room, *self._values.room)
        columns = (self.offsets, self._times_ms, *texts, self._header_ends, self._places, self.totals)
        self.table = table[: at.read(table, fields, *columns)]
        self._count = int(self.table[:, at.RECORDS].sum())

    def columns(self, partition: int, headers: at.Ints) -> pa.RecordBatch:
        """All columns; `headers` are those of the batches."""
        rows, counts = self._count, self.table[:, at.RECORDS]
        columns = [
            _fixed(pa.int32(), np.full(rows, partition, np.int32)),
            _fixed(pa.int64(), self.offsets[:rows]),
            _fixed_or_null(UTC_MICROSECONDS, self._times_ms[:rows], factor=1_000),
            _timestamp_types(self.table[:, at.FIXED_TIME], counts),
            _fixed_or_null(pa.int32(), np.repeat(headers[:, head.LEADER_EPOCH].astype(np.int32), counts)),
            self._keys.array(pa.binary(), rows),
            self._values.array(pa.binary(), rows),
            self.headers(),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=RECORD_SCHEMA)

    def headers(self) -> pa.Array:
        """The headers of each row."""
        ends = self._header_ends[: self._count + 1]
        count = int(ends[-1])
        keys, values = (_Texts(count, int(self.totals[each])) for each in (at.HEADER_KEY_BYTES, at.HEADER_VALUE_BYTES))
        if count:
            at.gather_headers(self.table, self._places, ends, *keys.room, *values.room)
        each = pa.StructArray.from_arrays(
            [keys.array(pa.string(), count), values.array(pa.binary(), count)], fields=list(HEADERS.value_type)
        )
        return pa.ListArray.from_arrays(_fixed(pa.int32(), ends), each, type=HEADERS)


def _fixed(kind: pa.DataType, values: NDArray[np.generic], nulls: pa.Buffer | None = None) -> pa.Array:
    return pa.Array.from_buffers(kind, len(values), [nulls, pa.py_buffer(values)])


def _fixed_or_null(kind: pa.DataType, numbers: NDArray[np.integer], factor: int = 1) -> pa.Array:
    """Numbers below zero say that there is none."""
    return _fixed(kind, np.ascontiguousarray(numbers * factor), _bitmap(numbers >= 0))


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
    """Room for so many texts of at most so many bytes together, and which of them are not null."""

    def __init__(self, count: int, size_bytes: int) -> None:
        self._ends = np.zeros(count + 1, np.int32)
        self._valid = np.empty(count, np.bool_)
        self._content = np.empty(size_bytes, np.uint8)

    @property
    def room(self) -> tuple[NDArray[np.int32], int, NDArray[np.bool_]]:
        """Where they go, as `record_fields.put` takes it."""
        return self._ends, int(self._content.ctypes.data), self._valid

    def array(self, kind: pa.DataType, count: int) -> pa.Array:
        """The first of what was put there, as `kind`, which is binary or string."""
        ends = self._ends[: count + 1]
        content = self._content[: ends[-1]]
        if len(content) < FULL * len(self._content):
            content = content.copy()  # else the whole room would be held as long as they are
        buffers = [_bitmap(self._valid[:count]), pa.py_buffer(ends), pa.py_buffer(content)]
        return pa.Array.from_buffers(kind, count, buffers)
