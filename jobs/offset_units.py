"""Raw cut into units of work: how far each partition reaches, and stretches of offsets of a bounded length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from headrace.tables import GENERATION, OFFSET, PARTITION, TOPIC_ID

from .accounts import PartitionKey


@dataclass(frozen=True)
class Extent:
    """The offsets that raw has of one partition, both ends included, and in which life of the topic."""

    generation: int
    least: int
    greatest: int


def extents_of(raw: DataFrame) -> dict[PartitionKey, Extent]:
    """How far each partition of a raw table reaches. Runs a Spark job."""
    found = raw.groupBy(TOPIC_ID, GENERATION, PARTITION).agg(
        F.min(OFFSET).alias("least"), F.max(OFFSET).alias("greatest")
    )
    return {
        (row[TOPIC_ID], row[PARTITION]): Extent(row[GENERATION], row["least"], row["greatest"])
        for row in found.collect()
    }


def units_of(
    extents: Mapping[PartitionKey, Extent], done: Mapping[PartitionKey, int], most_offsets: int
) -> Iterator[dict[PartitionKey, int]]:
    """The units that lead from `done` (the last offset placed, by partition) to the end: each names the last offset of
    some partitions, and has about `most_offsets` among them all.

    One life of the topic comes after the other, so that the smallest place of an event wins, as in one piece.
    """
    for generation in sorted({extent.generation for extent in extents.values()}):
        ends = {key: extent.greatest for key, extent in extents.items() if extent.generation == generation}
        at = {key: max(extents[key].least, done.get(key, -1) + 1) for key in ends}
        while left := sorted(key for key in ends if at[key] <= ends[key]):
            step = max(1, most_offsets // len(left))
            last = {key: min(at[key] + step - 1, ends[key]) for key in left}
            yield last
            at |= {key: offset + 1 for key, offset in last.items()}


def count_offsets(extents: Mapping[PartitionKey, Extent], done: Mapping[PartitionKey, int]) -> tuple[int, int]:
    """How many offsets are placed, and how many there are."""
    total = sum(extent.greatest - extent.least + 1 for extent in extents.values())
    left = sum(max(0, extent.greatest - max(extent.least - 1, done.get(key, -1))) for key, extent in extents.items())
    return total - left, total
