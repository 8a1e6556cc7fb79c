"""When buffered records become a commit: a decision with no clock, no buffer and no table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from headrace.errors import UsageError


class FlushReason(Enum):
    """What made a commit due: one of the limits of its topic, or something beyond it."""

    ROWS = "rows"
    BYTES = "bytes"
    AGE = "age"
    MEMORY = "memory"  # the buffers of all topics together are full
    POSITIONS = "positions"  # positions are committed now and then where no record came
    START = "start"  # partitions are about to start anew, or went astray: what was read of them is committed first
    REVOKED = "revoked"  # the group takes partitions away
    STOP = "stop"  # the run ends, or its session does


@dataclass(frozen=True, kw_only=True)
class FlushPolicy:
    """Commit the records of one topic as soon as one of three limits is reached.

    Under load `max_rows` and `max_bytes` make the commits large. On a quiet topic `max_age_s` bounds how long a record
    waits to be seen: the lander looks five times a second, so with 0.8 s a record is committed before it has waited for
    one. It also sets the number of log entries: a topic that never rests makes up to a hundred thousand a day, of which
    the log keeps those of the last hours.

    Raises:
        UsageError: a limit is not positive.
    """

    max_rows: int = 100_000
    max_bytes: int = 64 * 2**20
    max_age_s: float = 0.8

    def __post_init__(self) -> None:
        for name in ("max_rows", "max_bytes", "max_age_s"):
            if getattr(self, name) <= 0:
                raise UsageError(f"{name} must be greater than 0, found {getattr(self, name)}")

    def reason(self, *, rows: int, size_bytes: int, age_s: float) -> FlushReason | None:
        """Says why `rows` records of `size_bytes`, the oldest of them read `age_s` ago, should be committed now.

        None while they should wait; nothing to commit always waits. When several limits are reached, rows win over
        bytes and bytes over age, so that the count of reasons shows what drives the commits.
        """
        if rows == 0:
            return None
        if rows >= self.max_rows:
            return FlushReason.ROWS
        if size_bytes >= self.max_bytes:
            return FlushReason.BYTES
        if age_s >= self.max_age_s:
            return FlushReason.AGE
        return None
