"""The values of a column of bytes: their lengths, and their bytes, which stay where Arrow has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from .packed_integers import Integers


class ByteStrings:
    """The values of a column of binary or string that are not null, in order."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        self._pieces: list[memoryview] = []
        lengths = []
        for chunk in column.chunks:
            known = chunk.drop_null() if chunk.null_count else chunk
            if count := len(known):
                _, ends, data = known.buffers()
                offsets = np.frombuffer(ends, np.int32)[known.offset : known.offset + count + 1]
                lengths.append(np.subtract(offsets[1:], offsets[:-1], dtype=np.int64))
                self._pieces.append(memoryview(data or b"")[offsets[0] : offsets[-1]])
        self.lengths: Integers = lengths[0] if len(lengths) == 1 else np.concatenate([np.empty(0, np.int64), *lengths])
        self.size_bytes = sum(map(len, self._pieces))

    def __len__(self) -> int:
        return len(self.lengths)

    def the_same(self) -> bytes | None:
        """What all of them are, None where they are unlike each other; there must be one."""
        size = int(self.lengths[0])
        first = bytes(self._pieces[0][:size])
        if (self.lengths != size).any():
            return None
        pieces = [np.frombuffer(piece, np.uint8) for piece in self._pieces if size]
        are_equal = all(piece[:size].tobytes() == first and (piece[size:] == piece[:-size]).all() for piece in pieces)
        return first if are_equal else None

    def values(self, begin: int, end: int) -> Iterator[memoryview]:
        """The bytes of the values from `begin` to before `end`, one behind the other."""
        start = int(self.lengths[:begin].sum())
        return self.cut(start, start + int(self.lengths[begin:end].sum()))

    def plain(self) -> bytes:
        """All values in the encoding PLAIN; for the few of a dictionary."""
        every, ends = b"".join(self._pieces), self.lengths.cumsum().tolist()
        return b"".join(plain(every[start:end]) for start, end in zip([0, *ends[:-1]], ends, strict=True))

    def cut(self, start: int, end: int) -> Iterator[memoryview]:
        """The bytes from `start` to before `end`, counted over all pieces."""
        for piece in self._pieces:
            found = piece[max(start, 0) : max(end, 0)]
            if len(found):
                yield found
            start, end = start - len(piece), end - len(piece)


def plain(value: bytes) -> bytes:
    """A value in the encoding PLAIN."""
    return len(value).to_bytes(4, "little") + value
