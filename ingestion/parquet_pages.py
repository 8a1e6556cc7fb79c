"""Pages of a Parquet file, and the column chunks that they make: each page has a checksum, and may be compressed.

See https://github.com/apache/parquet-format: README.md has the layout, parquet.thrift the numbers.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from .compact_thrift import Value, i32, struct, varint
from .packed_integers import Bytes, Integers, runs
from .page_compression import Content, ZstdTable, frames

PLAIN, RLE, DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY, RLE_DICTIONARY = 0, 3, 5, 6, 8  # encodings
UNCOMPRESSED, ZSTD = 0, 6  # codecs
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
_RLE = i32(RLE)


@dataclass
class ColumnChunk:
    """The pages of one column, as they stand in the file, and what its footer has to say of them."""

    codec: int
    definitions: Sequence[int] = ()  # how many values have each level, from 0 on; () where there is but one level
    repetitions: Sequence[int] = ()
    values: int = 0  # with nulls; of a list with its empty rows
    encodings: list[int] = field(default_factory=lambda: [RLE])  # the first is that of the levels
    pages: list[Content] = field(default_factory=list)
    size_bytes: int = 0
    uncompressed_bytes: int = 0
    dictionary_bytes: int = 0  # what the first page takes, if that is a dictionary; 0: it is not
    table: ZstdTable = ZstdTable.LARGE

    def add_dictionary(self, values: int, content: Content) -> None:
        """Adds the page of the dictionary, which is to be the first: values in the encoding PLAIN."""
        self._add(_DICTIONARY_PAGE, _dictionary_header(values), content)
        self.dictionary_bytes = self.size_bytes

    def add_data(self, values: int, encoding: int, *content: Content) -> None:
        """Adds a page of so many values, nulls among them: the levels, and then the values in the encoding."""
        self._add(_DATA_PAGE, _data_header(values, encoding), *content)
        self.values += values
        if encoding not in self.encodings:
            self.encodings.append(encoding)

    def _add(self, kind: int, header: dict[int, Value], *content: Content) -> None:
        stored = content if self.codec == UNCOMPRESSED else list(frames(content, self.table))
        whole, size, checksum = sum(map(len, content)), sum(map(len, stored)), 0
        for piece in stored:
            checksum = zlib.crc32(piece, checksum)
        signed = checksum - (checksum >> 31 << 32)
        _, head = struct({1: i32(kind), 2: i32(whole), 3: i32(size), 4: i32(signed), **header})
        self.pages += head, *stored
        self.size_bytes += len(head) + size
        self.uncompressed_bytes += len(head) + whole


def levels(values: Bytes, highest: int) -> bytes:
    """Definition or repetition levels up to `highest`, as they stand in a page."""
    packed = runs(values, highest.bit_length()).tobytes()
    return len(packed).to_bytes(4, "little") + packed


def equal_levels(count: int, level: int) -> bytes:
    """Levels that are all the same, below 256, as they stand in a page."""
    packed = _equal_run(count, level)
    return len(packed).to_bytes(4, "little") + packed


def indices(values: Integers, distinct: int) -> bytes:
    """Places in a dictionary of `distinct` values, as they stand in a page."""
    width = max(1, (distinct - 1).bit_length())
    return bytes((width,)) + runs(values, width).tobytes()


def equal_indices(count: int) -> bytes:
    """Places in a dictionary of one value, as they stand in a page."""
    return b"\1" + _equal_run(count, 0)


def _equal_run(count: int, value: int) -> bytes:
    return varint(count << 1) + bytes((value,))


@lru_cache(64)
def _data_header(values: int, encoding: int) -> dict[int, Value]:
    return {5: struct({1: i32(values), 2: i32(encoding), 3: _RLE, 4: _RLE})}


@lru_cache(64)
def _dictionary_header(values: int) -> dict[int, Value]:
    return {7: struct({1: i32(values), 2: i32(PLAIN)})}
