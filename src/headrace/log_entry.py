"""One entry of a Delta log as a file: read line by line, without trust in what wrote it.

A power cut may leave an entry of no bytes, which deltalake takes for a commit of nothing, or one that ends too early.
An entry of the lander says of itself how many rows and which positions it brings; so one that was cut between two
lines, where all that is left is valid, is found, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from .tables import landing_application

Action = Mapping[str, Any]


class EntryFault(StrEnum):
    """What may be wrong with an entry."""

    EMPTY = "empty_commit"  # no action at all
    CUT = "cut_commit"  # a line is not JSON
    TORN = "torn_commit"  # every line is whole, but rows or positions that it announces are not there


@dataclass(frozen=True)
class LogEntry:
    """The actions of one version, in their order, up to the first line that is not one."""

    version: int
    path: Path
    actions: tuple[Action, ...]
    fault: EntryFault | None
    detail: str  # what was found, where something is wrong

    @classmethod
    def read(cls, path: Path) -> LogEntry:
        """Reads the entry in file `path`, whose name is its version.

        Raises:
            OSError: it cannot be read, or is not there.
        """
        actions: list[Action] = []
        version, fault, detail = int(path.name.split(".")[0]), None, ""
        content = path.read_bytes()
        for number, line in enumerate(content.splitlines(), 1):
            if not line.strip():
                continue
            if (action := _action(line)) is None:
                fault, detail = EntryFault.CUT, f"line {number} of {len(content):,} bytes in all is not an action"
                break
            actions.append(action)
        if not actions and not content.strip(b"\0 \r\n"):
            fault, detail = EntryFault.EMPTY, f"{len(content):,} bytes, and no action in them"
        entry = cls(version, path, tuple(actions), fault, detail)
        broken = None if fault else entry.broken_promise
        return cls(version, path, tuple(actions), EntryFault.TORN, broken) if broken else entry

    def of(self, kind: str) -> list[Mapping[str, Any]]:
        """The actions of one kind: add, remove, txn, metaData, commitInfo, …"""
        return [action[kind] for action in self.actions if isinstance(action.get(kind), Mapping)]

    @cached_property
    def landed(self) -> Landed | None:
        """What the lander announces of the commit; None of any other commit."""
        said = [info["headrace"] for info in self.of("commitInfo") if isinstance(info.get("headrace"), Mapping)]
        return Landed.read(said[0]) if said else None

    @property
    def broken_promise(self) -> str:
        """What the entry announces and does not have, in words; empty where all is there."""
        if self.landed is None:
            return ""
        versions = {txn.get("appId"): txn.get("version") for txn in self.of("txn")}
        for partition, (_, position) in self.landed.positions.items():
            found = versions.get(landing_application(self.landed.topic_id, partition))
            if found != position:
                return f"it announces position {position} of partition {partition}, and has {found or 'none'}"
        rows = sum(row_count(add) for add in self.of("add"))
        return "" if rows == self.landed.rows else f"it announces {self.landed.rows:,} rows, and has {rows:,}"


@dataclass(frozen=True)
class Landed:
    """What a commit of the lander says of itself: by partition the positions from (None: none yet) and to.

    `offsets` are the first and last offset and the number of rows by partition, and `checksum` is that of all of them;
    None in commits that do not say.
    """

    topic_id: str
    rows: int
    positions: Mapping[int, tuple[int | None, int]]
    offsets: Mapping[int, tuple[int, int, int]] | None
    checksum: str | None

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Landed | None:
        """Reads the `headrace` of a commit's information; None where it is not of a landing."""
        try:
            positions = {int(partition): (start, int(end)) for partition, (start, end) in said["positions"].items()}
            ranges = said.get("offsets")
            offsets = ranges and {
                int(p): (int(first), int(last), int(rows)) for p, (first, last, rows) in ranges.items()
            }
            return cls(str(said["topic_id"]), int(said["rows"]), positions, offsets, said.get("checksum"))
        except (KeyError, TypeError, ValueError, AttributeError):
            return None


def row_count(add: Mapping[str, Any]) -> int:
    """The rows of a data file by its statistics; 0 where they do not say."""
    try:
        return int(json.loads(add.get("stats") or "{}").get("numRecords", 0))
    except (ValueError, TypeError, AttributeError):
        return 0


def entry_path(table_folder: Path, version: int) -> Path:
    """Where the entry of a version is."""
    return table_folder / "_delta_log" / f"{version:020d}.json"


def _action(line: bytes) -> Action | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
