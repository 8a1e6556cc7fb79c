"""One topic of a lander: its raw table, its buffer, and what the table is expected to know of each partition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .buffer import TopicBuffer
from .flush import FlushPolicy, FlushReason
from .landing import Landing
from .positions import Move, Place


class TopicLanding:
    """Takes the records of the partitions that were settled, and commits them together.

    A partition is settled from the moment that its reading starts at a position that the table and the broker agree on,
    until it is given up, lost, or overtaken by another lander.
    """

    def __init__(self, table: Landing, policy: FlushPolicy) -> None:
        self.table = table
        self.rows = self.commits = 0
        self._policy = policy
        self._buffer = TopicBuffer()
        self._expected: dict[int, int | None] = {}

    @property
    def partitions(self) -> frozenset[int]:
        """The partitions that are settled."""
        return frozenset(self._expected)

    @property
    def buffered_rows(self) -> int:
        """Records that are read and not committed."""
        return self._buffer.rows

    @property
    def buffered_bytes(self) -> int:
        """The memory that they take."""
        return self._buffer.size_bytes

    @property
    def landed(self) -> dict[int, int | None]:
        """The landed position of each settled partition; None where nothing has been landed yet."""
        return dict(self._expected)

    def oldest_wait_s(self, now_s: float) -> float:
        """How long the oldest buffered record has waited since it was read; 0 when there is none."""
        return self._buffer.age_s(now_s)

    def oldest_at_s(self) -> float | None:
        """The least Kafka timestamp among the oldest buffered records of each partition; None when none has one."""
        return self._buffer.oldest_at_s()

    def settle(self, partition: int, *, landed: int | None, position: int) -> None:
        """Starts a partition whose landed position is `landed` and whose reading begins at `position`."""
        self._buffer.forget([partition])
        self._expected[partition] = landed
        self._buffer.positions[partition] = position

    def take(self, partition: int, batches: Iterable[Any], *, now_s: float) -> None:
        """Buffers Arrow record batches of a settled partition; of any other, which is read again, they are dropped."""
        if partition in self._expected:
            for batch in batches:
                self._buffer.add(partition, batch, now_s=now_s)

    def advance(self, partition: int, position: int) -> None:
        """Notes the position after a poll whose records were all taken."""
        if partition in self._expected:
            self._buffer.positions[partition] = position

    def position(self, partition: int) -> int | None:
        """The next offset to read of a settled partition, None of any other."""
        return self._buffer.positions.get(partition)

    def drop(self, partitions: Iterable[int] | None = None) -> frozenset[int]:
        """Forgets partitions (default: all) and what is buffered of them; returns those that were settled."""
        dropped = self.partitions if partitions is None else self.partitions & frozenset(partitions)
        self._buffer.forget(dropped)
        for partition in dropped:
            del self._expected[partition]
        return dropped

    def due(self, now_s: float) -> FlushReason | None:
        """Why a commit is due now, None when it is not."""
        return self._policy.reason(
            rows=self._buffer.rows, size_bytes=self._buffer.size_bytes, age_s=self._buffer.age_s(now_s)
        )

    def flush(self, *, lock_wait_s: float) -> dict[int, int]:
        """Commits all records and all positions that moved; returns the new positions, empty when none moved.

        Raises:
            LandingConflict, LockTimeout, MachineError: see `Landing.commit`; the buffer is as it was.
        """
        moves = {
            partition: Move(self._expected[partition], position)
            for partition, position in self._buffer.positions.items()
            if position != self._expected[partition]
        }
        if not moves:
            return {}
        self.rows += self.table.commit(self._buffer.batches(), moves, lock_wait_s=lock_wait_s)
        self.commits += 1
        self._buffer.committed()
        self._expected |= {partition: move.position for partition, move in moves.items()}
        return {partition: move.position for partition, move in moves.items()}


def positions_of(topics: Mapping[str, TopicLanding]) -> dict[Place, int | None]:
    """The next offset to read of every partition that is settled."""
    return {
        (topic, partition): landing.position(partition)
        for topic, landing in topics.items()
        for partition in landing.partitions
    }
