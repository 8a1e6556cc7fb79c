"""What must hold for the treatment of one column, and of several at once."""

from __future__ import annotations

from collections.abc import Iterator

from .cleaning import Bounds, ColumnCleaning, Constant, Mahalanobis, Quantile
from .column_types import NUMBERS, spoken
from .column_values import VALUE_HINTS, misfit
from .declared import Fault, Place
from .source import Column, Source

Faults = Iterator[Fault]

EXACT_LIMIT = 2**53  # beyond it a double does not hold every whole number


def check_bounds(place: Place, low: float | None, high: float | None, column_type: str) -> Faults:
    """Two bounds, of which one may be open, around values of a column."""
    if low is None and high is None:
        yield Fault(place, "both bounds are open", "State the least or the greatest value")
    elif low is not None and high is not None and low > high:
        yield Fault(place, f"the lower bound {low:g} is above the upper bound {high:g}", "Write the least value first")
    for bound in (low, high):
        if column_type == "long" and bound is not None and (bound != int(bound) or abs(bound) > EXACT_LIMIT):
            hint = "Write a whole number of at most 2^53"
            yield Fault(place, f"{bound:g} is no bound for a whole number (long)", hint)


def check_cleaning(source: Source, name: str, cleaning: ColumnCleaning) -> Faults:
    """What is wrong in the treatment of the column `name`; places are paths inside the source."""
    place: Place = ("clean", name)
    if name not in source.columns:
        if name in source.derive:
            yield Fault(
                place,
                f"'{name}' is derived",
                "Only declared columns are cleaned; derived ones read values as they were sent",
            )
        else:
            yield Fault.unknown(place, "declared column", name, source.columns)
        return
    if name in source.event_id:
        yield Fault(place, f"'{name}' is part of the event id", "What identifies an event is not treated")
    column = source.columns[name]
    if cleaning.outliers is None and cleaning.missing is None:
        yield Fault(place, "this says nothing", "Give 'outliers', 'missing' or both")
    yield from _check_outliers((*place, "outliers"), column, cleaning)
    nulled = any(name in rule.columns for rule in source.joint_outliers.values() if rule.action == "null_value")
    yield from _check_missing((*place, "missing"), column, cleaning, nulled)
    for part in ("outliers", "missing"):
        for at, by in enumerate(getattr(getattr(cleaning, part), "by", ())):
            yield from _check_by((*place, part, "by", at), source, (name,), by)


def check_joint(source: Source, name: str, rule: Mahalanobis) -> Faults:
    """What is wrong in the joint rule `name`; places are paths inside the source."""
    place: Place = ("joint_outliers", name)
    for at, column in enumerate(rule.columns):
        here = (*place, "columns", at)
        if column in rule.columns[:at]:
            yield Fault(here, f"'{column}' is listed twice", "Keep one")
        elif column not in source.columns:
            yield Fault.unknown(here, "declared column", column, source.columns)
        elif source.columns[column].type not in NUMBERS:
            kind = spoken(source.columns[column].type)
            yield Fault(here, f"only numbers have a distance, and the column is {kind}", "Leave it out")
        elif column in source.event_id and rule.action == "null_value":
            yield Fault(here, f"'{column}' is part of the event id", "What identifies an event is not treated")
    for at, by in enumerate(rule.by):
        yield from _check_by((*place, "by", at), source, rule.columns, by)


def _check_outliers(place: Place, column: Column, cleaning: ColumnCleaning) -> Faults:
    rule = cleaning.outliers
    if rule is None:
        return
    if column.type not in NUMBERS:
        yield Fault(
            place,
            f"only numbers have outliers, and the column is {spoken(column.type)}",
            "Use 'one_of' on the column, or leave it out",
        )
    if isinstance(rule, Bounds):
        yield from check_bounds(place, rule.low, rule.high, column.type)
    elif isinstance(rule, Quantile):
        yield from check_bounds(place, rule.low, rule.high, "double")


def _check_missing(place: Place, column: Column, cleaning: ColumnCleaning, jointly_nulled: bool) -> Faults:
    rule = cleaning.missing
    if rule is None:
        return
    if isinstance(rule, Constant):
        if problem := misfit(rule.value, column.type):
            yield Fault((*place, "value"), problem, VALUE_HINTS[column.type])
    elif rule.fill in ("mean", "median") and column.type not in NUMBERS:
        yield Fault(
            (*place, "fill"),
            f"only numbers have a {rule.fill}, and the column is {spoken(column.type)}",
            "Use constant, mode or none",
        )
    nulled = cleaning.outliers is not None and cleaning.outliers.action == "null_value"
    if column.required and not nulled and not jointly_nulled:
        yield Fault(place, "the column is required, so it is never missing", "Leave out this rule, or 'required'")


def _check_by(place: Place, source: Source, names: tuple[str, ...], by: str) -> Faults:
    columns = source.row_columns()
    if by not in columns:
        yield Fault.unknown(place, "column", by, columns)
    elif by in names or columns[by] in ("double", "timestamp"):
        yield Fault(
            place,
            f"values cannot be grouped by '{by}'",
            "Group by another column with few values: a string, long, boolean or date",
        )
