"""Columns as Parquet chunks, each in the encoding that suits what is in it.

Numbers are written as differences, texts of few values with a dictionary; a column of one value is a dictionary of one,
which takes some bytes. Payloads are moved as they are: their lengths, then all their bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .byte_strings import ByteStrings, plain
from .encoded_rows import Bounds, PayloadEncoding
from .packed_integers import Integers, differences
from .parquet_pages import (
    DELTA_BINARY_PACKED,
    DELTA_LENGTH_BYTE_ARRAY,
    PLAIN,
    RLE_DICTIONARY,
    UNCOMPRESSED,
    ZSTD,
    ColumnChunk,
    equal_indices,
    equal_levels,
    indices,
    levels,
)

PAGE_BYTES = 8 * 2**20  # of payloads before they are compressed, but for a single one that is larger
DICTIONARY_BYTES = 2**20  # at most: a larger one costs more than it saves
SMALL_BYTES = 64  # up to which nothing is compressed

Numbers = Integers | NDArray[np.int32]


def number_chunk(column: pa.ChunkedArray, *, bits: int, is_required: bool) -> tuple[ColumnChunk, Bounds]:
    """A column of integers or instants of 32 or 64 `bits`; its bounds are the integers that are stored."""
    rows, nulls = len(column), column.null_count
    chunk = ColumnChunk(UNCOMPRESSED, () if is_required else (nulls, rows - nulls))
    numbers = _numbers(column, np.int32 if bits == 32 else np.int64)
    level = b"" if is_required else definition_levels(column)
    if nulls == rows:
        chunk.add_data(rows, PLAIN, level)
        return chunk, Bounds(None, None, nulls)
    least, greatest = np.minimum.reduce(numbers), np.maximum.reduce(numbers)
    if least == greatest:
        _add_constant(chunk, rows, level, rows - nulls, least.tobytes())
    else:
        packed = differences(numbers.astype(np.int64, copy=False), bits)
        chunk.add_data(rows, DELTA_BINARY_PACKED, level, packed.data)
    return chunk, Bounds(int(least), int(greatest), nulls)


def text_chunk(column: pa.ChunkedArray, *, is_required: bool) -> tuple[ColumnChunk, Bounds]:
    """A column of texts that are few, with a dictionary."""
    rows, nulls = len(column), column.null_count
    chunk = ColumnChunk(UNCOMPRESSED, () if is_required else (nulls, rows - nulls))
    level = b"" if is_required else definition_levels(column)
    if nulls == rows:
        chunk.add_data(rows, PLAIN, level)
        return chunk, Bounds(None, None, nulls)
    if (text := ByteStrings(column).the_same()) is not None:  # a fifth of the time
        _add_constant(chunk, rows, level, rows - nulls, plain(text))
        return chunk, Bounds(text.decode(), text.decode(), nulls)
    encoded = column.combine_chunks().dictionary_encode()
    _add_with_dictionary(chunk, encoded, level)
    texts = encoded.dictionary.to_pylist()
    return chunk, Bounds(min(texts), max(texts), nulls)


def payload_chunk(column: pa.ChunkedArray, encoding: PayloadEncoding) -> ColumnChunk:
    """A column of bytes, any of them null."""
    nulls = column.null_count
    definitions = nulls, len(column) - nulls
    if encoding.has_dictionary and nulls < len(column):
        encoded = column.combine_chunks().dictionary_encode()
        if encoded.dictionary.nbytes <= DICTIONARY_BYTES:
            chunk = ColumnChunk(ZSTD, definitions)
            _add_with_dictionary(chunk, encoded, definition_levels(column))
            return chunk
    strings = ByteStrings(column)
    chunk = ColumnChunk(codec_of(strings), definitions, table=encoding.table)
    if strings.size_bytes <= PAGE_BYTES:
        add_bytes(chunk, len(column), definition_levels(column), strings, 0, len(strings))
        return chunk
    row = value = 0
    for row_end, value_end in _pages(column, strings):
        rows = row_end - row
        add_bytes(chunk, rows, definition_levels(column.slice(row, rows)), strings, value, value_end)
        row, value = row_end, value_end
    return chunk


def codec_of(strings: ByteStrings) -> int:
    """The codec for these values, which are compressed if there is something in them."""
    return ZSTD if strings.size_bytes > SMALL_BYTES else UNCOMPRESSED


def add_bytes(chunk: ColumnChunk, entries: int, level: bytes, strings: ByteStrings, begin: int, end: int) -> None:
    """Adds a page with the values from `begin` to before `end`; `entries` counts nulls, too."""
    if begin == end:
        chunk.add_data(entries, PLAIN, level)
    else:
        lengths = differences(strings.lengths[begin:end], 32)
        chunk.add_data(entries, DELTA_LENGTH_BYTE_ARRAY, level, lengths.data, *strings.values(begin, end))


def definition_levels(column: pa.ChunkedArray) -> bytes:
    """The levels of a column that may be null, as they stand in a page."""
    if not column.null_count:
        return equal_levels(len(column), 1)
    return levels(valid(column).view(np.uint8), 1)


def valid(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Which values are not null."""
    found: NDArray[np.bool_] = column.is_valid().to_numpy()
    return found


def _add_constant(chunk: ColumnChunk, rows: int, level: bytes, values: int, value: bytes) -> None:
    chunk.add_dictionary(1, value)
    chunk.add_data(rows, RLE_DICTIONARY, level, equal_indices(values))


def _add_with_dictionary(chunk: ColumnChunk, encoded: pa.DictionaryArray, level: bytes) -> None:
    distinct = encoded.dictionary
    places = encoded.indices.drop_null().to_numpy().astype(np.int64)
    chunk.add_dictionary(len(distinct), ByteStrings(pa.chunked_array([distinct])).plain())
    chunk.add_data(len(encoded), RLE_DICTIONARY, level, indices(places, len(distinct)))


def _pages(column: pa.ChunkedArray, strings: ByteStrings) -> Iterator[tuple[int, int]]:
    """Where each page ends, as a row and as a value."""
    rows = np.flatnonzero(valid(column))  # of the values
    ends = strings.lengths.cumsum()
    value = 0
    while value < len(strings):
        limit = ends[value] - strings.lengths[value] + PAGE_BYTES
        value = max(value + 1, int(np.searchsorted(ends, limit, side="right")))
        yield (int(rows[value]) if value < len(strings) else len(column)), value


def _numbers(column: pa.ChunkedArray, kind: type[np.int32] | type[np.int64]) -> Numbers:
    """The values that are not null, as they are stored."""
    parts = [_stored(chunk.drop_null() if chunk.null_count else chunk, kind) for chunk in column.chunks]
    return parts[0] if len(parts) == 1 else cast(Numbers, np.concatenate([np.empty(0, kind), *parts]))


def _stored(array: pa.Array, kind: type[np.int32] | type[np.int64]) -> Numbers:
    start = array.offset
    return cast(Numbers, np.frombuffer(array.buffers()[1], kind)[start : start + len(array)])
