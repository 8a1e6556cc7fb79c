"""The checksum of (partition, offset) pairs that a commit of the lander announces, and that fsck makes again.

It is the sha256, in hex, of these bytes: for each partition that has rows, in ascending order, its number as 4 bytes,
then its offsets in ascending order as 8 bytes each, all little-endian and signed. It depends on the rows alone and not
on the files that hold them, so it can be made again after a compaction.
"""

from __future__ import annotations

import hashlib

import pyarrow as pa

OFFSET_BYTES = 8


class PlacesDigest:
    """Takes places in the order (partition, offset); a partition may come in several pieces, one behind the other."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._partition: int | None = None

    def add(self, partition: int, offsets: pa.Array) -> None:
        """Takes offsets of a partition, an `int64` array without nulls."""
        if partition != self._partition:
            self._digest.update(partition.to_bytes(4, "little", signed=True))
            self._partition = partition
        start = offsets.offset * OFFSET_BYTES
        self._digest.update(memoryview(offsets.buffers()[1])[start : start + len(offsets) * OFFSET_BYTES])

    def hex(self) -> str:
        """The checksum of what was taken."""
        return self._digest.hexdigest()
