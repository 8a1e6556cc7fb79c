"""Entries of a Delta log: the text of a commit of ours, and what the text of any commit says. No file is touched.

An entry is a line of JSON for each action. Ours come in one order: `commitInfo`, which says what is to follow, the
`txn` of every partition, and the `add` of the rows last. So what is left of an entry that a failing disk has cut can
never show rows without their positions, and lacks something that its first line has announced.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from headrace import __version__

from .data_file import DataFile
from .table_log import Commit

ENGINE = f"headrace/{__version__}"
# Actions that concern neither a lander's positions nor the shape of its table.
_FILE_ACTIONS = ('{"add"', '{"remove"')


@dataclass(frozen=True)
class Entry:
    """What a lander has to know of a commit: the transaction versions it sets, and whether it alters the table."""

    transactions: dict[str, int]
    alters_table: bool


def entry_text(commit: Commit, *, at_ms: int) -> str:
    """The entry of a commit that appends; whole lines."""
    lines = [_commit_info(commit, at_ms)]
    lines += [{"txn": {"appId": name, "version": move.position}} for name, move in commit.moves.items()]
    if commit.file:
        lines.append({"add": _add(commit.file)})
    return "".join(f"{json.dumps(line, separators=(',', ':'))}\n" for line in lines)


def read_entry(text: bytes) -> Entry:
    """Reads the entry of any writer.

    Raises:
        ValueError: it is not a line of JSON for each action, or empty, as a power cut may leave it.
    """
    if not text.strip():
        raise ValueError(f"{len(text)} bytes, and no action in them")
    transactions: dict[str, int] = {}
    alters_table = False
    for action in _actions(text):
        if "txn" in action:
            transactions[action["txn"]["appId"]] = int(action["txn"]["version"])
        alters_table = alters_table or "metaData" in action or "protocol" in action
    return Entry(transactions, alters_table)


def _actions(text: bytes) -> Iterator[dict[str, Any]]:
    lines = [line for line in text.decode().splitlines() if line.strip()]
    for index, line in enumerate(lines):
        if line.startswith(_FILE_ACTIONS) and index + 1 < len(lines):
            continue  # the last one is read, because it is the one that a cut leaves unfinished
        action = json.loads(line)
        if not isinstance(action, dict):
            raise ValueError(f"not an action: {line[:80]}")
        yield action


def _commit_info(commit: Commit, at_ms: int) -> dict[str, Any]:
    return {
        "commitInfo": {
            "timestamp": at_ms,
            "operation": "WRITE",
            "operationParameters": {"mode": "Append", "partitionBy": "[]"},
            "isBlindAppend": True,
            "engineInfo": ENGINE,
            "headrace": commit.notes,
        }
    }


def _add(file: DataFile) -> dict[str, Any]:
    return {
        "path": file.path.name,
        "partitionValues": {},
        "size": file.size_bytes,
        "modificationTime": file.modified_at_ms,
        "dataChange": True,
        "stats": file.statistics,
    }
