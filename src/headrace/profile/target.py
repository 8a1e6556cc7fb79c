"""Which table is to be profiled, and by which of its columns: what was asked for, held against what is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace.errors import UsageError, near_names
from headrace.lake_tables import LakeTable, tables_of

from .report import Kind

KEYED = ("features", "pushed")  # tables whose keys stand before `event_at`


@dataclass(frozen=True)
class Target:
    """A Delta table: the name under which its profile is kept, its folder, and what kind of table of the lake it is."""

    name: str
    folder: Path
    kind: str | None

    @property
    def file_name(self) -> str:
        """The name of its profile's files, without their ending."""
        return self.name.replace("/", "-")


def find_target(asked: str, lake: Path) -> Target:
    """The table that was asked for: by its name in the lake, as `headrace status` shows it, with or without the folder
    of its definition; or by the path of a folder that holds a Delta table.

    Raises:
        UsageError: there is no such table, or there are several definitions of it.
    """
    tables = tables_of(lake)
    wanted = asked.rstrip("/")
    for table in tables:
        if table.name == wanted:
            return _of_lake(table)
    if found := [table for table in tables if table.name.rpartition("/")[0] == wanted]:
        if len(found) > 1:
            names = ", ".join(table.name for table in found)
            raise UsageError(f"'{asked}' has several definitions. Name one of them: {names}")
        return _of_lake(found[0])
    folder = Path(asked).absolute()
    if (folder / "_delta_log").is_dir():
        return next((_of_lake(t) for t in tables if t.folder == folder), Target(folder.name, folder, None))
    near = near_names(wanted, [table.name for table in tables])
    raise UsageError(
        f"there is no table '{asked}': neither in the lake {lake} nor as a folder with a Delta table. "
        f"Did you mean: {near}?"
    )


def _of_lake(table: LakeTable) -> Target:
    return Target(table.name, table.folder, table.kind)


@dataclass(frozen=True)
class Choice:
    """The columns by which a table is profiled: its time, the keys of its entities, and what is to be predicted."""

    time: str | None
    keys: tuple[str, ...]
    label: str | None


def choose_columns(
    target: Target,
    kinds: Mapping[str, Kind],
    *,
    time: str | None,
    keys: Sequence[str],
    label: str | None,
    interval: bool,
) -> Choice:
    """Checks the columns that were asked for, and fills in those that were not: `event_at`, or the first time of the
    table; the keys of a feature table. `kinds` are the columns by name, in the table's order; `interval` says whether
    only rows of some time are wanted.

    Raises:
        UsageError: a column is not there, or of the wrong kind; or an interval of a table without time.
    """
    for option, name in (("--time", time), ("--label", label), *(("--key", key) for key in keys)):
        if name is not None and name not in kinds:
            raise UsageError(
                f"{option}: {target.name} has no column '{name}'. Did you mean: {near_names(name, kinds)}?"
            )
    times = [name for name, kind in kinds.items() if kind == "time"]
    if time is not None and time not in times:
        raise UsageError(
            f"--time: column '{time}' of {target.name} holds no time. Those that do: {', '.join(times) or '(none)'}"
        )
    if label is not None and kinds[label] == "other":
        raise UsageError(f"--label: column '{label}' of {target.name} is neither number, category nor time")
    chosen = time or ("event_at" if "event_at" in times else next(iter(times), None))
    if interval and chosen is None:
        raise UsageError(f"--from and --to select by time, and {target.name} has no column of time. Leave them out")
    return Choice(chosen, tuple(keys) or _own_keys(target, list(kinds)), label)


def _own_keys(target: Target, names: list[str]) -> tuple[str, ...]:
    known = target.kind in KEYED and "event_at" in names
    return tuple(names[: names.index("event_at")]) if known else ()
