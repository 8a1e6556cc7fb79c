"""Who still needs files that the newest version of a table does not have: manifests of training sets, and streams.

A manifest is pinned in the lake when it is stored. A stream is known by its checkpoint: it reads what was added from
the version on at which its last whole micro-batch ended.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from headrace.fsck.delta_log import DeltaLog
from headrace.fsck.table_state import state_at

from .errors import UsageError
from .lake_tables import LakeTable
from .pins import Pin, pins_of

CHECKPOINTS = "checkpoints"


@dataclass(frozen=True)
class Need:
    """Who needs files of one table, in words, and which: paths under its folder."""

    who: str
    files: frozenset[str]


def pins_known(lake: Path, manifests: Iterable[Path]) -> dict[str, Pin]:
    """The pins of the lake, and of the manifests given (files, or folders that hold some), by how they are known.

    Raises:
        UsageError: one of `manifests` is not a manifest.
        ContractError: a pin in the lake cannot be read.
    """
    pins = {f"pinned by {file}": pin for file, pin in pins_of(lake).items()}
    for path in manifests:
        for file in sorted(path.rglob("manifest.json")) if path.is_dir() else [path]:
            pins[f"given as {path}: {file}"] = Pin.of_manifest(_json(file), file)
    return pins


def needs_of(
    table: LakeTable, lake: Path, table_id: str, manifests: Iterable[Path], checkpoints: Iterable[Path]
) -> list[Need]:
    """Who needs files of a table; `table_id` is what its metadata says.

    Asked are the pins of the lake and those in `manifests` (files, or folders that hold some), and the streams whose
    checkpoints are in the lake or in the folders `checkpoints`.

    Raises:
        UsageError: one of `manifests` is not a manifest.
        ContractError: a pin or a checkpoint in the lake cannot be read, so nobody knows what it needs.
    """
    log = DeltaLog.read(table.folder)
    found = [*_of_manifests(table, lake, log, manifests), *_of_streams(table_id, lake, log, checkpoints)]
    return [need for need in found if need.files]


def _of_manifests(table: LakeTable, lake: Path, log: DeltaLog, given: Iterable[Path]) -> Iterator[Need]:
    for how, pin in pins_known(lake, given).items():
        for version in pin.versions(table.name):
            who = f"the training set '{pin.training_set}' in {pin.manifest}, {how}, is made from version {version}"
            yield Need(who, _files_of(log, version))


def _files_of(log: DeltaLog, version: int) -> frozenset[str]:
    """The files of a version; none where the log no longer gives it, since then nobody can read it."""
    state = state_at(log, version)
    return frozenset(state.files) if state else frozenset()


def _of_streams(table_id: str, lake: Path, log: DeltaLog, given: Iterable[Path]) -> Iterator[Need]:
    folders = [*lake.glob(f"*/{CHECKPOINTS}"), *given]
    for offsets in sorted({found for folder in folders for found in folder.rglob("offsets") if found.is_dir()}):
        version = _read_up_to(offsets.parent, table_id)
        if version is not None:
            added = {
                unquote(add["path"])
                for entry in log.entries.values()
                if entry.version >= version
                for add in entry.of("add")
            }
            who = f"the stream with the checkpoint {offsets.parent} has read up to version {version}"
            yield Need(who, frozenset(added) | _files_of(log, version))


def _read_up_to(checkpoint: Path, table_id: str) -> int | None:
    """The version at which the last whole micro-batch of a stream ended, 0 before the first; None of another table."""
    offsets = _numbered(checkpoint / "offsets")
    done = max(_numbered(checkpoint / "commits"), default=-1)
    version: int | None = None
    for number in sorted(offsets):
        for line in (checkpoint / "offsets" / str(number)).read_text().splitlines()[1:]:
            found = json.loads(line) if line.startswith("{") else {}
            if found.get("reservoirId") == table_id:
                version = int(found["reservoirVersion"]) if number <= done else (version or 0)
    return version


def _numbered(folder: Path) -> list[int]:
    return [int(path.name) for path in folder.iterdir() if path.name.isdigit()] if folder.is_dir() else []


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as err:
        raise UsageError(f"{path} is not a manifest: {err}") from err
