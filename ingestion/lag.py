"""Lag: how far the raw tables are behind the ends of their topics. Nothing is joined, landed or committed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from deltalake import DeltaTable

from headrace import tables

from .positions import Bounds
from .settings import default_group
from .source import KafkaSource

CONNECT_WAIT_S = 5.0
LEAVE_S = 1.0


@dataclass(frozen=True)
class PartitionLag:
    """One partition: the landed position (None: nothing yet), the end on the broker, and the offsets between."""

    topic: str
    partition: int
    landed: int | None
    end: int
    lag: int


def partition_lags(brokers: str, lake: Path, topics: Collection[str]) -> list[PartitionLag]:
    """The lag of every partition of those `topics` (full names) that the cluster has, by topic and partition.

    Raises:
        BrokerError: no broker answers.
    """
    source = KafkaSource(
        brokers, default_group(lake), connect_wait_s=CONNECT_WAIT_S, session_timeout_s=10.0, columnar=False
    )
    try:
        topic_ids = source.cluster.topic_ids(topics)
        bounds = source.bounds(source.cluster.places(topic_ids)) if topic_ids else {}
    finally:
        source.close(LEAVE_S)
    return [_lag(lake, place[0], topic_ids[place[0]], place[1], bounds[place]) for place in sorted(bounds)]


def _lag(lake: Path, topic: str, topic_id: str, partition: int, bounds: Bounds) -> PartitionLag:
    table = DeltaTable(str(tables.raw_table(lake, topic)))
    landed = table.transaction_version(tables.landing_application(topic_id, partition))
    first = bounds.beginning if landed is None else landed
    return PartitionLag(topic, partition, landed, bounds.end, bounds.end - first)
