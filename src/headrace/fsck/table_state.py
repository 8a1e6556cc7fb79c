"""The state of a table as its log gives it: replayed from the newest whole checkpoint, or from the beginning."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from headrace.tables import CLUSTER_ID_PROPERTY

from .columns import columns_of_table
from .delta_log import DeltaLog


@dataclass(frozen=True)
class TableState:
    """What holds at `version`: data files by path under the table's folder, transaction ids, properties, columns.

    `base` is the version of the checkpoint that it was made from, -1 where it was made from entries alone.
    """

    version: int
    base: int
    files: Mapping[str, Mapping[str, Any]]
    transactions: Mapping[str, int]
    properties: Mapping[str, str]
    columns: Mapping[str, str]  # by dotted name, with Delta's type

    @property
    def is_landed(self) -> bool:
        """Whether the lander writes the table: it then knows where to go on, and Kafka refills what is lost."""
        return CLUSTER_ID_PROPERTY in self.properties

    def equals(self, other: TableState) -> bool:
        """Whether both have the same files (of equal size and statistics), transaction ids and properties."""
        ours = (self._content(), self.transactions, self.properties, self.columns)
        return ours == (other._content(), other.transactions, other.properties, other.columns)

    def _content(self) -> dict[str, tuple[object, ...]]:
        return {
            name: (add["size"], add["modificationTime"], _parsed(add.get("stats"))) for name, add in self.files.items()
        }


def _parsed(statistics: str | None) -> object:
    try:
        return json.loads(statistics or "null")
    except ValueError:
        return statistics


def state_at(log: DeltaLog, version: int, *, below: int | None = None) -> TableState | None:
    """The state at a version; None where the log does not suffice for it.

    It starts from the newest whole checkpoint not after `version`, and before `below` where that is given.
    """
    limit = version + 1 if below is None else min(below, version + 1)
    whole = [each for each in log.checkpoints.values() if each.fault is None and each.version < limit]
    base = max((each.version for each in whole), default=-1)
    if any(number not in log.entries or log.entries[number].fault for number in range(base + 1, version + 1)):
        return None
    return _replay(version, base, _actions(log, base, version))


def _actions(log: DeltaLog, base: int, version: int) -> Iterator[Mapping[str, Any]]:
    if base >= 0:
        yield from log.checkpoints[base].actions()
    for number in range(base + 1, version + 1):
        yield from log.entries[number].actions


def compare_checkpoints(log: DeltaLog) -> DeltaLog:
    """The log with a fault at its newest whole checkpoint, if that is not what the entries up to it make.

    Older ones nobody starts from, unless the newest is put aside; then they are compared in their turn.
    """
    whole = [version for version, checkpoint in log.checkpoints.items() if checkpoint.fault is None]
    if not whole:
        return log
    newest = max(whole)
    entries, itself = state_at(log, newest, below=newest), state_at(log, newest)
    if entries is None or itself is None or entries.equals(itself):
        return log
    different = replace(log.checkpoints[newest], fault="it is not what the entries make", differs=True)
    return replace(log, checkpoints={**log.checkpoints, newest: different})


def newest_state(log: DeltaLog) -> TableState | None:
    """The state at the newest version up to which the log suffices; None where there is none."""
    version = max((each.version for each in log.checkpoints.values() if each.fault is None), default=-1)
    while version + 1 in log.entries and not log.entries[version + 1].fault:
        version += 1
    return state_at(log, version) if version >= 0 else None


def _replay(version: int, base: int, actions: Iterable[Mapping[str, Any]]) -> TableState:
    files: dict[str, Mapping[str, Any]] = {}
    transactions: dict[str, int] = {}
    properties: Mapping[str, str] = {}
    columns: Mapping[str, str] = {}
    for action in actions:
        if add := action.get("add"):
            files[unquote(add["path"])] = add
        elif remove := action.get("remove"):
            files.pop(unquote(remove["path"]), None)
        elif txn := action.get("txn"):
            transactions[txn["appId"]] = txn["version"]
        elif metadata := action.get("metaData"):
            properties = metadata.get("configuration") or {}
            columns = columns_of_table(metadata["schemaString"])
    return TableState(version, base, files, transactions, properties, columns)
