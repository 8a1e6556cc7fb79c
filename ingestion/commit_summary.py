"""What a commit says of its own rows, so that they can be audited, and a loss noticed, without reading others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from headrace.tables import OFFSET, PARTITION

OFFSET_BYTES = 8


@dataclass(frozen=True)
class OffsetRange:
    """The offsets of one partition in one commit: the first, the last, and how many; some in between may be missing."""

    first: int
    last: int
    rows: int


@dataclass(frozen=True)
class CommitSummary:
    """The ranges by partition, and the checksum of all (partition, offset) pairs.

    The checksum is the sha256, in hex, of these bytes: for each partition that has rows, in ascending order, its number
    as 4 bytes, then its offsets in ascending order as 8 bytes each, all little-endian and signed. It depends on the
    rows alone and not on the files that hold them, so it can be made again after a compaction.
    """

    rows: int
    offsets: dict[int, OffsetRange]
    checksum: str

    @classmethod
    def of(cls, rows: pa.Table) -> CommitSummary:
        """The summary of rows of a raw table, which are in the order (partition, offset)."""
        digest = hashlib.sha256()
        ranges: dict[int, OffsetRange] = {}
        for partition, offsets in _runs(rows):
            if partition not in ranges:
                digest.update(partition.to_bytes(4, "little", signed=True))
            digest.update(_little_endian(offsets))
            first, last = offsets[0].as_py(), offsets[-1].as_py()
            before = ranges.get(partition, OffsetRange(first, last, 0))
            ranges[partition] = OffsetRange(before.first, last, before.rows + len(offsets))
        return cls(rows.num_rows, ranges, digest.hexdigest())

    def notes(self) -> dict[str, object]:
        """The summary as the log carries it; offsets as [first, last, rows]."""
        offsets = {str(partition): [each.first, each.last, each.rows] for partition, each in self.offsets.items()}
        return {"rows": self.rows, "offsets": offsets, "checksum": self.checksum}


def _runs(rows: pa.Table) -> Iterator[tuple[int, pa.Array]]:
    """The offsets of each run of rows of one partition."""
    for partitions, offsets in zip(rows.column(PARTITION).chunks, rows.column(OFFSET).chunks, strict=True):
        runs = pc.run_end_encode(partitions)
        start = 0
        for partition, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            yield partition, offsets.slice(start, end - start)
            start = end


def _little_endian(offsets: pa.Array) -> memoryview:
    start = offsets.offset * OFFSET_BYTES
    return memoryview(offsets.buffers()[1])[start : start + len(offsets) * OFFSET_BYTES]
