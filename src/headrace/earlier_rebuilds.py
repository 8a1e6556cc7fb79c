"""Earlier rebuilds: whole tables that were switched away from, or given up, and what keeps them from being removed.

Never looked at are the present rebuild and the one that is being made. What is kept says why.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from headrace.pipeline.times import iso

from .errors import MachineError
from .lake_tables import OF_SOURCES
from .locks import exclusive
from .needs import CHECKPOINTS, pins_known
from .pins import Pin
from .rebuilds import Standing, folder_name, numbers_in, read_standing, read_standings
from .tables import CHECKS
from .vacuum import require_retention

_HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class EarlierRebuild:
    """One of a source or a group. `name` is its main table, `kept_by` in words what keeps it; empty if nothing does."""

    name: str
    folders: tuple[Path, ...]  # the main table is the last: it is what says that there is such a rebuild
    lock_file: Path
    standings: Path
    kept_by: tuple[str, ...]

    @property
    def size_bytes(self) -> int:
        """What it takes on the disk."""
        files = [file for folder in self.folders for file in folder.rglob("*") if file.is_file()]
        return sum(file.stat().st_size for file in files)


def earlier_rebuilds(lake: Path, *, retention_h: int, manifests: Iterable[Path] = ()) -> list[EarlierRebuild]:
    """Those that are in the lake, by name.

    Raises:
        UsageError: less than 168 hours, or something among `manifests` is none.
        ContractError: a pin cannot be read, or what is present.
    """
    require_retention(retention_h)
    pins = pins_known(lake, manifests)
    found = []
    for kind in ("clean", "features"):
        for file in lake.glob(f"*/{kind}/.*.rebuilds.json"):
            for definition, standing in read_standings(file).items():
                of = file.parent / file.name.removeprefix(".").removesuffix(".rebuilds.json")
                found += [
                    _earlier(lake, file, of / folder_name(definition, number), standing, pins, retention_h)
                    for number in numbers_in(of, definition)
                    if number not in _in_use(standing)
                ]
    return sorted(found, key=lambda rebuild: rebuild.name)


def remove(rebuild: EarlierRebuild, *, lock_wait_s: float) -> None:
    """Removes its tables, if it is still an earlier one.

    Raises:
        LockTimeout: someone held the source, or the group, for too long.
        MachineError: a folder cannot be removed; the next vacuum goes on with it.
    """
    with exclusive(rebuild.lock_file, wait_s=lock_wait_s, purpose=f"removal of {rebuild.name}"):
        definition, _, number = rebuild.folders[-1].name.rpartition("-")
        if int(number) in _in_use(read_standing(rebuild.standings, definition)):
            return
        for folder in rebuild.folders:
            _remove(folder)


def _earlier(
    lake: Path, file: Path, folder: Path, standing: Standing, pins: Mapping[str, Pin], retention_h: int
) -> EarlierRebuild:
    pipeline, kind, of = folder.relative_to(lake).parts[:3]
    root = lake / pipeline
    beside = [root / part / of / folder.name for part in (*OF_SOURCES[1:], CHECKS, CHECKPOINTS)]
    folders = [*(beside if kind == "clean" else []), folder]
    lock_file = root / kind / f".{of}.lock"
    name = str(folder.relative_to(lake))
    kept_by = tuple([*_young(standing, retention_h), *_pinned(name, pins)])
    return EarlierRebuild(name, tuple(each for each in folders if each.exists()), lock_file, file, kept_by)


def _in_use(standing: Standing) -> set[int | None]:
    return {standing.present, standing.making.number if standing.making else None}


def _young(standing: Standing, retention_h: int) -> list[str]:
    age_h = (time.time_ns() // 1000 - standing.since_us) / _HOUR_US
    if age_h >= retention_h:
        return []
    return [f"rebuild {standing.present} is present since {iso(standing.since_us)}, which is less than {retention_h} h"]


def _pinned(name: str, pins: Mapping[str, Pin]) -> list[str]:
    return [
        f"the training set '{pin.training_set}' in {pin.manifest}, {how}, is made from it"
        for how, pin in pins.items()
        if pin.versions(name)
    ]


def _remove(folder: Path) -> None:
    """First its log: from then on it is no table to anybody."""
    try:
        shutil.rmtree(folder / "_delta_log", ignore_errors=True)
        shutil.rmtree(folder)
    except OSError as err:
        raise MachineError(f"{folder} cannot be removed: {err}. The next vacuum goes on with it") from err
