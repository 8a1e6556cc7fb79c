"""Fitting a plan: the events of a window → bounds, fills, ellipses and statistics of a source."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from headrace.errors import UsageError
from headrace.pipeline import Source
from headrace.pipeline.times import iso
from headrace.plans import Plan, PlanVersion, bind

from .cleaning import computed
from .column_fit import fit_columns
from .column_statistics import count_outliers, describe_columns
from .joint_fit import fit_joint

# A plan is fitted on every event of its window up to this many; of more, on an even part of them.
EXACT_ROWS = 4_000_000


def fit_plan(rows: DataFrame, source: Source) -> Plan:
    """The plan of `source` for the events `rows`: declared and derived columns as sent.

    The same events give the same plan, in whatever order and in however many parts they come.

    Raises:
        UsageError: there is no event in the window, or a rule has too many groups.
    """
    count = rows.count()
    if not count:
        raise UsageError(f"source '{source.name}': {_window(source)} holds no event, so there is nothing to fit on")
    one_in = -(-count // EXACT_ROWS)
    looked_at = computed(_part(rows, source, one_in)) if one_in > 1 else rows
    used = looked_at.count() if one_in > 1 else count
    plan = Plan(
        rows=count,
        one_in=one_in,
        columns=fit_columns(looked_at, source, used),
        joint=fit_joint(looked_at, source),
        statistics=describe_columns(looked_at, source, used),
    )
    return _with_outliers(plan, looked_at, source)


def _part(rows: DataFrame, source: Source, one_in: int) -> DataFrame:
    """One event in `one_in`, chosen by the hash of its id."""
    return rows.where(F.pmod(F.xxhash64(*source.event_id), F.lit(one_in)) == 0)


def _with_outliers(plan: Plan, rows: DataFrame, source: Source) -> Plan:
    treatment = bind(source, PlanVersion(source.name, 0, 0, "", None, None, {}, "", plan))
    counted = count_outliers(rows, treatment)
    statistics = {
        name: found.model_copy(update={"outliers": counted[name]}) if name in source.treated() else found
        for name, found in plan.statistics.items()
    }
    joint = {name: counted[name] for name in source.joint_outliers}
    return plan.model_copy(update={"statistics": statistics, "joint_outliers": joint})


def _window(source: Source) -> str:
    if source.fit is None:
        return "the table"
    return f"the fit window from {iso(source.fit.from_us)} to {iso(source.fit.to_us)}"
