"""A source's rules under one plan: all that Spark and NumPy read to treat a value.

A value is looked at as it was sent. Whether it is an outlier is decided first: by the bounds of its column, then by the
joint rules. `clip` sets it to the nearest bound, `null_value` makes it missing, and what is missing is filled last.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from headrace import pipeline
from headrace.errors import UsageError
from headrace.pipeline import ColumnCleaning, Constant, Source, Unfilled
from headrace.pipeline.times import date_days, instant_us

from .plan import Bounds, Ellipse, Fills, Grouped, OutlierPlan, PlanVersion, Scalar


@dataclass(frozen=True)
class ColumnTreatment:
    """One column: where it has bounds, what becomes of a value outside; where it has a fill, what stands for a null."""

    name: str
    type: str
    bounds: Grouped[Bounds] | None
    action: str
    fill: Grouped[Scalar] | None
    nulled_by: tuple[str, ...]  # joint rules that make it missing


@dataclass(frozen=True)
class JointTreatment:
    """One rule over several columns."""

    name: str
    columns: tuple[str, ...]
    ellipses: Grouped[Ellipse]
    action: str


@dataclass(frozen=True)
class Treatment:
    """What happens to the values of a source; `plan` is the version that it follows, None where no rule is fitted.

    `group_types` are the columns by which rules group, with their types.
    """

    source: str
    plan: int | None
    columns: tuple[ColumnTreatment, ...]
    joint: tuple[JointTreatment, ...]
    group_types: Mapping[str, str]


def bind(source: Source, version: PlanVersion | None = None) -> Treatment:
    """The treatment of `source`, whose fitted rules are those of the plan.

    Raises:
        UsageError: a rule must be fitted, and there is no plan, or it was fitted for another rule.
    """
    fitted = source.fitted_rules()
    if version is None and fitted:
        raise UsageError(no_plan(source))
    if version is not None and (problem := misfit(source, version)):
        raise UsageError(problem)
    nulling = {name: rule.columns for name, rule in source.joint_outliers.items() if rule.action == "null_value"}
    return Treatment(
        source=source.name,
        plan=version.version if version and fitted else None,
        columns=tuple(
            ColumnTreatment(
                name=name,
                type=source.columns[name].type,
                bounds=_bounds(name, rules, version),
                action=rules.outliers.action if rules.outliers else "flag",
                fill=_fill(name, rules, source.columns[name].type, version),
                nulled_by=tuple(rule for rule, columns in nulling.items() if name in columns),
            )
            for name, rules in source.treated().items()
        ),
        joint=tuple(
            JointTreatment(name, version.plan.joint[name].columns, version.plan.joint[name].ellipses, rule.action)
            for name, rule in source.joint_outliers.items()
            if version is not None
        ),
        group_types=group_types(source),
    )


def no_plan(source: Source) -> str:
    """The message that a source's rules must be fitted first."""
    name, rule = next(iter(source.fitted_rules().items()))
    what = "joint rule" if name in source.joint_outliers else "column"
    return (
        f"source '{source.name}', {what} '{name}': the rule '{rule}' must be fitted, and there is no fitted plan. "
        f"Fit one first: headrace fit -p FILE {source.name}"
    )


def misfit(source: Source, version: PlanVersion) -> str | None:
    """Why a plan is none for the present rules of the source: the first rule that it was not fitted for."""
    for name, declared in fitted_parts(source).items():
        if _fitted_for(version, name) != declared:
            where = ".".join(name)
            return (
                f"source '{source.name}': plan {version.version} was not fitted for the rule that the pipeline file "
                f"now gives at {where}. Fit again: headrace fit -p FILE {source.name}"
            )
    return None


def fitted_parts(source: Source) -> dict[tuple[str, ...], dict[str, Any]]:
    """The rules of a source that a plan answers, as declared, by their place in the file."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for name, cleaning in source.clean.items():
        if is_fitted_outliers(cleaning):
            found["clean", name, "outliers"] = declared_rule(cleaning.outliers)
        if is_fitted_fill(cleaning):
            found["clean", name, "missing"] = declared_rule(cleaning.missing)
    for name, rule in source.joint_outliers.items():
        found["joint_outliers", name] = declared_rule(rule)
    return found


def group_types(source: Source) -> dict[str, str]:
    """The columns by which rules of a source group, with their types."""
    rules = [rule for cleaning in source.clean.values() for rule in (cleaning.outliers, cleaning.missing)]
    names = [name for rule in [*rules, *source.joint_outliers.values()] for name in getattr(rule, "by", ())]
    types = source.row_columns()
    return {name: types[name] for name in dict.fromkeys(names)}


def is_fitted_outliers(cleaning: ColumnCleaning) -> bool:
    """Whether the bounds of a column are fitted."""
    return cleaning.outliers is not None and not isinstance(cleaning.outliers, pipeline.Bounds)


def is_fitted_fill(cleaning: ColumnCleaning) -> bool:
    """Whether the fill of a column is fitted."""
    return cleaning.missing is not None and not isinstance(cleaning.missing, Constant | Unfilled)


def declared_rule(rule: Any) -> dict[str, Any]:
    """A rule as a plan keeps it: what was declared, but for the action, which is not fitted."""
    return {
        name: sorted(value) if name == "columns" else list(value) if isinstance(value, tuple) else value
        for name, value in rule.model_dump(exclude={"action"}).items()
    }


def key_text(parts: Iterable[str]) -> str:
    """One text for the values of the grouping columns: `3:EWR2:UA`, so that no two keys have the same."""
    return "".join(f"{len(part)}:{part}" for part in parts)


def bucket_of(key: str, buckets: int) -> int:
    """The part of a table of groups in which both faces look for a key."""
    return zlib.crc32(key.encode()) % buckets


def _fitted_for(version: PlanVersion, place: tuple[str, ...]) -> Mapping[str, Any] | None:
    if place[0] == "joint_outliers":
        joint = version.plan.joint.get(place[1])
        return None if joint is None else joint.rule
    column = version.plan.columns.get(place[1])
    part: OutlierPlan | Fills | None = getattr(column, place[2], None)
    return None if part is None else part.rule


def _bounds(name: str, rules: ColumnCleaning, version: PlanVersion | None) -> Grouped[Bounds] | None:
    if isinstance(rules.outliers, pipeline.Bounds):
        return Grouped[Bounds](otherwise=Bounds(low=rules.outliers.low, high=rules.outliers.high))
    if rules.outliers is None or version is None:
        return None
    found = version.plan.columns[name].outliers
    return None if found is None else found.bounds


def _fill(name: str, rules: ColumnCleaning, kind: str, version: PlanVersion | None) -> Grouped[Scalar] | None:
    if isinstance(rules.missing, Constant):
        return Grouped[Scalar](otherwise=stored_value(rules.missing.value, kind))
    if rules.missing is None or isinstance(rules.missing, Unfilled) or version is None:
        return None
    found = version.plan.columns[name].missing
    return None if found is None else found.fill


def stored_value(value: Scalar, kind: str) -> Scalar:
    """A value that the pipeline file states, as plans store it."""
    if kind == "timestamp":
        return instant_us(str(value))
    if kind == "date":
        return date_days(str(value))
    return float(value) if kind == "double" else value
