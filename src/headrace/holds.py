"""What is held back of a source: how far its raw rows reach, why, and whether somebody has released it.

A hold is a small file beside the tables of a source, there from the cleaning run that stopped until the one that placed
what was held. Whoever writes or removes it holds the source's lock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from headrace.pipeline.times import iso

from .errors import ContractError, Held, UsageError

PartitionKey = tuple[str, int]


@dataclass(frozen=True)
class Failure:
    """An expectation that did not hold: its name, what was found, and what is expected, in words."""

    expectation: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.expectation}: found {self.found}, expected {self.expected}"


@dataclass(frozen=True)
class Hold:
    """`last` is the greatest offset held of each (topic id, partition); `since_us` is microseconds since 1970."""

    last: Mapping[PartitionKey, int]
    rows: int
    failures: Sequence[Failure]
    since_us: int
    released: bool = field(default=False)

    def error(self, source: str) -> Held:
        """What a cleaning run says of it."""
        reasons = "; ".join(map(str, self.failures))
        return Held(
            f"source '{source}' is held since {iso(self.since_us)}: {reasons}. Nothing of these {self.rows:,} records "
            f"was written; raw has them. Let them through: headrace release -p FILE {source}; or refuse them: "
            f"headrace drop -p FILE {source}"
        )


def read_hold(file: Path) -> Hold | None:
    """The hold of a source; None where nothing is held.

    Raises:
        ContractError: the file is none of ours.
    """
    try:
        content = json.loads(file.read_bytes())
        last = {(str(topic_id), int(partition)): int(offset) for topic_id, partition, offset in content["last"]}
        failures = [Failure(**each) for each in content["failures"]]
        return Hold(last, int(content["rows"]), failures, int(content["since_us"]), bool(content["released"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as err:
        raise ContractError(f"{file} does not say what is held: {err}. Delete it: the next clean looks anew") from err


def write_hold(file: Path, hold: Hold) -> None:
    """Puts it there, whole or not at all."""
    content = asdict(hold) | {"last": [[*key, offset] for key, offset in sorted(hold.last.items())]}
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(json.dumps(content, indent=2) + "\n")
    part.replace(file)


def release_hold(file: Path, source: str) -> Hold:
    """Lets what is held through: the next clean places it, and says of its failures only that they are there.

    Raises:
        UsageError: nothing is held.
    """
    hold = require_hold(file, source)
    write_hold(file, replace(hold, released=True))
    return hold


def require_hold(file: Path, source: str) -> Hold:
    """The hold of a source.

    Raises:
        UsageError: nothing is held.
    """
    hold = read_hold(file)
    if hold is None:
        raise UsageError(f"nothing of source '{source}' is held. headrace status shows what is")
    return hold
