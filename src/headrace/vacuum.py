"""Vacuum: removes the data files that compactions and corrections have replaced, once nobody needs them.

Only files that the log itself says are replaced are looked at, never those that no commit names: these may be of a
commit in flight, and fsck judges them under the lock of the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from deltalake.exceptions import DeltaError

from . import locks
from .errors import ContractError, MachineError, UsageError
from .lake import open_table
from .lake_tables import LakeTable
from .needs import Need, needs_of

LEAST_RETENTION_H = 168  # below it, files of commits in flight and of running readers go
RETENTION_PROPERTY = "delta.deletedFileRetentionDuration"
_HOURS = {"hour": 1, "day": 24, "week": 168}


@dataclass(frozen=True)
class Vacuumed:
    """What went, or would go: files and their bytes; and what stays because someone needs it."""

    table: LakeTable
    removed: tuple[str, ...]
    size_bytes: int
    kept: Mapping[str, int]  # who needs them: how many files


def vacuum(
    table: LakeTable,
    lake: Path,
    *,
    retention_h: int = LEAST_RETENTION_H,
    manifests: Iterable[Path] = (),
    checkpoints: Iterable[Path] = (),
    dry_run: bool,
    lock_wait_s: float,
) -> Vacuumed:
    """Removes files that were replaced more than `retention_h` hours ago (or the table's own retention, if longer), but
    those that a manifest or a stream needs.

    Raises:
        UsageError: less than 168 hours, or something among `manifests` is none.
        ContractError: the table cannot be read, or a pin in the lake.
        LockTimeout: someone held the table alone.
        MachineError: a file cannot be removed.
    """
    require_retention(retention_h)
    with locks.shared(table.lock_file, wait_s=lock_wait_s):
        replaced, table_id = _replaced(table, retention_h)
        needs = needs_of(table, lake, table_id, manifests, checkpoints)
        needed = frozenset[str]().union(*(need.files for need in needs))
        going = [name for name in replaced if name not in needed and (table.folder / name).exists()]
        size_bytes = sum((table.folder / name).stat().st_size for name in going)
        if not dry_run:
            _remove(table, going)
    return Vacuumed(table, tuple(going), size_bytes, _kept(replaced, needs))


def require_retention(retention_h: int) -> None:
    """Refuses a retention that takes what is in use.

    Raises:
        UsageError: it is below 168 hours.
    """
    if retention_h < LEAST_RETENTION_H:
        raise UsageError(
            f"a retention of {retention_h} h was asked for: below {LEAST_RETENTION_H} h a vacuum takes files of "
            f"commits in flight and of readers that are at work. Give at least {LEAST_RETENTION_H}"
        )


def _replaced(table: LakeTable, retention_h: int) -> tuple[list[str], str]:
    """The files whose replacement is older than the retention, and the id of the table."""
    handle = open_table(table.folder, made_by="Its job")
    metadata = handle.metadata()
    hours = max(retention_h, _hours(metadata.configuration.get(RETENTION_PROPERTY, "")))
    try:
        found = handle.vacuum(retention_hours=hours, dry_run=True, enforce_retention_duration=True)
    except DeltaError as err:
        raise ContractError(f"{table.folder} cannot be vacuumed: {err}") from err
    return sorted(unquote(name) for name in found), str(metadata.id)


def _hours(interval: str) -> int:
    match = re.fullmatch(r"interval (\d+) (hour|day|week)s?", interval.strip())
    return int(match[1]) * _HOURS[match[2]] if match else 0


def _remove(table: LakeTable, names: Iterable[str]) -> None:
    for name in names:
        try:
            (table.folder / name).unlink(missing_ok=True)
        except OSError as err:
            raise MachineError(f"{table.folder / name} cannot be removed: {err}. The table is whole") from err


def _kept(replaced: Iterable[str], needs: Iterable[Need]) -> dict[str, int]:
    old = frozenset(replaced)
    return {need.who: len(old & need.files) for need in needs if old & need.files}
