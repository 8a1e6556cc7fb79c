"""Fitting the rules over several columns: the ellipse of each group, by three passes of exact quantiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from headrace.pipeline import Mahalanobis, Source
from headrace.plans import Ellipse, Group, Grouped, JointPlan
from headrace.plans.ellipse import IQR_TO_SIGMA, Matrix, correlations, eigenvectors, ellipse_of
from headrace.plans.formulas import LEAST_GROUP_VALUES, NO_SPREAD, NO_VALUES
from headrace.plans.treatment import declared_rule

from .group_lookup import look_up
from .value_statistics import Key, finite, keyed


def fit_joint(rows: DataFrame, source: Source) -> dict[str, JointPlan]:
    """The plans of all joint rules of a source."""
    return {name: _fit(rows, rule) for name, rule in source.joint_outliers.items()}


def _fit(rows: DataFrame, rule: Mahalanobis) -> JointPlan:
    values = [finite(F.col(name)).alias(f"__{number}") for number, name in enumerate(rule.columns)]
    whole = rows.select(*rule.by, *values).dropna(subset=[f"__{number}" for number in range(len(values))])
    general = _ellipses(whole, (), rule).get((), NO_VALUES)
    by_group = _ellipses(whole, rule.by, rule) if rule.by else {}
    groups = [Group[Ellipse](key=key, value=found) for key, found in by_group.items() if isinstance(found, Ellipse)]
    without = [f"{', '.join(key)} ({found})" for key, found in by_group.items() if isinstance(found, str)]
    notes = [f"mahalanobis finds nothing: {general}"] if isinstance(general, str) else []
    if without:
        notes.append(f"mahalanobis takes the ellipse of all rows for {len(without)} groups: {'; '.join(without[:5])}")
    return JointPlan(
        rule=declared_rule(rule),
        columns=rule.columns,
        ellipses=Grouped[Ellipse](
            by=rule.by, otherwise=general if isinstance(general, Ellipse) else None, groups=tuple(groups)
        ),
        notes=tuple(notes),
    )


def _ellipses(whole: DataFrame, by: tuple[str, ...], rule: Mahalanobis) -> dict[Key, Ellipse | str]:
    """The ellipse of each group, or why it has none; groups with few rows are left out."""
    k = len(rule.columns)
    columns = [F.col(f"__{number}") for number in range(k)]
    least = LEAST_GROUP_VALUES if by else 1
    first = keyed(whole, by, [F.count("*").alias("rows"), *[_quarters(c, f"q{i}") for i, c in enumerate(columns)]])
    sigmas = {key: [_sigma(row[f"q{i}"]) for i in range(k)] for key, row in first.items() if row["rows"] >= least}
    spread = {key: found for key, found in sigmas.items() if all(found)}
    if not spread:
        return dict.fromkeys(sorted(sigmas), NO_SPREAD)
    scaled = [column / _number(by, spread, i) for i, column in enumerate(columns)]
    pairs = [(i, j) for i in range(k) for j in range(i + 1, k)]
    sums = [_quarters(scaled[i] + scaled[j], f"s{i}_{j}") for i, j in pairs]
    differences = [_quarters(scaled[i] - scaled[j], f"d{i}_{j}") for i, j in pairs]
    second = keyed(whole, by, [*sums, *differences])
    vectors: dict[Key, Matrix] = {}
    for key in spread:
        of_sums = {(i, j): _sigma(second[key][f"s{i}_{j}"]) for i, j in pairs}
        of_differences = {(i, j): _sigma(second[key][f"d{i}_{j}"]) for i, j in pairs}
        vectors[key] = eigenvectors(correlations(of_sums, of_differences, k))
    flat = {key: [number for row in found for number in row] for key, found in vectors.items()}
    along = [_projection(by, flat, scaled, row) for row in range(k)]
    third = keyed(whole, by, [_quarters(column, f"q{row}") for row, column in enumerate(along)])
    found: dict[Key, Ellipse | str] = {}
    for key in sorted(sigmas):
        ellipse = None
        if key in spread:
            quarters = [third[key][f"q{row}"] for row in range(k)]
            axes, medians = [_sigma(q) for q in quarters], [float(q[1]) for q in quarters]
            ellipse = ellipse_of(spread[key], vectors[key], medians, axes, rule.threshold)
        found[key] = ellipse or NO_SPREAD
    return found


def _quarters(column: Column, name: str) -> Column:
    return F.percentile(column, F.array(F.lit(0.25), F.lit(0.5), F.lit(0.75))).alias(name)


def _sigma(quarters: Sequence[float] | None) -> float:
    return 0.0 if quarters is None else (quarters[2] - quarters[0]) / IQR_TO_SIGMA


def _projection(by: tuple[str, ...], flat: Mapping[Key, list[float]], scaled: Sequence[Column], row: int) -> Column:
    total = F.lit(0.0)
    for number, column in enumerate(scaled):
        total = total + _number(by, flat, row * len(scaled) + number) * column
    return total


def _number(by: tuple[str, ...], values: Mapping[Key, list[float]], place: int) -> Column:
    """One number of the row's group; null for a group without."""
    if not by:
        return F.lit(values[()][place]) if () in values else F.lit(None).cast("double")
    groups = tuple(Group[list[float]](key=key, value=found) for key, found in sorted(values.items()))
    return look_up(Grouped[list[float]](by=by, groups=groups), "array<double>", lambda value: value)[place]
