"""The log folder of a Delta table, read as files: every entry and every checkpoint, and what is left lying about.

Nothing here asks deltalake, which reads some damages in silence and stops at the first of the others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headrace.log_entry import LogEntry, entry_path

POINTER = "_last_checkpoint"

_ENTRY = re.compile(r"\d{20}\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint(?:\.(\d{10})\.(\d{10}))?\.parquet")
# Other files of the protocol: version checksums, compacted entries, checkpoints of the second kind and their parts.
_KNOWN = re.compile(r"\d{20}\.crc|\d{20}\.\d{20}\.compacted\.json|\d{20}\.checkpoint\.[0-9a-f-]{36}\.(json|parquet)")
_ACTIONS = ("add", "remove", "txn", "metaData", "protocol")


@dataclass(frozen=True)
class Checkpoint:
    """The state at one version. `fault` says why it cannot be used; `differs` that it can be read, and is not what the
    entries make. A long log has many, each as large as the table: so none is held in memory.
    """

    version: int
    paths: tuple[Path, ...]
    fault: str | None
    differs: bool = False

    @classmethod
    def read(cls, version: int, paths: Sequence[Path]) -> Checkpoint:
        """Looks whether all parts are there and can be read."""
        matches = [_CHECKPOINT.fullmatch(path.name) for path in paths]
        whole = [path for path, match in zip(paths, matches, strict=True) if match and match[2] is None]
        chosen = whole or paths
        wanted = 1 if whole else max(int(match[3]) for match in matches if match)
        if len(chosen) != wanted:
            return cls(version, tuple(chosen), f"{len(chosen)} of its {wanted} parts are there")
        found: set[str] = set()
        try:
            for path in chosen:
                table = _columns(path)
                found |= {name for name in table.column_names if table.column(name).null_count < table.num_rows}
        except FileNotFoundError:
            raise
        except (OSError, pa.ArrowException) as err:
            return cls(version, tuple(chosen), f"it cannot be read: {' '.join(str(err).split())[:200]}")
        lacking = sorted({"metaData", "protocol"} - found)
        return cls(version, tuple(chosen), f"it has no {lacking[0]}" if lacking else None)

    def actions(self) -> Iterator[Mapping[str, Any]]:
        """All actions, of a checkpoint that can be read."""
        for path in self.paths:
            for batch in _columns(path).to_batches():
                for row in batch.to_pylist(maps_as_pydicts="lossy"):
                    yield {kind: value for kind, value in row.items() if value is not None}

    def named(self) -> set[str]:
        """The data files that it adds or removes, as the log writes them; none where it cannot be read."""
        if self.fault and not self.differs:
            return set()
        columns = [_columns(path).column(kind) for path in self.paths for kind in ("add", "remove")]
        return {path for column in columns for path in pc.struct_field(column, "path").to_pylist() if path is not None}


@dataclass(frozen=True)
class Pointer:
    """The file that names the newest checkpoint. None: it says none, for the reason in `fault`."""

    path: Path
    version: int | None
    fault: str | None


@dataclass(frozen=True)
class DeltaLog:
    """The log of the table in `folder`: entries and checkpoints by version, in ascending order."""

    folder: Path
    entries: Mapping[int, LogEntry]
    checkpoints: Mapping[int, Checkpoint]
    pointer: Pointer | None
    strays: tuple[Path, ...]

    @classmethod
    def read(cls, table_folder: Path) -> DeltaLog:
        """Reads the whole log of a table.

        Raises:
            OSError: the folder, or a file of it, cannot be read; FileNotFoundError, too, when a lander cleans up.
        """
        pointer = _pointer(table_folder / "_delta_log" / POINTER)  # first: what it names is there before it
        files = sorted(path for path in (table_folder / "_delta_log").iterdir() if path.is_file())
        entries = [LogEntry.read(path) for path in _entries(table_folder, files)]
        parts: dict[int, list[Path]] = {}
        for path in files:
            if match := _CHECKPOINT.fullmatch(path.name):
                parts.setdefault(int(match[1]), []).append(path)
        return cls(
            table_folder,
            {entry.version: entry for entry in entries},
            {version: Checkpoint.read(version, paths) for version, paths in parts.items()},
            pointer,
            tuple(path for path in files if _is_stray(path.name)),
        )

    @property
    def newest(self) -> int:
        """The newest version that the log knows of; -1 where it knows none."""
        return max([*self.entries, *self.checkpoints], default=-1)

    def mentioned(self) -> set[str]:
        """Every data file that any entry or checkpoint names, as a path under the table's folder."""
        named = {add["path"] for entry in self.entries.values() for kind in ("add", "remove") for add in entry.of(kind)}
        for checkpoint in self.checkpoints.values():
            named |= checkpoint.named()
        return {unquote(path) for path in named}


def _entries(table_folder: Path, files: Sequence[Path]) -> list[Path]:
    """The entries among the files of a log, and those that were written while the folder was being listed: a listing
    may have a new file and lack one that is a little older.
    """
    listed = [path for path in files if _ENTRY.fullmatch(path.name)]
    versions = [int(path.stem) for path in listed]
    between = [
        entry_path(table_folder, version) for version in range(min(versions, default=0), max(versions, default=0))
    ]
    return sorted({*listed, *(path for path in between if path.exists())})


def _is_stray(name: str) -> bool:
    """Whether a file of the log folder is none of the protocol's; hidden ones are the checksums of Spark's files."""
    known = name == POINTER or _ENTRY.fullmatch(name) or _CHECKPOINT.fullmatch(name) or _KNOWN.fullmatch(name)
    return not known and not (name.startswith(".") and name.endswith(".crc"))


def _pointer(path: Path) -> Pointer | None:
    if not path.exists():
        return None
    content = path.read_bytes()
    try:
        return Pointer(path, int(json.loads(content)["version"]), None)
    except (ValueError, KeyError, TypeError) as err:
        return Pointer(path, None, f"{len(content):,} bytes that name no version ({type(err).__name__})")


def _columns(path: Path) -> pa.Table:
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        return file.read([name for name in _ACTIONS if name in file.schema_arrow.names])
