"""Which tables a lake has, and of each: what it is, the lock beside it, and how it is made again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .errors import UsageError, near_names
from .tables import CHECKS, PLANS, SELECTIONS, raw_lock

RAW, REFERENCE = "raw", "tables"
OF_SOURCES = ("clean", "quarantine", "duplicates")

# The command that makes a table again from the one before it; `{name}` is that of its source, group or training set.
MADE_AGAIN_BY = {
    **dict.fromkeys(OF_SOURCES, "headrace clean -p FILE {name}"),
    "features": "headrace build -p FILE {name}",
    "rows": "headrace build -p FILE",
    PLANS: "headrace fit -p FILE",
}


@dataclass(frozen=True)
class LakeTable:
    """A Delta table of a lake. `name` is its folder under the lake, `kind` the part of it that says what it is."""

    name: str
    folder: Path
    kind: str
    of: str  # topic, source, group, training set, or reference table; of plans and selections the pipeline
    lock_file: Path

    @property
    def made_again_by(self) -> str | None:
        """The command that makes its rows again from what is before it in the lake; None where nothing is."""
        command = MADE_AGAIN_BY.get(self.kind)
        return command and command.format(name=self.of)


def tables_of(lake: Path) -> list[LakeTable]:
    """Every table of the lake, by name: raw, those of the pipelines, and reference tables."""
    raw = [_raw(lake, log.parent) for log in lake.glob(f"{RAW}/*/_delta_log")]
    reference = [_reference(lake, log.parent) for log in lake.glob(f"{REFERENCE}/*/_delta_log")]
    derived = [_derived(lake, log.parent) for log in lake.glob("*/*/*/*/_delta_log")]
    decided = [_of_pipeline(log.parent) for kind in (PLANS, SELECTIONS) for log in lake.glob(f"*/{kind}/_delta_log")]
    derived += [table for table in decided if table.of not in (RAW, REFERENCE)]
    return sorted(raw + reference + derived, key=lambda table: table.name)


def choose_tables(lake: Path, names: Iterable[str], topics: Iterable[str]) -> list[LakeTable]:
    """The tables of these names, as `headrace status` shows them, and the raw tables of these topics; all where none is
    named.

    Raises:
        UsageError: there is no such table.
    """
    known = {table.name: table for table in tables_of(lake)}
    wanted = [name.rstrip("/") for name in names] + [f"{RAW}/{topic}" for topic in topics]
    for name in wanted:
        if name not in known:
            raise UsageError(f"there is no table '{name}' in {lake}. Did you mean: {near_names(name, known)}?")
    return [known[name] for name in dict.fromkeys(wanted or known)]


def _raw(lake: Path, folder: Path) -> LakeTable:
    return LakeTable(f"{RAW}/{folder.name}", folder, RAW, folder.name, raw_lock(lake, folder.name))


def _reference(lake: Path, folder: Path) -> LakeTable:
    lock_file = folder.parent / f".{folder.name}.lock"
    return LakeTable(f"{REFERENCE}/{folder.name}", folder, REFERENCE, folder.name, lock_file)


def _of_pipeline(folder: Path) -> LakeTable:
    pipeline, kind = folder.parent.name, folder.name
    return LakeTable(f"{pipeline}/{kind}", folder, kind, pipeline, folder.parent / f".{kind}.lock")


def _derived(lake: Path, folder: Path) -> LakeTable:
    pipeline, kind, name, _ = folder.relative_to(lake).parts
    covered_by = "clean" if kind in (*OF_SOURCES, CHECKS) else kind
    lock_file = lake / pipeline / covered_by / f".{name}.lock"
    return LakeTable(str(folder.relative_to(lake)), folder, kind, name, lock_file)
