"""zstd for the pages of a data file, with one of two tables in which it looks for matches."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from enum import Enum
from itertools import groupby
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from zstandard import ZstdCompressionParameters, ZstdCompressor

FRAME_BYTES = 2**20  # from which a piece of a page is compressed by itself
_LARGE_BYTES = 24 * 2**20  # more than a page needs while it is compressed

Content: TypeAlias = bytes | memoryview | pa.Buffer


class ZstdTable(Enum):
    """The table of zstd's level 1, by the logarithm of its places, which take four bytes each.

    Of real events (JSON of 220 bytes) the large one, with a window of 2 MiB, takes the CPU of lz4 and of snappy, and a
    third of their bytes. The small one stays in the processor's first cache: where it finds nearly as much, it takes
    up to a quarter less CPU; of other events it takes half again the bytes and more CPU. See `ColumnEncodings`.
    """

    SMALL = 12
    LARGE = 15


class _Compressors(threading.local):
    """One a table and thread, which serve again and again."""

    def __init__(self) -> None:
        self.of = {table: ZstdCompressor(compression_params=_parameters(table)) for table in ZstdTable}
        # glibc has new pages for each block that is larger than any that was given back; none of this one is touched.
        np.empty(_LARGE_BYTES, np.uint8)


def _parameters(table: ZstdTable) -> ZstdCompressionParameters:
    return ZstdCompressionParameters.from_level(1, window_log=21, hash_log=table.value)


_compressors = _Compressors()


def frames(content: Iterable[Content], table: ZstdTable) -> Iterator[Content]:
    """What a page holds, compressed: a large piece from where it is, those between two such joined.

    Frames that follow one another decompress to one text (RFC 8878, section 3), and so the page is not copied first.
    """
    compressor = _compressors.of[table]
    for is_large, pieces in groupby(content, lambda piece: len(piece) >= FRAME_BYTES):
        for piece in pieces if is_large else [b"".join(pieces)]:
            yield compressor.compress(piece)


def compressed_bytes(content: Content, table: ZstdTable) -> int:
    """What these bytes take as one frame."""
    return len(_compressors.of[table].compress(content))
