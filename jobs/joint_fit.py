"""Fitting the rules over several columns: the ellipse of each group, by three passes of exact quantiles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from headrace.pipeline import Mahalanobis, Source
from headrace.plans import Ellipse, Group, Grouped, JointPlan
from headrace.plans.ellipse import IQR_TO_SIGMA, Matrix, correlations, eigenvectors, ellipse_of
from headrace.plans.formulas import LEAST_GROUP_VALUES, NO_SPREAD, NO_VALUES
from headrace.plans.treatment import declared_rule

from .value_statistics import Key, finite, keyed, of_group

_QUARTERS = "array(0.25D, 0.5D, 0.75D)"


def fit_joint(rows: DataFrame, source: Source) -> dict[str, JointPlan]:
    """The plans of all joint rules of a source."""
    return {name: _fit(rows, rule) for name, rule in source.joint_outliers.items()}


def _fit(rows: DataFrame, rule: Mahalanobis) -> JointPlan:
    names = [f"__x{number}" for number in range(len(rule.columns))]
    values = [F.expr(finite(f"`{column}`")).alias(name) for column, name in zip(rule.columns, names, strict=True)]
    whole = rows.select(*rule.by, *values).dropna(subset=names)
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
    k, least = len(rule.columns), LEAST_GROUP_VALUES if by else 1
    first = keyed(whole, by, ["count(*) as count_rows", *[_quarters(f"`__x{i}`", f"q{i}") for i in range(k)]])
    sigmas = {key: [_sigma(row[f"q{i}"]) for i in range(k)] for key, row in first.items() if row["count_rows"] >= least}
    spread = {key: found for key, found in sigmas.items() if all(found)}
    if not spread:
        return dict.fromkeys(sorted(sigmas), NO_SPREAD)
    scaled = whole.select("*", of_group(by, spread, "array<double>").alias("__sigmas"))
    z = scaled.select(*by, *[F.expr(f"`__x{i}` / `__sigmas`[{i}] as __z{i}") for i in range(k)])
    vectors = _vectors(z, by, k, spread.keys())
    flat = {key: [number for row in found for number in row] for key, found in vectors.items()}
    turned = z.select("*", of_group(by, flat, "array<double>").alias("__vectors"))
    along = [" + ".join(f"`__vectors`[{row * k + i}] * `__z{i}`" for i in range(k)) for row in range(k)]
    third = keyed(turned, by, [_quarters(text, f"q{row}") for row, text in enumerate(along)])
    found: dict[Key, Ellipse | str] = {}
    for key in sorted(sigmas):
        ellipse = None
        if key in spread:
            quarters = [third[key][f"q{row}"] for row in range(k)]
            axes, medians = [_sigma(quarter) for quarter in quarters], [float(quarter[1]) for quarter in quarters]
            ellipse = ellipse_of(spread[key], vectors[key], medians, axes, rule.threshold)
        found[key] = ellipse or NO_SPREAD
    return found


def _vectors(z: DataFrame, by: tuple[str, ...], k: int, keys: Iterable[Key]) -> dict[Key, Matrix]:
    """The directions along which the scaled columns are nearly uncorrelated, of each group."""
    pairs = [(i, j) for i in range(k) for j in range(i + 1, k)]
    sums = [_quarters(f"`__z{i}` + `__z{j}`", f"s{i}_{j}") for i, j in pairs]
    differences = [_quarters(f"`__z{i}` - `__z{j}`", f"d{i}_{j}") for i, j in pairs]
    rows = keyed(z, by, [*sums, *differences])
    found = {}
    for key in keys:
        of_sums, of_differences = (
            {(i, j): _sigma(rows[key][f"{sign}{i}_{j}"]) for i, j in pairs} for sign in ("s", "d")
        )
        found[key] = eigenvectors(correlations(of_sums, of_differences, k))
    return found


def _quarters(value: str, name: str) -> str:
    return f"percentile({value}, {_QUARTERS}) as {name}"


def _sigma(quarters: Sequence[float] | None) -> float:
    return 0.0 if quarters is None else (quarters[2] - quarters[0]) / IQR_TO_SIGMA
