"""Admission: which decoded records are events, and why the others are not.

A reason is a pure function of the record and of the pipeline file (`outlier` of the plan, too). The checks are made in
the order of `headrace.tables.REASONS`; the first that fails is the reason.
"""

from __future__ import annotations

from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from headrace.pipeline import Source
from headrace.plans import ColumnTreatment, JointTreatment, Treatment
from headrace.tables import REASONS

from .decode import FIRST_INSTANT, LAST_INSTANT, MAX_KIND_CHARACTERS, UNKNOWN_FIELDS, kind_of, wrong_kind
from .document_checks import document_checks, found_kind
from .expectations import failing, said_of
from .treatment import far, odd, with_fitted

# An event this far ahead of its arrival comes from a wrong clock, not from the world.
FUTURE_TOLERANCE_S = 3600

REASON, DETAIL, LATE = "__reason", "__detail", "_late"


def judge(decoded: DataFrame, source: Source, treatment: Treatment, dropped: str | None = None) -> DataFrame:
    """Adds `_late` (never null), `__reason` (null for an event) and `__detail` to decoded rows with `event_at` and
    `arrived_at`. With `dropped` no row is an event: that is why those are refused that would be.
    """
    checks = _checks(source) | _expectation_check(source) | _outlier_check(treatment)
    if dropped is not None:
        checks["dropped_by_hand"] = (F.lit(True), F.lit(dropped))
    reason = F.coalesce(*[F.when(checks[name][0], F.lit(name)) for name in REASONS if name in checks])
    detail = F.coalesce(*[F.when(checks[name][0], checks[name][1]) for name in REASONS if name in checks])
    late = F.coalesce(_late_by(source), F.lit(False))
    return (
        with_fitted(decoded, *_refusing(treatment))
        .select("*", late.alias(LATE), reason.alias(REASON))
        .select("*", F.when(F.col(REASON).isNotNull(), detail).alias(DETAIL))
    )


def _checks(source: Source) -> dict[str, tuple[Column, Column]]:
    """Each reason's condition, true where the record fails it, and what to say then."""
    checks = {
        **document_checks(source),
        **_column_checks(source),
        "null_event_id": (_any_null(source.event_id), F.lit(f"the event id is {', '.join(source.event_id)}")),
        "null_event_at": (
            ~F.coalesce(_in_range("event_at"), F.lit(False)),
            F.lit("the event time is null or out of range"),
        ),
        "in_the_future": (
            F.col("event_at") > F.col("arrived_at") + F.expr(f"interval {FUTURE_TOLERANCE_S} seconds"),
            _two_instants(f"more than {FUTURE_TOLERANCE_S} s after its arrival"),
        ),
    }
    if source.late is not None and source.late.action == "quarantine":
        checks["late"] = (
            _late_by(source),
            _two_instants(f"more than {source.late.after_us / 1e6:g} s before its arrival"),
        )
    return checks


def _expectation_check(source: Source) -> dict[str, tuple[Column, Column]]:
    """The expectations that refuse a row."""
    refusing = source.refusing()
    failed = {name: failing(expected) for name, expected in refusing.items()}
    check = _named(failed, lambda name: F.lit(said_of(name, refusing[name])))
    return {} if check is None else {"expectation": check}


def _outlier_check(treatment: Treatment) -> dict[str, tuple[Column, Column]]:
    """The rules that refuse a row for its values; bounds that the file states and those of a plan alike."""
    columns, joint = _refusing(treatment)
    by_plan = "" if treatment.plan is None else f" by plan {treatment.plan}"
    odd_ones = {column.name: F.expr(odd(column)) for column in columns}
    far_ones = {rule.name: F.expr(far(rule)) for rule in joint}
    together = {rule.name: f"columns {', '.join(rule.columns)}: outliers together ({rule.name})" for rule in joint}

    def say_odd(name: str) -> Column:
        return F.concat(F.lit(f"column '{name}': found "), F.col(name).cast("string"), F.lit(f", an outlier{by_plan}"))

    found = [
        _named(odd_ones, say_odd),
        _named(far_ones, lambda name: F.lit(f"{together[name]}{by_plan}")),
    ]
    checks = [check for check in found if check is not None]
    if not checks:
        return {}
    refused = reduce(or_, [condition for condition, _ in checks])
    return {"outlier": (refused, F.coalesce(*[detail for _, detail in checks]))}


def _refusing(treatment: Treatment) -> tuple[list[ColumnTreatment], list[JointTreatment]]:
    columns = [column for column in treatment.columns if column.action == "quarantine" and column.bounds]
    return columns, [rule for rule in treatment.joint if rule.action == "quarantine"]


def _column_checks(source: Source) -> dict[str, tuple[Column, Column]]:
    columns = source.columns.items()
    required = {
        name: F.col(kind_of(name)).isNull() | (F.col(kind_of(name)) == "VOID") for name, c in columns if c.required
    }
    wrong = {name: wrong_kind(name) for name in source.columns}
    barred = {name: ~F.col(name).isin(*c.one_of) for name, c in columns if c.one_of}
    outside = {name: _outside(name, c.between) for name, c in columns if c.between}
    checks = {
        "missing_field": _named(required, lambda name: F.lit(f"column '{name}' is required")),
        "wrong_type": _named(
            wrong,
            lambda name: F.concat(
                F.lit(f"column '{name}': "), found_kind(F.col(kind_of(name)), source.columns[name].type)
            ),
        ),
        "not_allowed": _named(barred, lambda name: F.lit(f"column '{name}': not one of the declared values")),
        "out_of_range": _named(
            outside, lambda name: F.concat(F.lit(f"column '{name}': found "), F.col(name).cast("string"))
        ),
    }
    found = {reason: check for reason, check in checks.items() if check is not None}
    if source.unknown_fields == "quarantine":
        names = F.substring(F.array_join(F.col(UNKNOWN_FIELDS), ", "), 1, MAX_KIND_CHARACTERS)
        found["unknown_field"] = (F.col(UNKNOWN_FIELDS).isNotNull(), F.concat(F.lit("nobody declared "), names))
    return found


def _named(conditions: dict[str, Column], say: object) -> tuple[Column, Column] | None:
    if not conditions:
        return None
    failed = {name: F.coalesce(condition, F.lit(False)) for name, condition in conditions.items()}
    return reduce(or_, failed.values()), F.coalesce(*[F.when(failed[name], say(name)) for name in failed])  # type: ignore[operator]


def _outside(name: str, between: tuple[float | None, float | None]) -> Column:
    low, high = between
    below = F.col(name) < F.lit(low) if low is not None else F.lit(False)
    above = F.col(name) > F.lit(high) if high is not None else F.lit(False)
    return below | above


def _in_range(name: str) -> Column:
    return F.col(name).between(F.expr(f"timestamp '{FIRST_INSTANT}'"), F.expr(f"timestamp '{LAST_INSTANT}'"))


def _any_null(names: tuple[str, ...]) -> Column:
    return reduce(or_, [F.col(name).isNull() for name in names])


def _late_by(source: Source) -> Column:
    if source.late is None:
        return F.lit(False)
    return F.unix_micros("arrived_at") - F.unix_micros("event_at") > F.lit(source.late.after_us)


def _two_instants(problem: str) -> Column:
    return F.concat(
        F.lit("event at "),
        F.col("event_at").cast("string"),
        F.lit(f" is {problem} at "),
        F.col("arrived_at").cast("string"),
    )
