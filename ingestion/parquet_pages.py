"""Pages of a Parquet file, and the column chunks that they make: each page has a checksum, and may be compressed.

See https://github.com/apache/parquet-format: README.md has the layout, parquet.thrift the numbers.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from zstandard import ZstdCompressionParameters, ZstdCompressor

from .compact_thrift import Value, i32, struct, varint
from .packed_integers import Bytes, Integers, runs

PLAIN, RLE, DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY, RLE_DICTIONARY = 0, 3, 5, 6, 8  # encodings
UNCOMPRESSED, ZSTD = 0, 6  # codecs
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
_RLE = i32(RLE)

# Of real events (JSON of 220 bytes) zstd at level 1 takes the CPU of lz4 and of snappy, and half their bytes; with a
# window of 2 MiB in place of 512 KiB and a table twice as large it takes an eighth less CPU, and a twelfth fewer bytes.
_ZSTD = ZstdCompressionParameters.from_level(1, window_log=21, hash_log=15)
FRAME_BYTES = 2**20  # from which a piece of a page is compressed by itself
_LARGE_BYTES = 24 * 2**20  # more than a page needs while it is compressed

Content: TypeAlias = bytes | memoryview | pa.Buffer


class _Compressor(threading.local):
    """One a thread, whose tables serve again and again."""

    def __init__(self) -> None:
        self.zstd = ZstdCompressor(compression_params=_ZSTD)
        # glibc has new pages for each block that is larger than any that was given back; none of this one is touched.
        np.empty(_LARGE_BYTES, np.uint8)


_compressor = _Compressor()


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
        stored = content if self.codec == UNCOMPRESSED else list(_frames(content))
        whole, size, checksum = sum(map(len, content)), sum(map(len, stored)), 0
        for piece in stored:
            checksum = zlib.crc32(piece, checksum)
        signed = checksum - (checksum >> 31 << 32)
        _, head = struct({1: i32(kind), 2: i32(whole), 3: i32(size), 4: i32(signed), **header})
        self.pages += head, *stored
        self.size_bytes += len(head) + size
        self.uncompressed_bytes += len(head) + whole


def _frames(content: Iterable[Content]) -> Iterator[Content]:
    """What a page holds, compressed: a large piece from where it is, those between two such joined.

    Frames that follow one another decompress to one text (RFC 8878, section 3), and so the page is not copied first.
    """
    for is_large, pieces in groupby(content, lambda piece: len(piece) >= FRAME_BYTES):
        for piece in pieces if is_large else [b"".join(pieces)]:
            yield _compressor.zstd.compress(piece)


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
