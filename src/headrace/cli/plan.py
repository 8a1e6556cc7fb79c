"""The verbs `plan show`, `diff`, `pin` and `unpin`: what was fitted, and which version holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.markup import escape

from headrace.errors import UsageError
from headrace.pipeline import Source, load_pipeline
from headrace.pipeline.times import iso
from headrace.settings import load_settings
from headrace.tables import PlansTable, plans_table

from .options import Home, Lake, LockWait, PipelineFile
from .output import Result, table

if TYPE_CHECKING:
    from headrace.plans import PlanVersion

SourceName = Annotated[str, typer.Argument(metavar="SOURCE", help="The source whose plans are meant.")]
MaybeVersion = Annotated[
    int | None, typer.Option("--plan", metavar="N", help="This version. (default: the one in use)")
]
Version = Annotated[int, typer.Argument(metavar="PLAN", help="The version of the plan.")]
First = Annotated[int, typer.Argument(metavar="PLAN", help="The version to compare from.")]
Second = Annotated[
    int | None, typer.Argument(metavar="[PLAN]", help="The version to compare to. (default: the newest)")
]

MOST_GROUPS_SHOWN = 12


@dataclass(frozen=True)
class _Plans:
    """The plans of one source, and what is known about which of them holds."""

    source: Source
    places: PlansTable
    versions: Mapping[int, PlanVersion]
    pinned: int | None

    @classmethod
    def read(cls, pipeline: Path, name: str, home: Path | None, lake: Path | None) -> _Plans:
        from headrace.pinned_versions import read_pins
        from headrace.plans.stored import read_versions, source_of

        settings, declared = load_settings({"home": home, "lake": lake}), load_pipeline(pipeline)
        source = source_of(declared, name)
        places = plans_table(settings.lake, declared.pipeline)
        versions = read_versions(settings.lake, declared.pipeline, name)
        if not versions:
            raise UsageError(
                f"source '{name}' has no plan in {places.path}. Fit one: headrace fit -p {pipeline} {name}"
            )
        known = {version.version: version for version in versions}
        return cls(source, places, known, read_pins(places.pinned).get(name))

    def version(self, number: int) -> PlanVersion:
        """The plan of this number."""
        if number not in self.versions:
            known = ", ".join(map(str, self.versions))
            raise UsageError(f"source '{self.source.name}' has no plan {number}. There are: {known}")
        return self.versions[number]

    def in_use(self) -> int | None:
        """The number of the plan that holds now; None where none does."""
        from headrace.plans.choice import choose

        try:
            held = choose(self.source, self.versions.values(), self.pinned)
        except UsageError:
            return None
        return None if held is None else held.version


def show(
    pipeline: PipelineFile, source: SourceName, version: MaybeVersion = None, home: Home = None, lake: Lake = None
) -> Result:
    """Show a plan: bounds, fills, joint rules, window, and which versions there are."""
    plans = _Plans.read(pipeline, source, home, lake)
    in_use = plans.in_use()
    shown = plans.version(version or in_use or max(plans.versions))
    data = {"source": source, "in_use": in_use, "pinned": plans.pinned, "versions": list(plans.versions)}
    versions = table(
        ["plan", "fitted at", "from", "to", "rows", "read", ""],
        [(number, *_made(found), _mark(number, in_use, plans.pinned)) for number, found in plans.versions.items()],
    )
    rules = table(["rule", "group", "what is ordinary, or fills", "outliers"], list(_rules(shown)))
    lines = [f"Plan {shown.version} of {source}", *shown.plan.notes()]
    return Result({**data, **as_data(shown)}, Group(versions, "", *map(escape, lines), rules))


def diff(
    pipeline: PipelineFile,
    source: SourceName,
    first: First,
    second: Second = None,
    home: Home = None,
    lake: Lake = None,
) -> Result:
    """Compare two plans: every bound, fill and ellipse that differs, with both values."""
    plans = _Plans.read(pipeline, source, home, lake)
    before, after = plans.version(first), plans.version(second or max(plans.versions))
    found = list(differences(before, after))
    data = {"source": source, "from": before.version, "to": after.version, "differences": found}
    if not found:
        return Result(data, f"Plans {before.version} and {after.version} of {source} say the same.")
    names = ["rule", "group", "number", "from", "to"]
    titles = ["rule", "group", "of", f"plan {before.version}", f"plan {after.version}"]
    return Result(data, table(titles, [tuple(_text(one[name]) for name in names) for one in found]))


def pin(
    pipeline: PipelineFile,
    source: SourceName,
    version: Version,
    home: Home = None,
    lake: Lake = None,
    lock_wait_s: LockWait = None,
) -> Result:
    """Pin a plan: it is used from now on, whatever is fitted later. A running stream keeps the one it began with."""
    from headrace.plans.treatment import misfit

    plans = _Plans.read(pipeline, source, home, lake)
    if problem := misfit(plans.source, plans.version(version)):
        raise UsageError(problem)
    _write_pin(plans, version, home, lake, lock_wait_s)
    return Result({"source": source, "pinned": version}, f"Plan {version} of {source} is pinned.")


def unpin(
    pipeline: PipelineFile, source: SourceName, home: Home = None, lake: Lake = None, lock_wait_s: LockWait = None
) -> Result:
    """Let the newest plan that was fitted for the present rules hold again."""
    plans = _Plans.read(pipeline, source, home, lake)
    _write_pin(plans, None, home, lake, lock_wait_s)
    return Result({"source": source, "pinned": None}, f"No plan of {source} is pinned: the newest holds.")


def _write_pin(
    plans: _Plans, version: int | None, home: Path | None, lake: Path | None, lock_wait_s: float | None
) -> None:
    from headrace.locks import exclusive
    from headrace.pinned_versions import write_pin

    wait_s = load_settings({"home": home, "lake": lake, "lock_wait_s": lock_wait_s}).lock_wait_s
    with exclusive(plans.places.lock, wait_s=wait_s, purpose=f"pin a plan of {plans.source.name}"):
        write_pin(plans.places.pinned, plans.source.name, version)


def as_data(version: PlanVersion) -> dict[str, Any]:
    """A version as the JSON line has it."""
    return {
        "plan": version.version,
        "fitted_at": iso(version.created_at_us),
        "from": version.from_us if version.from_us is None else iso(version.from_us),
        "to": version.to_us if version.to_us is None else iso(version.to_us),
        "definition": version.definition,
        "inputs": dict(version.inputs),
        "code": version.code,
        "fitted": version.plan.model_dump(mode="json"),
    }


def differences(before: PlanVersion, after: PlanVersion) -> Iterable[dict[str, Any]]:
    """What differs between the rules of two plans: rule, group, which number, and both values (None: not there)."""
    left, right = _numbers(before), _numbers(after)
    for place in dict.fromkeys([*left, *right]):
        if left.get(place) != right.get(place):
            rule, group, number = place
            yield {"rule": rule, "group": group, "number": number, "from": left.get(place), "to": right.get(place)}


def _numbers(version: PlanVersion) -> dict[tuple[str, str, str], Any]:
    found: dict[tuple[str, str, str], Any] = {}
    for rule, grouped in _grouped(version):
        for group, value in [("(others)", grouped.otherwise), *((", ".join(g.key), g.value) for g in grouped.groups)]:
            parts = value.model_dump() if hasattr(value, "model_dump") else {"fill": value}
            found |= {(rule, group, name): number for name, number in parts.items()}
    return found


def _grouped(version: PlanVersion) -> Iterable[tuple[str, Any]]:
    for name, column in version.plan.columns.items():
        if column.outliers:
            yield f"{name} {column.outliers.rule['method']}", column.outliers.bounds
        if column.missing:
            yield f"{name} fill {column.missing.rule['fill']}", column.missing.fill
    for name, joint in version.plan.joint.items():
        yield f"{name} ({', '.join(joint.columns)})", joint.ellipses


def _rules(version: PlanVersion) -> Iterable[tuple[str, str, str, str]]:
    for rule, grouped in _grouped(version):
        name = rule.split()[0]
        yield rule, "(others)" if grouped.groups else "", _said(grouped.otherwise), _outliers(version, name, rule)
        for group in grouped.groups[:MOST_GROUPS_SHOWN]:
            yield "", ", ".join(group.key), _said(group.value), ""
        if (more := len(grouped.groups) - MOST_GROUPS_SHOWN) > 0:
            yield "", f"… {more:,} more groups", "--json has them all", ""


def _said(value: Any) -> str:
    if value is None:
        return "nothing"
    if hasattr(value, "centre"):
        return f"within {value.limit**0.5:g} of ({', '.join(f'{number:.6g}' for number in value.centre)})"
    if not hasattr(value, "low"):
        return _text(value)
    if value.low is None and value.high is None:
        return "everything"
    low = "" if value.low is None else f"{value.low:.6g} ≤ "
    return f"{low}x" + ("" if value.high is None else f" ≤ {value.high:.6g}")


def _outliers(version: PlanVersion, name: str, rule: str) -> str:
    plan = version.plan
    if name in plan.joint_outliers:
        count = plan.joint_outliers[name]
    elif " fill " in rule or name not in plan.statistics or plan.statistics[name].outliers is None:
        return ""
    else:
        count = plan.statistics[name].outliers or 0
    looked_at = plan.rows // plan.one_in
    return f"{count:,} ({count / max(looked_at, 1):.2%})"


def _made(version: PlanVersion) -> tuple[str, str, str, int, str]:
    first, last = ("" if at is None else iso(at) for at in (version.from_us, version.to_us))
    read = ", ".join(f"{name} version {number}" for name, number in version.inputs.items())
    return iso(version.created_at_us), first, last, version.plan.rows, read


def _mark(number: int, in_use: int | None, pinned: int | None) -> str:
    return ", ".join(word for word, holds in (("in use", number == in_use), ("pinned", number == pinned)) if holds)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    return "" if value is None else str(value)
