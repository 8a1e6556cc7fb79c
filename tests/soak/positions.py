"""Where a topic ends and how far its table is, seen from outside: no lander is asked."""

from __future__ import annotations

from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from headrace import tables

ANSWER_WITHIN_S = 2.0
BLIND_LOOKS = 20  # in a row, of a log in which deltalake sees a hole


class Positions:
    """Of every partition of one topic. Ends are those of a reader of what is committed: the last stable offsets."""

    def __init__(self, address: str, lake: Path, topic: str, partitions: int) -> None:
        self._places = [TopicPartition(topic, partition) for partition in range(partitions)]
        self._folder = tables.raw_table(lake, topic)
        self._table: DeltaTable | None = None
        self._blind_looks = 0
        self._consumer = KafkaConsumer(
            bootstrap_servers=address,
            group_id=None,
            enable_auto_commit=False,
            isolation_level="read_committed",
            reconnect_backoff_max_ms=1_000,
        )

    def ends(self) -> dict[int, int] | None:
        """None while no broker answers."""
        try:
            found = self._consumer.end_offsets(self._places, timeout_ms=int(ANSWER_WITHIN_S * 1000))
        except KafkaError:
            return None
        return {place.partition: end for place, end in found.items()}

    def landed(self) -> dict[int, int]:
        """The next offset to land; 0 where nothing was landed yet."""
        partitions = [place.partition for place in self._places]
        table = self._refreshed()
        if table is None:
            return dict.fromkeys(partitions, 0)
        topic_id = table.metadata().configuration[tables.TOPIC_IDS_PROPERTY]
        positions = (table.transaction_version(tables.landing_application(topic_id, each)) for each in partitions)
        return {each: position or 0 for each, position in zip(partitions, positions, strict=True)}

    def commits(self) -> int:
        """How many entries the log of the table has had."""
        table = self._refreshed()
        return 0 if table is None else table.version() + 1

    def close(self) -> None:
        self._consumer.close()

    def _refreshed(self) -> DeltaTable | None:
        """The table as of now, or as of the last look where deltalake sees a hole in its log.

        A folder that is listed while entries are added may show a later one and not the one before it. A hole that
        stays is a fault.
        """
        try:
            if self._table is not None:
                self._table.update_incremental()
            elif DeltaTable.is_deltatable(str(self._folder)):
                self._table = DeltaTable(str(self._folder))
        except DeltaError:
            self._blind_looks += 1
            if self._blind_looks >= BLIND_LOOKS:
                raise
        else:
            self._blind_looks = 0
        return self._table
