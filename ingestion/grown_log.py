"""The checkpoint of a log that has only grown: the one before it, and what the entries since have added.

deltalake makes a checkpoint from a table that it opens, and reads every entry twice, which costs half a millisecond and
more of each: a quarter of a commit of a thousand rows. Where the entries since the last checkpoint set positions and
add files, and do nothing else, the next one is that one with their rows. Everything else is left to deltalake.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .log_folder import LogFolder

Action = dict[str, Any]

# What an `add` may say: anything else belongs to a feature that needs more than a row for it.
_ADD = {"path", "partitionValues", "size", "modificationTime", "dataChange", "stats"}
_TXN = {"appId", "version", "lastUpdated"}
_OF_A_TABLE = {"protocol", "metaData"}
_COMMIT_INFO = b'{"commitInfo"'  # which no checkpoint has

_TEXTS = pa.map_(pa.string(), pa.string())
_NAMES = pa.list_(pa.string())
_FORMAT = pa.struct({"provider": pa.string(), "options": _TEXTS})
_FILE = {"path": pa.string(), "partitionValues": _TEXTS, "size": pa.int64(), "dataChange": pa.bool_()}
# What the protocol asks of every checkpoint; one that deltalake or Spark has made keeps the columns that it has.
SCHEMA = pa.schema(
    {
        "txn": pa.struct({"appId": pa.string(), "version": pa.int64(), "lastUpdated": pa.int64()}),
        "add": pa.struct({**_FILE, "modificationTime": pa.int64(), "stats": pa.string()}),
        "remove": pa.struct({**_FILE, "deletionTimestamp": pa.int64()}),
        "metaData": pa.struct(
            {
                **dict.fromkeys(("id", "name", "description", "schemaString"), pa.string()),
                **{"format": _FORMAT, "partitionColumns": _NAMES, "createdTime": pa.int64(), "configuration": _TEXTS},
            }
        ),
        "protocol": pa.struct(
            {
                **dict.fromkeys(("minReaderVersion", "minWriterVersion"), pa.int32()),
                **dict.fromkeys(("readerFeatures", "writerFeatures"), _NAMES),
            }
        ),
    }
)
_KNOWN_COLUMNS = {*SCHEMA.names, "domainMetadata"}


@dataclass(frozen=True)
class GrownLog:
    """All actions at `version`, as a checkpoint has them: a row each, null but for one column."""

    version: int
    actions: pa.Table

    def parquet(self) -> pa.Buffer:
        """The file of the checkpoint."""
        sink = pa.BufferOutputStream()
        pq.write_table(self.actions, sink, compression="zstd", compression_level=1, store_schema=False)
        return sink.getvalue()

    def hint(self, size_bytes: int) -> str:
        """What `_last_checkpoint` says of that file."""
        files = self.actions.num_rows - int(self.actions.column("add").null_count)
        named = {"version": self.version, "size": self.actions.num_rows}
        return json.dumps({**named, "sizeInBytes": size_bytes, "numOfAddFiles": files}, separators=(",", ":"))


class _NotGrown(Exception):
    """There is something in the log that is not just more of the same."""


def grown_log(folder: LogFolder) -> GrownLog | None:
    """The log of today, None where deltalake is to look at it.

    Raises:
        OSError: an entry or the checkpoint cannot be read.
    """
    base = folder.checkpoint_version()
    try:
        before = _checkpoint(folder, base) if base >= 0 else SCHEMA.empty_table()
        version, positions, others = _entries(folder, base)
        rows = pa.Table.from_pylist([*positions.values(), *others], before.schema)
        _refuse_again(before, others)
    except (_NotGrown, pa.ArrowException, ValueError, KeyError, TypeError):
        return None
    return GrownLog(version, pa.concat_tables([_without(before, list(positions)), rows]))


def _checkpoint(folder: LogFolder, version: int) -> pa.Table:
    """A checkpoint of one part, with no columns but those that every reader knows."""
    try:
        found = pq.read_table(folder.folder / f"{version:020d}.checkpoint.parquet", partitioning=None)
    except FileNotFoundError as err:
        raise _NotGrown from err
    unknown = [found.column(name) for name in found.column_names if name not in _KNOWN_COLUMNS]
    if any(column.null_count < len(column) for column in unknown):
        raise _NotGrown
    return found


def _entries(folder: LogFolder, base: int) -> tuple[int, dict[str, Action], list[Action]]:
    """The version of the last entry; and of those after `base` the newest `txn` by application, and the other rows."""
    positions: dict[str, Action] = {}
    others: list[Action] = []
    version = base
    while (text := folder.read(version + 1)) is not None:
        version += 1
        for line in text.splitlines():
            if line.startswith(_COMMIT_INFO):
                continue
            kind, action = _action(line)
            if kind == "txn" and action.keys() <= _TXN:
                positions[action["appId"]] = {kind: action}
            elif (kind == "add" and action.keys() <= _ADD) or (kind in _OF_A_TABLE and version == 0):
                others.append({kind: _row(action)})
            else:
                raise _NotGrown
    if version == base:
        raise _NotGrown
    return version, positions, others


def _action(line: bytes) -> tuple[str, Action]:
    found = json.loads(line)
    if not isinstance(found, dict) or len(found) != 1 or not all(isinstance(each, dict) for each in found.values()):
        raise _NotGrown
    (named,) = found.items()
    return named


def _row(action: Action) -> Action:
    """The action as Arrow takes it, which has maps as lists of pairs."""
    found = {name: list(value.items()) if isinstance(value, dict) else value for name, value in action.items()}
    if "format" in action:
        found["format"] = {**action["format"], "options": list(action["format"].get("options", {}).items())}
    return found


def _refuse_again(before: pa.Table, others: list[Action]) -> None:
    """A file that is added once more replaces what was said of it."""
    paths = [row["add"]["path"] for row in others if "add" in row]
    known = pc.struct_field(before.column("add"), "path")
    if len(set(paths)) < len(paths) or pc.any(pc.is_in(known, pa.array(paths, pa.string()))).as_py():
        raise _NotGrown


def _without(before: pa.Table, applications: list[str]) -> pa.Table:
    """The rows but for the positions of these applications."""
    names = pc.struct_field(before.column("txn"), "appId")
    return before.filter(pc.invert(pc.is_in(names, pa.array(applications, pa.string()))))
