"""What a commit says of its own rows, so that they can be audited, and a loss noticed, without reading others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from headrace.places_digest import PlacesDigest
from headrace.tables import OFFSET, PARTITION


@dataclass(frozen=True)
class OffsetRange:
    """The offsets of one partition in one commit: the first, the last, and how many; some in between may be missing."""

    first: int
    last: int
    rows: int


@dataclass(frozen=True)
class CommitSummary:
    """The ranges by partition, and the checksum of all (partition, offset) pairs: see `PlacesDigest`."""

    rows: int
    offsets: dict[int, OffsetRange]
    checksum: str

    @classmethod
    def of(cls, rows: pa.Table) -> CommitSummary:
        """The summary of rows of a raw table, which are in the order (partition, offset)."""
        digest = PlacesDigest()
        ranges: dict[int, OffsetRange] = {}
        for partition, offsets in _runs(rows):
            digest.add(partition, offsets)
            first, last = offsets[0].as_py(), offsets[-1].as_py()
            before = ranges.get(partition, OffsetRange(first, last, 0))
            ranges[partition] = OffsetRange(before.first, last, before.rows + len(offsets))
        return cls(rows.num_rows, ranges, digest.hex())

    def notes(self) -> dict[str, object]:
        """The summary as the log carries it; offsets as [first, last, rows]."""
        offsets = {str(partition): [each.first, each.last, each.rows] for partition, each in self.offsets.items()}
        return {"rows": self.rows, "offsets": offsets, "checksum": self.checksum}


def _runs(rows: pa.Table) -> Iterator[tuple[int, pa.Array]]:
    """The offsets of each run of rows of one partition."""
    for partitions, offsets in zip(rows.column(PARTITION).chunks, rows.column(OFFSET).chunks, strict=True):
        if len(partitions) and partitions[0] == partitions[-1]:  # in order, so that it is the only one
            yield partitions[0].as_py(), offsets
            continue
        runs = pc.run_end_encode(partitions)
        start = 0
        for partition, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            yield partition, offsets.slice(start, end - start)
            start = end
