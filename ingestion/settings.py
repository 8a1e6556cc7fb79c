"""What one run of the lander is told, and what it tells at its end."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from headrace.errors import UsageError
from headrace.gaps import Gap

from .flush import FlushPolicy
from .positions import Lost, Place

FETCH_SHARE = 8  # one part in so many of the memory is for what is read ahead
FETCH_MAX_BYTES = 32 * 2**20  # a larger answer of a broker makes nothing faster
LOOPBACK = "127.0.0.1"
POSITIVE = (
    "lock_wait_s",
    "connect_wait_s",
    "outage_wait_s",
    "position_interval_s",
    "max_batch_bytes",
    "max_buffered_bytes",
    "alive_within_s",
)

MOST_BATCH_BYTES = 2**30  # the values of a batch are one Arrow array, which ends at 2 GiB


def default_group(lake: Path) -> str:
    """The consumer group of the landers of one lake.

    Landers of two lakes must never share a group: each lake would get a part of the partitions.
    """
    return f"headrace-land-{hashlib.sha256(str(lake.absolute()).encode()).hexdigest()[:12]}"


@dataclass(frozen=True, kw_only=True)
class LandingSettings:
    """Where records come from, where they go, and how patient the lander is.

    A lander that is killed keeps its partitions for `session_timeout_s`; then the others of its group take them over.
    One with an `instance` name keeps them also over a restart that is shorter than that.

    `max_buffered_bytes` bounds what was read and not landed, of all topics together, as it lies in memory: the buffers,
    and one answer of a broker that is read ahead. Beyond it nothing is fetched until a commit succeeds. Outside of it
    are what the process takes anyway, a commit's own working memory, further brokers' answers, and what one compressed
    batch or record takes beyond the size that it has on the wire.

    Raises:
        UsageError: a number is not positive, or no port.
    """

    brokers: str  # host:port[,host:port]
    lake: Path
    group: str = ""  # default: the one of this lake
    policy: FlushPolicy = field(default_factory=FlushPolicy)
    lock_wait_s: float = 600.0  # for whoever holds the table's lock alone
    connect_wait_s: float = 10.0  # at the start, for a broker to answer
    outage_wait_s: float = 60.0  # later, for a broker that went away, when the run is to end by itself
    session_timeout_s: float = 10.0
    durable: bool = True  # a commit is on the disk before it counts; see `Landing`
    position_interval_s: float = 600.0  # how often positions are committed where no record came
    max_batch_bytes: int = 64 * 2**20  # of one record batch when it is decompressed; at most 1 GiB
    columnar: bool = True  # False: kafka-python reads record by record
    max_buffered_bytes: int = 256 * 2**20
    instance: str | None = None
    accept_gaps: frozenset[Place] = frozenset()  # where to go on behind records that the broker no longer has
    metrics_port: int | None = None  # None: no endpoints; 0: any that is free
    metrics_address: str = LOOPBACK
    alive_within_s: float = 60.0  # the loop comes by several times a second; a commit or a broker may hold it up

    def __post_init__(self) -> None:
        if not self.group:
            object.__setattr__(self, "group", default_group(self.lake))
        for name in POSITIVE:
            if getattr(self, name) <= 0:
                raise UsageError(f"{name} must be greater than 0, found {getattr(self, name)}")
        if self.max_batch_bytes > MOST_BATCH_BYTES:
            raise UsageError(f"max_batch_bytes must be at most {MOST_BATCH_BYTES}, found {self.max_batch_bytes}")
        if self.session_timeout_s < 1:
            raise UsageError(f"session_timeout_s must be at least 1, found {self.session_timeout_s}")
        if self.metrics_port is not None and not 0 <= self.metrics_port <= 65_535:
            raise UsageError(f"metrics_port must be a port, 0 to 65535, found {self.metrics_port}")

    @property
    def fetch_max_bytes(self) -> int:
        """The most that one answer of a broker may hold, except for one record that is larger."""
        return min(FETCH_MAX_BYTES, self.max_buffered_bytes // FETCH_SHARE)

    @property
    def full_at_bytes(self) -> int:
        """When the buffers count as full: what was read ahead by then still has its place."""
        return self.max_buffered_bytes - self.fetch_max_bytes


@dataclass(frozen=True)
class Progress:
    """How far a landing is. `remaining` counts offsets up to the end to reach, None where there is none."""

    rows: int
    commits: int
    remaining: int | None
    seconds: float

    def __str__(self) -> str:
        rate = self.rows / self.seconds if self.seconds else 0.0
        rest = "" if self.remaining is None else f", {self.remaining:,} to go"
        return f"landed {self.rows:,} rows in {self.commits} commits ({rate:,.0f} rows/s{rest})"


@dataclass(frozen=True)
class LandingResult:
    """What one run landed: rows by topic (of this run only), commits, seconds, the partitions that stopped, and the
    gaps that were accepted."""

    rows: dict[str, int]
    commits: int
    seconds: float
    lost: tuple[Lost, ...] = ()
    gaps: tuple[Gap, ...] = ()
