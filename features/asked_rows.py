"""What a caller asks with: keys and instants as NumPy, pandas, Arrow or plain lists, checked and made Arrow."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.errors import UsageError, near_names

from .point_in_time import Instants, instants_us

_IS_OF = {
    "string": lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind),
    "long": pa.types.is_integer,
}
_STORED = {"string": pa.string(), "long": pa.int64()}
AWARE = "Give instants with a time zone, such as datetime(2013, 1, 1, 10, tzinfo=UTC), or int64 microseconds since 1970"


def as_table(frame: Any) -> pa.Table:
    """A pandas DataFrame, a mapping of columns, or an Arrow table, as an Arrow table; an index is left out.

    Raises:
        UsageError: it is none of these, its columns differ in length, or two have one name.
    """
    found = _as_table(frame)
    if twice := sorted({name for name in found.column_names if found.column_names.count(name) > 1}):
        raise UsageError(f"the rows asked have two columns '{twice[0]}'. Rename one, or leave it out")
    return found


def _as_table(frame: Any) -> pa.Table:
    try:
        if isinstance(frame, pa.Table):
            return frame
        if isinstance(frame, pa.RecordBatch):
            return pa.Table.from_batches([frame])
        if isinstance(frame, Mapping):
            for values in frame.values():
                _refuse_mixed_zones(values)
            return pa.table(dict(frame))
        if hasattr(frame, "columns") and hasattr(frame, "dtypes"):
            for column in range(len(frame.columns)):
                _refuse_mixed_zones(frame.iloc[:, column])
            return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    except (pa.ArrowException, TypeError, ValueError) as err:
        raise UsageError(f"the rows asked cannot be read as a table: {err}") from err
    raise UsageError(f"rows are asked as an Arrow table, a pandas DataFrame or a mapping of columns; found {frame!r}")


def key_columns(asked: pa.Table, keys: Mapping[str, str], asker: str) -> pa.Table:
    """The columns `keys` (name to type) of `asked`, each as string or int64; nulls stay.

    Raises:
        UsageError: one is missing or is of another type. `asker` names who needs them.
    """
    return pa.table({name: _key_column(asked, name, kind, keys, asker) for name, kind in keys.items()})


def _key_column(asked: pa.Table, name: str, kind: str, keys: Mapping[str, str], asker: str) -> pa.ChunkedArray:
    found = asked.column_names
    if name not in found:
        near = f"Found: {', '.join(found) or '(no columns)'}. Did you mean: {near_names(name, found)}?"
        raise UsageError(f"{asker} needs the key columns {', '.join(keys)}; '{name}' is missing. {near}")
    column = asked.column(name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not pa.types.is_null(column.type) and not _IS_OF[kind](column.type):
        raise UsageError(f"{asker}: the key '{name}' is a {kind}; found values of type {column.type}. Convert them")
    try:
        return column.cast(_STORED[kind])
    except pa.ArrowException as err:
        raise UsageError(f"{asker}: the key '{name}' is a {kind}, and a value is none: {err}") from err


def asked_instants(asked: pa.Table, at: Any) -> Instants:
    """The instants of the rows of `asked`, [n] int64 microseconds since 1970.

    `at` is the name of a column, or n values: aware datetimes, a column with a time zone, or int64 microseconds.

    Raises:
        UsageError: no such column; another number of values; naive or missing ones.
    """
    column = _at_column(asked, at) if isinstance(at, str) else _as_array(at)
    if len(column) != asked.num_rows:
        raise UsageError(f"{asked.num_rows} rows were asked with {len(column)} instants. Give one for each row")
    if column.null_count:
        first = pc.index(column.is_null(), True).as_py()
        raise UsageError(f"row {first} was asked without an instant. Leave it out, or say when")
    if pa.types.is_integer(column.type):
        return np.asarray(column.cast(pa.int64()).to_numpy(), dtype=np.int64)
    if not pa.types.is_timestamp(column.type):
        if len(column) == 0:
            return np.zeros(0, dtype=np.int64)
        raise UsageError(f"instants are timestamps; found values of type {column.type}. {AWARE}")
    if column.type.tz is None:
        raise UsageError(f"the instants name no time zone, so they may mean any hour. {AWARE}")
    return instants_us(pc.cast(column, pa.timestamp("us", column.type.tz), safe=False))  # finer than 1 us is cut off


def _at_column(asked: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in asked.column_names:
        near = near_names(name, asked.column_names)
        raise UsageError(f"there is no column '{name}' with the instants of the rows. Did you mean: {near}?")
    return asked.column(name)


def _as_array(values: Any) -> pa.ChunkedArray:
    _refuse_mixed_zones(values)
    try:
        if hasattr(values, "dt"):  # a pandas Series
            values = pa.Array.from_pandas(values)
        array = values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([pa.array(values)])
    except (pa.ArrowException, TypeError, ValueError) as err:
        raise UsageError(f"the instants cannot be read: {err}. {AWARE}") from err
    return array


def _refuse_mixed_zones(values: Any) -> None:
    """Refuses datetimes with a time zone beside naive ones, which Arrow would take to be UTC without a word."""
    if not isinstance(values, list | tuple) and str(getattr(values, "dtype", "")) != "object":
        return
    if not isinstance(next((value for value in values if value is not None), None), datetime):
        return
    known = [value for value in values if isinstance(value, datetime) and value == value]  # NaT is not itself
    if len({value.tzinfo is None for value in known}) > 1:
        raise UsageError(f"some instants name a time zone and some do not, so these may mean any hour. {AWARE}")
