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


def record_batch(
    partition: int, headers: at.Ints, contents: Sequence[memoryview | bytes]
) -> tuple[pa.RecordBatch, int]:
    """The records of batches as columns (`RECORD_SCHEMA`), and of how many of the batches they are.

    `headers` are `[n, COLUMNS]`, `contents` the records of each, no longer compressed. Where one does not hold records
    as it should, it and those after it are left out.
    """
    held = [pa.py_buffer(content) for content in contents]  # keeps them in place
    table = _sections(headers, held)
    table, fields, totals = _scanned(table[: _possible(table)])
    if totals[at.NOT_ASCII]:
        table, fields, totals = _scanned(table[: _before_odd_keys(table)])
    return _columns(partition, headers[: len(table)], table, fields, totals), len(table)


def _sections(headers: at.Ints, held: Sequence[pa.Buffer]) -> at.Ints:
    table = np.empty((len(held), at.SECTION), np.int64)
    append = headers[:, head.ATTRIBUTES] & head.APPEND_TIME != 0
    table[:, at.ADDRESS] = [buffer.address for buffer in held]
    table[:, at.SIZE] = [buffer.size for buffer in held]
    table[:, at.RECORDS] = headers[:, head.RECORDS]
    table[:, at.BASE_OFFSET] = headers[:, head.BASE_OFFSET]
    table[:, at.BASE_TIME_MS] = np.where(append, headers[:, head.MAX_TIME_MS], headers[:, head.FIRST_TIME_MS])
    table[:, at.FIXED_TIME] = append
    return table


def _possible(table: at.Ints) -> int:
    """How many sections come before one with more records than its bytes can hold: nothing is reserved for those."""
    counts = table[:, at.RECORDS]
    bad = (counts < 0) | (counts * SMALLEST_RECORD > table[:, at.SIZE])
    return int(bad.argmax()) if bad.any() else len(table)


def _scanned(table: at.Ints) -> tuple[at.Ints, at.Ints, at.Ints]:
    """The sections before the first bad one, the fields of their records, and their totals."""
    while True:
        fields = np.empty((int(table[:, at.RECORDS].sum()), at.FIELDS), np.int64)
        totals = np.zeros(at.TOTALS, np.int64)
        good = at.scan(table, fields, totals)
        if good == len(table):
            return table, fields, totals
        table = table[:good]  # what was found in part of a bad one is in the totals


def _before_odd_keys(table: at.Ints) -> int:
    """How many sections come before the first one with a header key that is not UTF-8; all, where there is none."""
    for number in range(len(table)):
        one = table[number : number + 1]
        _, fields, totals = _scanned(one)
        if totals[at.NOT_ASCII]:
            try:
                _headers(one, fields, totals).values.field(0).validate(full=True)
            except pa.ArrowInvalid:
                return number
    return len(table)


def _columns(partition: int, headers: at.Ints, table: at.Ints, fields: at.Ints, totals: at.Ints) -> pa.RecordBatch:
    rows, counts = len(fields), table[:, at.RECORDS]
    keys, values = _keys_and_values(table, fields, totals)
    columns = [
        _fixed(pa.int32(), np.full(rows, partition, np.int32)),
        _fixed(pa.int64(), np.ascontiguousarray(fields[:, at.OFFSET])),
        _fixed_or_null(UTC_MICROSECONDS, fields[:, at.TIMESTAMP], factor=1_000),
        _timestamp_types(table[:, at.FIXED_TIME], counts),
        _fixed_or_null(pa.int32(), np.repeat(headers[:, head.LEADER_EPOCH].astype(np.int32), counts)),
        keys,
        values,
        _headers(table, fields, totals),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=RECORD_SCHEMA)


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


def _keys_and_values(table: at.Ints, fields: at.Ints, totals: at.Ints) -> tuple[pa.Array, pa.Array]:
    keys = _Texts(len(fields), totals[at.KEY_BYTES], has_nulls=bool(totals[at.NULL_KEYS]))
    values = _Texts(len(fields), totals[at.VALUE_BYTES], has_nulls=bool(totals[at.NULL_VALUES]))
    at.gather(table, fields, keys.ends, keys.address, keys.valid, values.ends, values.address, values.valid)
    return keys.array(pa.binary()), values.array(pa.binary())


def _headers(table: at.Ints, fields: at.Ints, totals: at.Ints) -> pa.Array:
    count = int(totals[at.HEADER_TOTAL])
    ends = np.zeros(len(fields) + 1, np.int32)
    keys = _Texts(count, totals[at.HEADER_KEY_BYTES], has_nulls=False)
    values = _Texts(count, totals[at.HEADER_VALUE_BYTES], has_nulls=True)
    if count:
        at.gather_headers(table, fields, ends, keys.ends, keys.address, values.ends, values.address, values.valid)
    each = pa.StructArray.from_arrays(
        [keys.array(pa.string()), values.array(pa.binary())], fields=list(HEADERS.value_type)
    )
    return pa.ListArray.from_arrays(_fixed(pa.int32(), ends), each, type=HEADERS)


class _Texts:
    """Room for so many texts of so many bytes together, and which of them are not null."""

    def __init__(self, count: int, size_bytes: int, *, has_nulls: bool) -> None:
        self.ends = np.zeros(count + 1, np.int32)
        self.valid = np.empty(count if has_nulls else 0, np.bool_)
        self._count, self._content = count, np.empty(size_bytes, np.uint8)

    @property
    def address(self) -> int:
        return int(self._content.ctypes.data)

    def array(self, kind: pa.DataType) -> pa.Array:
        """What was put there, as `kind`, which is binary or string."""
        buffers = [_bitmap(self.valid), pa.py_buffer(self.ends), pa.py_buffer(self._content)]
        return pa.Array.from_buffers(kind, self._count, buffers)
