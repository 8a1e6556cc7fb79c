"""The NumPy face of a treatment: rows in memory → treated rows, as Spark would treat them, to the last bit.

Arithmetic is written in the order in which Spark's is, and nothing is fused; a comparison with NaN finds it above all
numbers, as Spark orders it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headrace.errors import UsageError

from .plan import Bounds, Ellipse, Grouped, Scalar
from .treatment import ColumnTreatment, JointTreatment, Treatment, key_text

Booleans = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]
T = TypeVar("T")

ARROW_TYPES: Mapping[str, pa.DataType] = {
    "string": pa.string(),
    "long": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
}
REASON, PLAN = "_reason", "_plan"


def treat_rows(rows: pa.Table, treatment: Treatment) -> pa.Table:
    """The same rows, in order: each treated column replaced; then, of each, `x_original`, `x_outlier`, `x_missing`; a
    flag for each joint rule; `_reason` ('outlier' where cleaning would refuse the row, else null) and `_plan`.

    Rules of columns that `rows` lack do not apply.

    Raises:
        UsageError: a grouping column is missing, some but not all columns of a joint rule are there, or a column is of
            another type.
    """
    columns = [column for column in treatment.columns if column.name in rows.column_names]
    joint = [rule for rule in treatment.joint if _applies(rule, rows)]
    keys = _Keys(rows, treatment.group_types)
    sent = {column.name: _sent(rows, column.name, column.type) for column in columns}
    together = {rule.name: _outside_together(rows, keys, rule) for rule in joint}
    result = {name: rows.column(name) for name in rows.column_names}
    refused = np.zeros(rows.num_rows, dtype=bool)
    beside: dict[str, pa.Array] = {}
    for column in columns:
        value = sent[column.name]
        limits = _limits(keys, column.bounds)
        below, above = _outside(value, limits)
        result[column.name] = _treated(keys, column, value, limits, (below, above), together)
        beside[f"{column.name}_original"] = value
        beside[f"{column.name}_outlier"] = pa.array(below | above)
        beside[f"{column.name}_missing"] = value.is_null()
        refused |= (below | above) & (column.action == "quarantine")
    for rule in joint:
        beside[f"{rule.name}_outlier"] = pa.array(together[rule.name])
        refused |= together[rule.name] & (rule.action == "quarantine")
    reason = pc.if_else(pa.array(refused), pa.scalar("outlier"), pa.scalar(None, pa.string()))
    return pa.table({**result, **beside, REASON: reason, PLAN: pa.array([treatment.plan] * rows.num_rows, pa.int32())})


def _applies(rule: JointTreatment, rows: pa.Table) -> bool:
    there = [name for name in rule.columns if name in rows.column_names]
    if there and len(there) < len(rule.columns):
        lacking = ", ".join(name for name in rule.columns if name not in there)
        raise UsageError(
            f"the joint rule '{rule.name}' looks at {', '.join(rule.columns)} together, and the rows lack {lacking}. "
            "Give all of them (null where unknown), or none"
        )
    return bool(there)


def _sent(rows: pa.Table, name: str, kind: str, *, rounded: bool = False) -> pa.Array:
    """A column in its declared type; `rounded` takes a long for the nearest double."""
    column = rows.column(name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    try:
        cast = column.cast(ARROW_TYPES[kind], safe=not rounded)
    except pa.ArrowException as err:
        raise UsageError(f"the column '{name}' is a {kind}; found values of type {column.type}: {err}") from err
    return cast.combine_chunks() if isinstance(cast, pa.ChunkedArray) else cast


def _outside(value: pa.Array, limits: tuple[Doubles, Doubles] | None) -> tuple[Booleans, Booleans]:
    """Which values lie below and which above; never a null. A limit of NaN is an open side."""
    if limits is None:
        nothing = np.zeros(len(value), dtype=bool)
        return nothing, nothing
    low, high = limits
    number = _doubles(value)
    known = value.is_valid().to_numpy(zero_copy_only=False)
    below = known & (number < low)
    above = known & ((number > high) | (np.isnan(number) & ~np.isnan(high)))
    return below, above


def _doubles(value: pa.Array) -> Doubles:
    """The values as doubles, each long to the nearest; 0 for a null."""
    filled = pc.fill_null(value, pa.scalar(0, value.type))
    return np.asarray(filled.to_numpy(zero_copy_only=False)).astype(np.float64)


def _limits(keys: _Keys, bounds: Grouped[Bounds] | None) -> tuple[Doubles, Doubles] | None:
    if bounds is None:
        return None
    found = keys.each(bounds, _pair)
    pairs = np.array(found.values, dtype=np.float64).reshape(-1, 2)[found.codes]
    return pairs[:, 0], pairs[:, 1]


def _pair(bounds: Bounds | None) -> tuple[float, float]:
    low, high = (None, None) if bounds is None else (bounds.low, bounds.high)
    return np.nan if low is None else low, np.nan if high is None else high


def _treated(
    keys: _Keys,
    column: ColumnTreatment,
    value: pa.Array,
    limits: tuple[Doubles, Doubles] | None,
    outside: tuple[Booleans, Booleans],
    together: Mapping[str, Booleans],
) -> pa.Array:
    below, above = outside
    if limits is not None and column.action == "clip":
        low, high = (_as_type(limit, column.type) for limit in limits)
        value = pc.if_else(pa.array(below), low, pc.if_else(pa.array(above), high, value))
    nulled = (below | above) if column.action == "null_value" else np.zeros(len(value), dtype=bool)
    for name in column.nulled_by:
        if name in together:
            nulled = nulled | together[name]
    if nulled.any():
        value = pc.if_else(pa.array(nulled), pa.scalar(None, value.type), value)
    return value if column.fill is None else pc.coalesce(value, _fills(keys, column.fill, column.type))


def _as_type(limits: Doubles, kind: str) -> pa.Array:
    known = ~np.isnan(limits)
    if kind == "long":
        return pa.array(np.where(known, limits, 0).astype(np.int64), mask=~known)
    return pa.array(limits, mask=~known)


def _fills(keys: _Keys, fill: Grouped[Scalar], kind: str) -> pa.Array:
    found = keys.each(fill, lambda held: held)
    stored = {"timestamp": pa.int64(), "date": pa.int32()}.get(kind, ARROW_TYPES[kind])
    values = pa.array([_typed(value, kind) for value in found.values], stored).cast(ARROW_TYPES[kind])
    return values.take(pa.array(found.codes))


def _typed(value: Scalar | None, kind: str) -> Scalar | None:
    return float(value) if value is not None and kind == "double" else value


def _outside_together(rows: pa.Table, keys: _Keys, rule: JointTreatment) -> Booleans:
    """Which rows lie outside the ellipse of their group; never one with a null among the values."""
    columns = [_sent(rows, name, "double", rounded=True) for name in rule.columns]
    known = np.logical_and.reduce([column.is_valid().to_numpy(zero_copy_only=False) for column in columns])
    numbers = [_doubles(column) for column in columns]
    found = keys.each(rule.ellipses, lambda held: held)
    outside = np.zeros(rows.num_rows, dtype=bool)
    for code, ellipse in enumerate(found.values):
        if ellipse is not None:
            here = known & (found.codes == code)
            distance = squared_distance([number[here] for number in numbers], ellipse)
            outside[here] = (distance > ellipse.limit) | np.isnan(distance)
    return outside


def squared_distance(numbers: list[Doubles], ellipse: Ellipse) -> Doubles:
    """The squared distance of each row from the centre, [n]; `numbers` are the columns, each [n]."""
    with np.errstate(over="ignore", invalid="ignore"):
        moved = [number - centre for number, centre in zip(numbers, ellipse.centre, strict=True)]
        total = np.zeros(len(numbers[0]))
        for weights in ellipse.weights:
            along = np.zeros(len(numbers[0]))
            for weight, number in zip(weights, moved, strict=True):
                along = along + weight * number
            total = total + along * along
    return total


@dataclass(frozen=True)
class _Each:
    """What was fitted, once for each group (`values`), and which of them each row has (`codes`)."""

    values: list[Any]
    codes: npt.NDArray[np.int64]


class _Keys:
    """The groups among the rows, by the columns that rules group by."""

    def __init__(self, rows: pa.Table, types: Mapping[str, str]) -> None:
        self._rows, self._types = rows, types

    def each(self, grouped: Grouped[T], read: Callable[[T | None], Any]) -> _Each:
        """What was fitted for the group of each row, as `read` gives it."""
        otherwise = read(grouped.otherwise)
        if not grouped.groups:
            return _Each([otherwise], np.zeros(self._rows.num_rows, dtype=np.int64))
        listed = {key_text(group.key): number for number, group in enumerate(grouped.groups, start=1)}
        codes, keys = self._codes(grouped.by)
        numbers = np.array([0 if key is None else listed.get(key, 0) for key in keys], dtype=np.int64)
        return _Each([otherwise, *[read(group.value) for group in grouped.groups]], numbers[codes])

    def _codes(self, by: tuple[str, ...]) -> tuple[npt.NDArray[np.int64], list[str | None]]:
        """Of each row the number of its key, and the keys; None where a part of it is null."""
        codes = np.zeros(self._rows.num_rows, dtype=np.int64)
        keys: list[tuple[str | None, ...]] = [()]
        for name in by:
            if name not in self._rows.column_names:
                raise UsageError(f"a rule groups by '{name}', and the rows have no such column. Give it with the rows")
            text = _sent(self._rows, name, self._types[name]).cast(pa.string()).dictionary_encode()
            values = [*text.dictionary.to_pylist(), None]
            here = pc.fill_null(text.indices, len(values) - 1).to_numpy(zero_copy_only=False).astype(np.int64)
            pairs, codes = np.unique(codes * len(values) + here, return_inverse=True)
            keys = [(*keys[pair // len(values)], values[pair % len(values)]) for pair in pairs.tolist()]
        return codes, [None if None in key else key_text(part for part in key if part is not None) for key in keys]
