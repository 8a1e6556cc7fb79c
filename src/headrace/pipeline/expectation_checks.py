"""What must hold for the expectations of a source."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .cleaning_checks import check_bounds
from .column_types import NUMBERS, spoken
from .column_values import VALUE_HINTS, misfit
from .declared import Fault, Place
from .expectations import ROW_CHECKS, Between, Expectation, Holds, Matches, OneOf, Rows, Unique
from .source import Source

Faults = Iterator[Fault]


def check_expectation(source: Source, name: str, expected: Expectation) -> Faults:
    """What is wrong in the expectation `name`; places are paths inside the source."""
    place: Place = ("expect", name)
    if source.table is not None and expected.severity == "hold":
        hint = "A table is read whole, and stays as it was until its next version: use warn"
        yield Fault((*place, "severity"), "a reference table cannot be held", hint)
    if isinstance(expected, ROW_CHECKS) and expected.severity == "quarantine" and expected.at_least is not None:
        hint = "Each row that fails is refused; leave it out, or warn or hold"
        yield Fault((*place, "at_least"), "a share has no meaning for 'quarantine'", hint)
    if isinstance(expected, Rows):
        yield from _check_rows(place, expected)
    elif isinstance(expected, Unique):
        for at, column in enumerate(expected.columns):
            if column not in source.row_columns():
                yield Fault.unknown((*place, "columns", at), "column", column, source.row_columns())
    elif isinstance(expected, ROW_CHECKS) and not isinstance(expected, Holds):
        yield from _check_column(place, source, expected)


def _check_rows(place: Place, expected: Rows) -> Faults:
    if expected.least is None and expected.most is None:
        yield Fault(place, "both bounds are open", "State 'least' or 'most'")
    elif expected.least is not None and expected.most is not None and expected.least > expected.most:
        yield Fault(place, f"the least {expected.least} is above the most {expected.most}", "Write the least first")


def _check_column(place: Place, source: Source, expected: Expectation) -> Faults:
    columns = source.row_columns()
    name = getattr(expected, "column")  # noqa: B009  every row check but `holds` has one
    if name not in columns:
        yield Fault.unknown((*place, "column"), "column", name, columns)
        return
    kind = columns[name]
    if isinstance(expected, Between):
        if kind not in NUMBERS:
            yield Fault((*place, "column"), f"'between' is for numbers, and the column is {spoken(kind)}", "Use one_of")
        yield from check_bounds(place, expected.low, expected.high, kind)
    elif isinstance(expected, OneOf):
        for at, value in enumerate(expected.values):
            if problem := misfit(value, kind):
                yield Fault((*place, "values", at), problem, VALUE_HINTS[kind])
    elif isinstance(expected, Matches):
        yield from _check_pattern(place, kind, expected)


def _check_pattern(place: Place, kind: str, expected: Matches) -> Faults:
    if kind != "string":
        yield Fault(
            (*place, "column"), f"'matches' is for texts, and the column is {spoken(kind)}", "Use another check"
        )
    try:
        re.compile(expected.pattern)
    except re.error as err:
        yield Fault((*place, "pattern"), f"this is no regular expression: {err}", "Write one, such as N[0-9A-Z]{1,5}")
