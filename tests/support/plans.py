"""Plans made by hand, for tests that need one and do not look at how it is fitted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from headrace.lake import read_columns
from headrace.pipeline import Source
from headrace.plans import (
    Bounds,
    ColumnPlan,
    Ellipse,
    Fills,
    Group,
    Grouped,
    JointPlan,
    OutlierPlan,
    Plan,
    PlanVersion,
)
from headrace.plans.row import body_of
from headrace.plans.treatment import declared_rule, is_fitted_fill, is_fitted_outliers


def a_plan(
    source: Source, version: int = 1, *, low: float = 1.0, high: float = 100.0, fill: Any = 7, **groups: Any
) -> PlanVersion:
    """A plan for all fitted rules of `source`: the same bounds and fill for each; `groups` are bounds by first key."""
    listed = tuple(Group[Bounds](key=(key,), value=value) for key, value in groups.items())
    columns = {}
    for name, rules in source.clean.items():
        part: dict[str, Any] = {}
        if is_fitted_outliers(rules):
            rule = declared_rule(rules.outliers)
            bounds = Grouped[Bounds](by=tuple(rule["by"]), otherwise=Bounds(low=low, high=high), groups=listed)
            part["outliers"] = OutlierPlan(rule=rule, bounds=bounds)
        if is_fitted_fill(rules):
            rule = declared_rule(rules.missing)
            part["missing"] = Fills(rule=rule, fill=Grouped(by=tuple(rule["by"]), otherwise=fill))
        if part:
            columns[name] = ColumnPlan(**part)
    joint = {
        name: JointPlan(rule=declared_rule(rule), columns=rule.columns, ellipses=_circle(rule.by, len(rule.columns)))
        for name, rule in source.joint_outliers.items()
    }
    plan = Plan(rows=10, columns=columns, joint=joint)
    return PlanVersion(source.name, version, 1_388_534_400_000_000, "0" * 12, 0, 1, {"raw/t": 3}, "0.1.0", plan)


def store_plans(path: Path, versions: Iterable[PlanVersion]) -> None:
    """Writes plans into the table in folder `path`, as the job that fits them would."""
    instants = pa.timestamp("us", "UTC")
    for version in versions:
        row = {
            "source": pa.array([version.source]),
            "plan": pa.array([version.version], pa.int32()),
            "_created_at": pa.array([version.created_at_us], pa.int64()).cast(instants),
            "definition": pa.array([version.definition]),
            "fit_from": pa.array([version.from_us], pa.int64()).cast(instants),
            "fit_to": pa.array([version.to_us], pa.int64()).cast(instants),
            "rows": pa.array([version.plan.rows], pa.int64()),
            "inputs": pa.array([json.dumps(dict(version.inputs))]),
            "code": pa.array([version.code]),
            "body": pa.array([body_of(version.plan)]),
        }
        write_deltalake(path, pa.table(row), mode="append")


def read_sorted(path: Path, names: Iterable[str], by: Iterable[str]) -> pa.Table:
    """Columns of a table in the order of some of them; text in the type that Arrow can sort."""
    found = read_columns(DeltaTable(path), names)
    text = {name: found[name].cast(pa.string()) for name in names if pa.types.is_string_view(found[name].type)}
    table = pa.table({name: text.get(name, found[name]) for name in found.column_names})
    return table.sort_by([(name, "ascending") for name in by])


def _circle(by: tuple[str, ...], k: int) -> Grouped[Ellipse]:
    """The numbers within a distance of 10 from the origin."""
    weights = tuple(tuple(float(row == column) for column in range(k)) for row in range(k))
    ellipse = Ellipse(centre=(0.0,) * k, weights=weights, limit=100.0)
    groups = (Group[Ellipse](key=("south",), value=ellipse),) if by else ()
    return Grouped[Ellipse](by=by, otherwise=ellipse, groups=groups)
