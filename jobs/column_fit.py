"""Fitting the rules of single columns: bounds and fills, for all rows and by group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame

from headrace.pipeline import Source
from headrace.plans import Bounds, ColumnPlan, Fills, Group, Grouped, OutlierPlan
from headrace.plans.formulas import LEAST_GROUP_VALUES, NO_VALUES, Spread, bounds_of, filled_number
from headrace.plans.plan import Scalar
from headrace.plans.treatment import declared_rule, is_fitted_fill, is_fitted_outliers

from .value_statistics import Asked, Key, finite, keyed, spreads

Shares = {"iqr": (0.25, 0.75), "mad": (0.5,), "median": (0.5,)}


@dataclass(frozen=True)
class _Rule:
    """One fitted rule of one column; `part` is outliers or missing."""

    column: str
    kind: str
    part: str
    rule: dict[str, Any]

    @property
    def by(self) -> tuple[str, ...]:
        return tuple(self.rule["by"])

    @property
    def method(self) -> str:
        return str(self.rule["method" if self.part == "outliers" else "fill"])

    def asked(self) -> Asked:
        """What must be known of the column."""
        shares = Shares.get(self.method, ())
        if self.method == "quantile":
            shares = tuple(self.rule[side] for side in ("low", "high") if self.rule[side] is not None)
        return Asked(
            self.column,
            self.rule.get("transform"),
            shares,
            deviation=self.method == "mad",
            moments=self.method in ("mean", "zscore"),
        )


def fit_columns(rows: DataFrame, source: Source, count: int) -> dict[str, ColumnPlan]:
    """The plans of all columns with a fitted rule. Each grouping takes its own passes; all rows together come first."""
    rules = list(_rules(source))
    numeric = [rule for rule in rules if rule.method != "mode"]
    known: dict[tuple[str, ...], dict[Key, list[Spread]]] = {}
    for by in dict.fromkeys([(), *[rule.by for rule in numeric]]):
        here = [rule for rule in numeric if not by or rule.by == by]
        if here:
            known[by] = spreads(rows, by, [rule.asked() for rule in here], count)
    found: dict[str, ColumnPlan] = {}
    for rule in rules:
        plan = found.get(rule.column, ColumnPlan())
        if rule.method == "mode":
            grouped, notes = _modes(rows, rule)
            part: Any = Fills(rule=rule.rule, fill=grouped)
        else:
            part, notes = _fitted(rule, _of_rule(rule, numeric, known))
        found[rule.column] = plan.model_copy(update={rule.part: part, "notes": (*plan.notes, *notes)})
    return found


def _rules(source: Source) -> Iterable[_Rule]:
    for name, cleaning in source.clean.items():
        kind = source.columns[name].type
        if is_fitted_outliers(cleaning):
            yield _Rule(name, kind, "outliers", declared_rule(cleaning.outliers))
        if is_fitted_fill(cleaning):
            yield _Rule(name, kind, "missing", declared_rule(cleaning.missing))


def _of_rule(
    rule: _Rule, numeric: list[_Rule], known: Mapping[tuple[str, ...], Mapping[Key, list[Spread]]]
) -> dict[Key, Spread]:
    """What is known for one rule: by key of a group, and under `()` of all rows."""
    found: dict[Key, Spread] = {(): known[()].get((), [Spread(0)] * len(numeric))[numeric.index(rule)]}
    if rule.by:
        place = [other for other in numeric if other.by == rule.by].index(rule)
        found |= {key: columns[place] for key, columns in known[rule.by].items()}
    return found


def _fitted(rule: _Rule, known: Mapping[Key, Spread]) -> tuple[OutlierPlan | Fills, list[str]]:
    groups = {key: spread for key, spread in sorted(known.items()) if key}
    if rule.part == "missing":
        return _fills(rule, known[()], groups)
    general = bounds_of(rule.rule, known[()], rule.kind)
    notes = [f"{rule.method} sets no bounds: {general}"] if isinstance(general, str) else []
    bounds, without = [], []
    for key, spread in groups.items():
        if spread.count < LEAST_GROUP_VALUES:
            continue
        own = bounds_of(rule.rule, spread, rule.kind)
        without += [f"{', '.join(key)} ({own})"] if isinstance(own, str) else []
        bounds.append(Group[Bounds](key=key, value=Bounds() if isinstance(own, str) else own))
    if without:
        notes.append(f"{rule.method} sets no bounds for {len(without)} groups: {'; '.join(without[:5])}")
    otherwise = Bounds() if isinstance(general, str) else general
    return OutlierPlan(
        rule=rule.rule, bounds=Grouped[Bounds](by=rule.by, otherwise=otherwise, groups=tuple(bounds))
    ), notes


def _fills(rule: _Rule, general: Spread, groups: Mapping[Key, Spread]) -> tuple[Fills, list[str]]:
    fill = _number(rule, general)
    found = [(key, _number(rule, spread)) for key, spread in groups.items()]
    listed = tuple(Group[Scalar](key=key, value=value) for key, value in found if value is not None)
    notes = [] if fill is not None else [f"{rule.method} fills nothing: {NO_VALUES}"]
    return Fills(rule=rule.rule, fill=Grouped[Scalar](by=rule.by, otherwise=fill, groups=listed)), notes


def _number(rule: _Rule, spread: Spread) -> float | int | None:
    if not spread.count:
        return None
    value = spread.mean if rule.method == "mean" else (spread.quantiles or {}).get(0.5)
    return filled_number(value, rule.kind)


def _modes(rows: DataFrame, rule: _Rule) -> tuple[Grouped[Scalar], list[str]]:
    """The most frequent values; of equally frequent ones the least."""
    mode = f"mode({_storable(f'`{rule.column}`', rule.kind)}, true) as found"
    general = keyed(rows, (), [mode])[()]["found"]
    found = keyed(rows, rule.by, [mode]) if rule.by else {}
    groups = tuple(
        Group[Scalar](key=key, value=row["found"]) for key, row in sorted(found.items()) if row["found"] is not None
    )
    notes = [] if general is not None else [f"mode fills nothing: {NO_VALUES}"]
    return Grouped[Scalar](by=rule.by, otherwise=general, groups=groups), notes


def _storable(column: str, kind: str) -> str:
    """In SQL, the values as plans store them; of doubles the finite ones."""
    if kind == "double":
        return finite(column)
    return {"timestamp": f"unix_micros({column})", "date": f"unix_date({column})"}.get(kind, column)
