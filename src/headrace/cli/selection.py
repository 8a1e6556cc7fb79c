"""The verbs `selection show`, `diff`, `pin` and `unpin`: which features were left out, and which decision holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.markup import escape
from rich.table import Table

from headrace.errors import UsageError, near_names
from headrace.pipeline import Pipeline, load_pipeline
from headrace.pipeline.times import iso
from headrace.settings import load_settings

from .options import Home, Lake, LockWait, PipelineFile
from .output import Result, table

if TYPE_CHECKING:
    from headrace.features.redundancy import Dropped
    from headrace.features.selection import Selection, Selections

ServiceName = Annotated[str, typer.Argument(metavar="SERVICE", help="The service whose selections are meant.")]
MaybeVersion = Annotated[
    int | None, typer.Option("--selection", metavar="N", help="This version. (default: the one in use)")
]
Version = Annotated[int, typer.Argument(metavar="SELECTION", help="The version; 0 gives out all features.")]
First = Annotated[int, typer.Argument(metavar="SELECTION", help="The version to compare from.")]
Second = Annotated[
    int | None, typer.Argument(metavar="[SELECTION]", help="The version to compare to. (default: the newest)")
]


@dataclass(frozen=True)
class _Service:
    """The selections of one service, and what is known about which of them holds."""

    pipeline: Pipeline
    name: str
    known: Selections

    @classmethod
    def read(cls, file: Path, name: str, home: Path | None, lake: Path | None) -> _Service:
        from headrace.features.selections_table import read_selections

        settings, declared = load_settings({"home": home, "lake": lake}), load_pipeline(file)
        if name not in declared.services:
            near = near_names(name, declared.services)
            raise UsageError(f"there is no service '{name}'. Did you mean: {near}?")
        known = read_selections(settings.lake, declared.pipeline, name)
        if not known.versions:
            raise UsageError(
                f"nothing was decided of the service '{name}' in {settings.lake}: all its features are given out. "
                f"Decide: headrace prune -p {file} {name}"
            )
        return cls(declared, name, known)

    def version(self, number: int) -> Selection:
        """The selection of this number."""
        for found in self.known.versions:
            if found.version == number:
                return found
        known = ", ".join(str(found.version) for found in self.known.versions)
        raise UsageError(f"the service '{self.name}' has no selection {number}. There are: {known}")

    def in_use(self) -> int | None:
        """The number of the selection that holds now; 0: all features; None where none fits the file."""
        from headrace.features.selection import choose

        try:
            held = choose(self.pipeline, self.name, self.known)
        except UsageError:
            return None
        return 0 if held is None else held.version


def show(
    pipeline: PipelineFile, service: ServiceName, version: MaybeVersion = None, home: Home = None, lake: Lake = None
) -> Result:
    """Show a selection: the features left out, each with the one that stays for it, and which versions there are."""
    found = _Service.read(pipeline, service, home, lake)
    in_use, versions = found.in_use(), found.known.versions
    shown = found.version(in_use or versions[-1].version if version is None else version)
    data = {"in_use": in_use, "pinned": found.known.pinned, "versions": [one.version for one in versions]}
    listed = table(
        ["selection", "decided at", "from", "to", "rows", "measure", "above", "kept", "left out", ""],
        [(*_row(one), _mark(one.version, in_use, found.known.pinned)) for one in versions],
    )
    return Result({**data, **as_data(shown)}, Group(listed, "", selection_table(shown), "", escape(summary(shown))))


def diff(
    pipeline: PipelineFile,
    service: ServiceName,
    first: First,
    second: Second = None,
    home: Home = None,
    lake: Lake = None,
) -> Result:
    """Compare two selections: every feature that one gives out and the other does not, and why."""
    found = _Service.read(pipeline, service, home, lake)
    before = found.version(first)
    after = found.version(found.known.versions[-1].version if second is None else second)
    different = list(differences(before, after))
    data = {"service": service, "from": before.version, "to": after.version, "differences": different}
    if not different:
        return Result(data, f"Selections {before.version} and {after.version} of {service} give out the same.")
    titles = ["feature", f"selection {before.version}", f"selection {after.version}"]
    return Result(data, table(titles, [(one["feature"], one["from"], one["to"]) for one in different]))


def pin(
    pipeline: PipelineFile,
    service: ServiceName,
    version: Version,
    home: Home = None,
    lake: Lake = None,
    lock_wait_s: LockWait = None,
) -> Result:
    """Pin a selection: it is used from now on, whatever is decided later. Clients that are open keep theirs."""
    from headrace.features.selection import choose

    found = _Service.read(pipeline, service, home, lake)
    choose(found.pipeline, service, found.known, version)  # refused if there is none, or it is of another declaration
    _write_pin(found, version, home, lake, lock_wait_s)
    return Result({"service": service, "pinned": version}, f"Selection {version} of {service} is pinned.")


def unpin(
    pipeline: PipelineFile, service: ServiceName, home: Home = None, lake: Lake = None, lock_wait_s: LockWait = None
) -> Result:
    """Let the newest selection that was made for the present declaration of the service hold again."""
    found = _Service.read(pipeline, service, home, lake)
    _write_pin(found, None, home, lake, lock_wait_s)
    return Result({"service": service, "pinned": None}, f"No selection of {service} is pinned: the newest holds.")


def _write_pin(
    found: _Service, number: int | None, home: Path | None, lake: Path | None, lock_wait_s: float | None
) -> None:
    from headrace.features.selections_table import write_pin

    settings = load_settings({"home": home, "lake": lake, "lock_wait_s": lock_wait_s})
    write_pin(settings.lake, found.pipeline.pipeline, found.name, number, lock_wait_s=settings.lock_wait_s)


def as_data(found: Selection) -> dict[str, Any]:
    """A selection as the JSON line has it."""
    instants = {"decided_at": found.created_at_us, "from": found.from_us, "to": found.to_us}
    rest = {name: value for name, value in found.to_json().items() if not name.endswith("_us") and name != "version"}
    return {"selection": found.version, **{name: iso(us) for name, us in instants.items()}, **rest}


def selection_table(found: Selection) -> Table:
    """The features that are left out, a line each."""
    return table(
        ["left out", "stays for it", "r", "nearest", "r with it"],
        [(one.feature, *_why(one)) for one in found.dropped],
    )


def summary(found: Selection) -> str:
    """One line: how many features stay and go, and by what."""
    line = (
        f"Selection {found.version} of {found.service}: {len(found.kept)} features stay, {len(found.dropped)} are left "
        f"out: |r| ({found.measure}) is at least {found.above:g} on {found.rows:,} rows of {found.training_set} from "
        f"{iso(found.from_us)} to {iso(found.to_us)}."
    )
    if found.constant:
        line += f" Constant there, and kept: {', '.join(found.constant)}."
    return line


def differences(before: Selection, after: Selection) -> Iterable[Mapping[str, str]]:
    """The features about which two selections differ: what each of them does with it."""
    left, right = _fates(before), _fates(after)
    for feature in dict.fromkeys([*left, *right]):
        fates = left.get(feature, "not there"), right.get(feature, "not there")
        if fates[0] != fates[1]:
            yield {"feature": feature, "from": fates[0], "to": fates[1]}


def _fates(found: Selection) -> dict[str, str]:
    dropped = {one.feature: "left out by hand" if one.by_hand else f"left out for {one.kept}" for one in found.dropped}
    return {**dict.fromkeys(found.kept, "given out"), **dropped}


def _why(one: Dropped) -> tuple[str, str, str, str]:
    if one.by_hand:
        return "(by hand)", "", "", ""
    return str(one.kept), _r(one.r), str(one.neighbour), _r(one.neighbour_r)


def _r(value: float | None) -> str:
    return "none" if value is None else f"{value:+.4f}"


def _row(one: Selection) -> tuple[object, ...]:
    instants = (iso(us) for us in (one.created_at_us, one.from_us, one.to_us))
    return (one.version, *instants, one.rows, one.measure, one.above, len(one.kept), len(one.dropped))


def _mark(number: int, in_use: int | None, pinned: int | None) -> str:
    return ", ".join(word for word, holds in (("in use", number == in_use), ("pinned", number == pinned)) if holds)
