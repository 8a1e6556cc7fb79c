"""What a draft is made from: some records of each topic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SampledRecord:
    """One record as Kafka holds it. `timestamp_us`: microseconds since 1970, None where it has none."""

    partition: int
    offset: int
    timestamp_us: int | None
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True)
class TopicSample:
    """Records of one topic, by partition and offset, each once.

    `topic` is its name as the pipeline file calls it; `offsets` counts what the partitions span, from their beginnings
    to their ends, and so is at least the number of the topic's records.
    """

    topic: str
    records: Sequence[SampledRecord]
    offsets: int
    partitions: int
