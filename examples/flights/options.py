"""What a replay is asked to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from headrace.errors import UsageError

from .events import DAYS, SOURCES, check_days
from .order import Order

LONGEST_TOPIC = 249  # characters of a Kafka topic name


@dataclass(frozen=True, kw_only=True)
class ReplayOptions:
    """What to send, and where: `brokers` as host:port[,host:port], `journal` a folder that belongs to this replay.

    `defects` is the share of each kind of defect (see `Defect`), of the events of each source: 0.01 adds 1 % of each.

    Raises:
        UsageError: a value is not legal.
    """

    brokers: str
    journal: Path
    topic_prefix: str = ""
    order: Order = Order.EVENT_TIME
    days: int = DAYS
    defects: float = 0.0
    seed: int = 7
    partitions: int = 2

    def __post_init__(self) -> None:
        longest = max(len(topic) for topic in self.topics.values())
        if not re.fullmatch(r"[A-Za-z0-9._-]*", self.topic_prefix) or longest > LONGEST_TOPIC:
            raise UsageError(
                f"topic_prefix: found {self.topic_prefix!r}; a topic name is at most {LONGEST_TOPIC} letters, digits, "
                "'.', '_' and '-'"
            )
        check_days(self.days)
        if not 0 <= self.defects <= 1:
            raise UsageError(
                f"defects: found {self.defects}; it is a share of the events, so 0 to 1 is legal (0.01 is 1 %)"
            )
        if self.seed < 0:
            raise UsageError(f"seed: found {self.seed}; it is 0 or more")
        if not 1 <= self.partitions <= 100:
            raise UsageError(f"partitions: found {self.partitions}; 1 to 100 are legal")

    @property
    def topics(self) -> dict[str, str]:
        """The name on the cluster of each source's topic, in the order of `SOURCES`."""
        return {source: self.topic_prefix + source for source in SOURCES}
