"""Treatments and rows as Hypothesis draws them, and what a plain loop makes of them, one value after the other."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from headrace.plans import Bounds, ColumnTreatment, Ellipse, Group, Grouped, JointTreatment, Treatment
from headrace.plans.columnar import ARROW_TYPES

KINDS = {"x": "double", "y": "double", "n": "long", "s": "string", "b": "boolean", "t": "timestamp", "d": "date"}
GROUPS = {"shop": "string", "size": "long", "gift": "boolean", "day": "date"}
SHOPS = ["north", "süd", "", "1:", "a,b", None]
LARGEST = 2**63 - 1

Row = dict[str, Any]

_doubles = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 5.0, math.nan, math.inf, -math.inf, 1e308]), st.floats(-10, 10), st.floats()
)
_longs = st.one_of(st.integers(-10, 10), st.sampled_from([LARGEST, -LARGEST - 1, 2**53 + 1]))
_values: dict[str, st.SearchStrategy[Any]] = {
    "double": _doubles,
    "long": _longs,
    "string": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=4),
    "boolean": st.booleans(),
    "timestamp": st.integers(-(10**15), 4 * 10**15),  # as plans store them
    "date": st.integers(-10_000, 40_000),
}
_key_values: dict[str, st.SearchStrategy[Any]] = {
    "shop": st.sampled_from(SHOPS),
    "size": st.sampled_from([None, 0, -1, LARGEST]),
    "gift": st.sampled_from([None, True, False]),
    "day": st.sampled_from([None, 0, 15_706]),
}


def rows() -> st.SearchStrategy[list[Row]]:
    """Rows with nulls, NaN and infinities; timestamps in microseconds and dates in days since 1970."""
    columns = {name: st.none() | _values[kind] for name, kind in KINDS.items()}
    return st.lists(st.fixed_dictionaries({**columns, **_key_values}), min_size=1, max_size=60)


def as_table(drawn: list[Row]) -> pa.Table:
    """The rows as Arrow, numbered in `number`, since Spark does not promise an order."""
    types = {name: ARROW_TYPES[kind] for name, kind in {**KINDS, **GROUPS}.items()}
    stored = {"timestamp": pa.int64(), "date": pa.int32()}
    columns = {
        name: pa.array([row[name] for row in drawn], stored.get({**KINDS, **GROUPS}[name], kind)).cast(kind)
        for name, kind in types.items()
    }
    return pa.table({"number": pa.array(range(len(drawn)), pa.int64()), **columns})


def as_lists(table: pa.Table) -> dict[str, list[Any]]:
    """The columns of a table as plain values; doubles by their text, so that NaN is itself and -0.0 is not 0.0."""
    found = {}
    for name in table.column_names:
        column = table.column(name)
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.int64())
        if pa.types.is_date(column.type):
            column = column.cast(pa.int32())
        found[name] = [repr(value) if isinstance(value, float) else value for value in column.to_pylist()]
    return found


@st.composite
def treatments(draw: st.DrawFn) -> Treatment:
    """A treatment with every action and every type of fill, by any groups."""
    rules = ["both", "spike"]
    columns = tuple(
        ColumnTreatment(
            name=name,
            type=kind,
            bounds=draw(_grouped(_bounds(kind))) if kind in ("double", "long") else None,
            action=draw(st.sampled_from(["flag", "clip", "null_value", "quarantine"])),
            fill=draw(st.none() | _grouped(_values[kind].filter(_storable))),
            nulled_by=("both",) if name in ("x", "n") else (),
        )
        for name, kind in KINDS.items()
        if draw(st.booleans()) or name == "x"
    )
    joint = tuple(
        JointTreatment(
            name,
            ("x", "n") if name == "both" else ("x", "y", "n"),
            draw(_grouped(_ellipse(2 if name == "both" else 3))),
            "null_value" if name == "both" else "quarantine",
        )
        for name in rules
    )
    return Treatment("drawn", draw(st.sampled_from([1, 7])), columns, joint, GROUPS)


def _storable(value: Any) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def _bounds(kind: str) -> st.SearchStrategy[Bounds]:
    side = st.none() | (
        st.floats(-8, 8) if kind == "double" else st.sampled_from([-(2.0**63), 2.0**62]) | st.integers(-8, 8).map(float)
    )
    return st.builds(lambda low, high: Bounds(low=low, high=high), side, side).filter(
        lambda found: found.low is None or found.high is None or found.low <= found.high
    )


def _ellipse(k: int) -> st.SearchStrategy[Ellipse]:
    numbers = st.lists(st.floats(-3, 3), min_size=k, max_size=k)
    return st.builds(
        lambda centre, weights, limit: Ellipse(centre=centre, weights=weights, limit=limit),
        numbers,
        st.lists(numbers, min_size=k, max_size=k),
        st.floats(0, 60),
    )


@st.composite
def _grouped(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> Grouped[Any]:
    by = tuple(draw(st.lists(st.sampled_from(sorted(GROUPS)), max_size=2, unique=True)))
    keys = st.tuples(*[_key_values[name].filter(_known).map(lambda part, name=name: _part(name, part)) for name in by])
    listed = draw(st.lists(keys, max_size=6, unique=True)) if by else []
    return Grouped[Any](
        by=by,
        otherwise=draw(st.none() | values),
        groups=tuple(Group[Any](key=key, value=draw(values)) for key in listed),
    )


def _known(part: Any) -> bool:
    return part is not None


def _part(name: str, value: Any) -> str:
    """A grouping value as plans write it."""
    if name == "day":
        return (date(1970, 1, 1) + timedelta(days=value)).isoformat()
    return str(value).lower() if isinstance(value, bool) else str(value)


def treat_plainly(drawn: list[Row], treatment: Treatment) -> dict[str, list[Any]]:
    """What `as_lists` gives of the treated rows."""
    found = [_row(dict(row), treatment) for row in drawn]
    names = list(found[0])
    return {name: [_told(row[name]) for row in found] for name in names}


def _told(value: Any) -> Any:
    return repr(value) if isinstance(value, float) else value


def _row(row: Row, treatment: Treatment) -> Row:
    together = {rule.name: _far(row, rule) for rule in treatment.joint}
    result, beside, refused = dict(row), {}, False
    for column in treatment.columns:
        sent = row[column.name]
        limits = _for(row, column.bounds) or Bounds()
        below = sent is not None and limits.low is not None and not _nan(sent) and float(sent) < limits.low
        above = sent is not None and limits.high is not None and (_nan(sent) or float(sent) > limits.high)
        value = sent
        if column.action == "clip" and (below or above):
            bound = limits.low if below else limits.high
            value = int(bound) if column.type == "long" else bound
        if column.action == "null_value" and (below or above):
            value = None
        if any(together[name] for name in column.nulled_by):
            value = None
        if value is None and column.fill:
            value = _for(row, column.fill)
        result[column.name] = value
        beside |= {
            f"{column.name}_original": sent,
            f"{column.name}_outlier": below or above,
            f"{column.name}_missing": sent is None,
        }
        refused |= column.action == "quarantine" and (below or above)
    for rule in treatment.joint:
        beside[f"{rule.name}_outlier"] = together[rule.name]
        refused |= rule.action == "quarantine" and together[rule.name]
    return {**result, **beside, "_reason": "outlier" if refused else None, "_plan": treatment.plan}


def _nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _for(row: Row, grouped: Grouped[Any] | None) -> Any:
    if grouped is None:
        return None
    parts = [row[name] for name in grouped.by]
    if None not in parts:
        key = tuple(_part(name, part) for name, part in zip(grouped.by, parts, strict=True))
        for group in grouped.groups:
            if group.key == key:
                return group.value
    return grouped.otherwise


def _far(row: Row, rule: JointTreatment) -> bool:
    values = [row[name] for name in rule.columns]
    ellipse = _for(row, rule.ellipses)
    if None in values or ellipse is None:
        return False
    distance = 0.0
    for weights in ellipse.weights:
        along = 0.0
        for weight, value, centre in zip(weights, values, ellipse.centre, strict=True):
            along += weight * (float(value) - centre)
        distance += along * along
    return distance > ellipse.limit or math.isnan(distance)
