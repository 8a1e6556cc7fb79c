"""The places (partition, offset) of the rows of one data file against what the commit that brought it announces."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from headrace.log_entry import Landed
from headrace.places_digest import PlacesDigest
from headrace.tables import OFFSET, PARTITION, TOPIC_ID


class LandedPlaces:
    """Gathers the places of a file batch by batch: 12 bytes a row."""

    def __init__(self) -> None:
        self._batches: list[pa.RecordBatch] = []
        self._topic_ids: set[str] = set()

    def add(self, batch: pa.RecordBatch) -> None:
        """Takes the places of a batch."""
        self._topic_ids |= set(pc.unique(batch.column(TOPIC_ID)).to_pylist())
        self._batches.append(batch.select([PARTITION, OFFSET]))

    def difference(self, landed: Landed) -> str:
        """The first thing that is not as announced, in words; empty where all is."""
        if strange := sorted(self._topic_ids - {landed.topic_id}):
            return f"it has rows of the topic id {strange[0]}, and its commit is of {landed.topic_id}"
        places = pa.Table.from_batches(self._batches).sort_by([(PARTITION, "ascending"), (OFFSET, "ascending")])
        digest = PlacesDigest()
        for partition in pc.unique(places.column(PARTITION)).to_pylist():
            offsets = places.filter(pc.field(PARTITION) == partition).column(OFFSET).combine_chunks()
            if difference := _of_partition(partition, offsets, landed):
                return difference
            digest.add(partition, offsets)
        if landed.checksum is not None and landed.checksum != digest.hex():
            return "its offsets are not those of the checksum that its commit announces"
        return ""


def _of_partition(partition: int, offsets: pa.Array, landed: Landed) -> str:
    first, last, rows = offsets[0].as_py(), offsets[-1].as_py(), len(offsets)
    found = f"partition {partition} has {rows:,} rows with offsets {first} to {last}"
    start, end = landed.positions.get(partition, (0, 0))
    if not (start or 0) <= first <= last < end:
        return f"{found}, and its commit announces the positions {start or 0} to {end}"
    if landed.offsets is not None and landed.offsets.get(partition) != (first, last, rows):
        return f"{found}, and its commit announces [first, last, rows] {landed.offsets.get(partition)}"
    if len(pc.unique(offsets)) != rows:
        return f"{found}, some of them twice"
    return ""
