"""What must hold inside one source, beyond the form of its parts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from .cleaning_checks import check_bounds, check_cleaning, check_joint
from .column_types import NUMBERS, spoken
from .column_values import VALUE_HINTS, misfit
from .declared import RESERVED_COLUMNS, Fault, Place, found
from .drift_checks import check_drift
from .expectation_checks import check_expectation
from .expectations import Holds
from .expressions import Expression
from .source import TABLE_PATTERN, TOPIC_PATTERN, Column, Interval, Source
from .sql import SqlFault

Faults = Iterator[Fault]

_ONLY_FOR_TOPICS = {
    "late": "late",
    "unknown_fields": "unknown_fields",
    "copies_within_us": "copies_within",
    "format": "format",
}


def check_source(source: Source) -> Faults:
    """Yields what is wrong in `source`; places are paths inside it."""
    yield from _check_origin(source)
    yield from _check_names(source)
    yield from _check_event_id(source)
    for name, column in source.columns.items():
        yield from _check_column(("columns", name), column)
    for name, cleaning in source.clean.items():
        yield from check_cleaning(source, name, cleaning)
    for name, rule in source.joint_outliers.items():
        yield from check_joint(source, name, rule)
    for name, expected in source.expect.items():
        yield from check_expectation(source, name, expected)
    yield from check_drift(source)
    yield from _check_fit(source)


def bind_source(source: Source, faults: list[Fault], place: Place, name: str) -> Source:
    """The source with checked expressions and its name; what is wrong with them is added to `faults`."""
    columns = {column: declared.type for column, declared in source.columns.items()}
    event_at = source.event_at and bind(source.event_at, columns, "timestamp", (*place, "event_at"), faults)
    derive = {
        key: derived.model_copy(
            update={"value": bind(derived.value, columns, derived.type, (*place, "derive", key, "value"), faults)}
        )
        for key, derived in source.derive.items()
    }
    expect = {
        key: expected.model_copy(
            update={
                "condition": bind(expected.condition, columns, "boolean", (*place, "expect", key, "condition"), faults)
            }
        )
        if isinstance(expected, Holds)
        else expected
        for key, expected in source.expect.items()
    }
    bound = source.model_copy(update={"event_at": event_at, "derive": derive, "expect": expect})
    bound._name = name
    return bound


def bind(
    expression: Expression, columns: Mapping[str, str], expected: str, place: Place, faults: list[Fault]
) -> Expression:
    """The checked expression, or the same one and a fault."""
    try:
        return expression.bind(columns, expected)
    except SqlFault as fault:
        faults.append(Fault(place, fault.problem, fault.hint))
        return expression


def check_interval(place: Place, interval: Interval) -> Faults:
    """An interval ends after it begins."""
    if interval.from_us >= interval.to_us:
        yield Fault(
            (*place, "to"),
            "the interval ends before it begins",
            "'to' is the first instant after it, later than 'from'",
        )


def _check_origin(source: Source) -> Faults:
    if (source.topic is None) == (source.table is None):
        what = "has neither 'topic' nor 'table'" if source.topic is None else "has both 'topic' and 'table'"
        yield Fault(
            () if source.topic is None else ("table",),
            f"a source {what}",
            "Name the Kafka topic, or the reference table; one of them",
        )
        return
    if source.topic is not None:
        if not re.match(TOPIC_PATTERN, source.topic) or source.topic in (".", ".."):
            yield Fault(
                ("topic",),
                f"{found(source.topic)} is no topic",
                "Kafka's names have a-z, A-Z, 0-9, '.', '_' and '-', here at most 200",
            )
        if source.event_at is None:
            yield Fault(
                (), "'event_at' is missing here", "Say when a fact became known: a timestamp column, or an expression"
            )
        return
    if source.table is not None and not re.match(TABLE_PATTERN, source.table):
        yield Fault(
            ("table",), f"{found(source.table)} is no table name", "Write a name; settings say where the table is"
        )
    for field, key in _ONLY_FOR_TOPICS.items():
        if field in source.model_fields_set:
            yield Fault(
                (key,), f"'{key}' has no meaning for a table", "Tables are read whole and have no arrival; leave it out"
            )


def _check_names(source: Source) -> Faults:
    for block in ("columns", "derive"):
        for name in getattr(source, block):
            if name in RESERVED_COLUMNS:
                yield Fault(
                    (block, name),
                    f"the name '{name}' is reserved",
                    "Headrace adds event_at, arrived_at and known_at; choose another",
                )
    for name in source.derive:
        if name in source.columns:
            yield Fault(
                ("derive", name), f"'{name}' is already a declared column", "Give the derived column another name"
            )
    taken = source.row_columns()
    for name in source.joint_outliers:
        if (added := f"{name}_outlier") in taken or name in source.treated():
            what = f"'{added}' is already a column" + ("" if added in taken else f", which cleaning '{name}' adds")
            yield Fault(("joint_outliers", name), what, "Choose another name for the rule")
    for name in source.treated():
        for suffix in ("original", "outlier", "missing"):
            if (added := f"{name}_{suffix}") in taken:
                block = "columns" if added in source.columns else "derive"
                yield Fault(
                    (block, added), f"'{added}' clashes with what cleaning '{name}' adds", "Choose another name"
                )


def _check_event_id(source: Source) -> Faults:
    for at, name in enumerate(source.event_id):
        place = ("event_id", at)
        if name not in source.columns:
            yield Fault.unknown(place, "declared column", name, source.columns)
        elif source.columns[name].type == "double":
            yield Fault(
                place, f"'{name}' is a double, which cannot identify an event", "Use a string, a long or a timestamp"
            )
        if name in source.event_id[:at]:
            yield Fault(place, f"'{name}' is listed twice", "Keep one")


def _check_column(place: Place, column: Column) -> Faults:
    for at, value in enumerate(column.one_of or ()):
        if problem := misfit(value, column.type):
            yield Fault((*place, "one_of", at), problem, VALUE_HINTS[column.type])
        if any(value == other and type(value) is type(other) for other in (column.one_of or ())[:at]):
            yield Fault((*place, "one_of", at), f"{found(value)} is listed twice", "Keep one")
    if column.between is None:
        return
    if column.type not in NUMBERS:
        yield Fault(
            (*place, "between"),
            f"'between' is for numbers, and the column is {spoken(column.type)}",
            "Use 'one_of', or leave it out",
        )
    yield from check_bounds((*place, "between"), *column.between, column.type)


def _check_fit(source: Source) -> Faults:
    fitted = source.fitted_rules()
    timeless = source.table is not None and source.event_at is None
    if source.fit is not None:
        yield from check_interval(("fit",), source.fit)
        if timeless:
            yield Fault(
                ("fit",),
                "'fit' selects by event_at, and this table has none",
                "Leave it out: rules are fitted on the whole table",
            )
    elif fitted and not timeless:
        name, rule = next(iter(fitted.items()))
        yield Fault(
            ("clean" if name in source.clean else "joint_outliers", name),
            f"the rule '{rule}' is fitted, and 'fit' is missing",
            "Say on this source what it may look at: fit: {from: …, to: …}",
        )
    elif source.drift is not None and not timeless:
        yield Fault(
            ("drift",),
            "drift is measured against the events of 'fit', and 'fit' is missing",
            "Say on this source what it may look at: fit: {from: …, to: …}",
        )
