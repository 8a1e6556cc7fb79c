"""What Feast asks of the offline store, made plain: the caller's frame as Arrow, and which features of which group.

Pure, apart from that it knows pandas, which Feast speaks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
from feast import FeatureView
from feast.infra.offline_stores.offline_store import RetrievalMetadata
from feast.utils import _parse_feature_ref

from headrace.errors import UsageError

from .asked_rows import asked_instants, key_columns
from .feast_source import RegisteredGroup, group_of
from .point_in_time import Instants

FEAST_TIMESTAMP = "event_timestamp"

_LONG_AS_DECIMAL = pa.decimal128(19, 0)


@dataclass(frozen=True)
class RequestedView:
    """One feature view of a request: `features` is name to column of the answer, `keys` is key to column asked."""

    name: str
    group: RegisteredGroup
    keys: Mapping[str, str]
    features: Mapping[str, str]
    ttl_us: int | None


@dataclass(frozen=True)
class AskedFrame:
    """The caller's rows: all columns, the key columns in the types of the groups, and the instants.

    `at_us` is [n] int64, microseconds since 1970.
    """

    table: pa.Table
    keys: pa.Table
    at_us: Instants

    def metadata(self, feature_refs: Sequence[str]) -> RetrievalMetadata:
        """What Feast keeps of a request."""
        at = pd.to_datetime(self.at_us, unit="us", utc=True)
        least, greatest = (at.min(), at.max()) if len(at) else (None, None)
        return RetrievalMetadata(list(feature_refs), self.keys.column_names, least, greatest)


def requested_views(
    views: Sequence[FeatureView], feature_refs: Sequence[str], *, full_names: bool
) -> list[RequestedView]:
    """The views of a request with their features, in the order of `feature_refs` (`view:feature`).

    Raises:
        UsageError: a view has no such feature.
        ContractError: a view is not a feature group of a pipeline file.
    """
    return [_requested_view(view, feature_refs, full_names=full_names) for view in views]


def _requested_view(view: FeatureView, feature_refs: Sequence[str], *, full_names: bool) -> RequestedView:
    name, group = view.projection.name_to_use(), group_of(view)
    asked = [feature for where, feature in map(view_and_feature, feature_refs) if where == name]
    group.require_features(asked)
    return RequestedView(
        name=name,
        group=group,
        keys={key: view.projection.join_key_map.get(key, key) for key in group.keys},
        features={feature: answer_name(name, feature, full_names=full_names) for feature in asked},
        ttl_us=ttl_us(view),
    )


def view_and_feature(ref: str) -> tuple[str, str]:
    """`view:feature`, or `view@version:feature`, in two."""
    view, _, feature = _parse_feature_ref(ref)
    return view, feature


def answer_name(view: str, feature: str, *, full_names: bool) -> str:
    """What a feature is called in an answer of Feast."""
    return f"{view}__{feature}" if full_names else feature


def ttl_us(view: FeatureView) -> int | None:
    """How long a row of the view holds; None for ever, which Feast writes as zero."""
    return None if not view.ttl else round(view.ttl.total_seconds() * 1_000_000)


def asked_frame(frame: pd.DataFrame, views: Sequence[RequestedView]) -> AskedFrame:
    """The caller's rows, checked.

    Naive event timestamps are UTC, as everywhere in Feast. A long key that pandas made a float for its nulls is a long.

    Raises:
        UsageError: no event timestamp, or a missing one; a key column is missing or of another type; a feature would
            take the name of a column.
    """
    types = {view.keys[key]: kind for view in views for key, kind in view.group.keys.items()}
    instants = _instants(frame)
    try:
        table = pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowException, TypeError, ValueError) as err:
        raise UsageError(f"the rows asked cannot be read as a table: {err}") from err
    for view in views:
        for name in view.features.values():
            if name in table.column_names:
                raise UsageError(
                    f"the feature '{name}' of '{view.name}' would take the name of a column of the rows asked. "
                    "Rename the column, or ask with full_feature_names=True"
                )
    keys = key_columns(_whole_longs(table, types), types, "the request")
    return AskedFrame(table, keys, asked_instants(table, pa.chunked_array([pa.Array.from_pandas(instants)])))


def _instants(frame: pd.DataFrame) -> pd.Series:
    name = _timestamp_column(frame)
    if pd.api.types.is_numeric_dtype(frame[name]):
        raise UsageError(f"the column '{name}' holds numbers, which may be seconds or microseconds. Give timestamps")
    try:
        return pd.to_datetime(frame[name], utc=True)
    except (TypeError, ValueError) as err:
        raise UsageError(f"the column '{name}' holds a value that is no timestamp: {err}") from err


def _timestamp_column(frame: pd.DataFrame) -> str:
    times = [name for name in frame.columns if pd.api.types.is_datetime64_any_dtype(frame[name])]
    if FEAST_TIMESTAMP in frame.columns:
        return FEAST_TIMESTAMP
    if len(times) == 1:
        return str(times[0])
    found = ", ".join(map(str, times)) or "(none)"
    raise UsageError(
        f"rows are asked with a column '{FEAST_TIMESTAMP}', or with one column of timestamps; found: {found}. "
        f"Rename the one that is meant to '{FEAST_TIMESTAMP}'"
    )


def _whole_longs(table: pa.Table, types: Mapping[str, str]) -> pa.Table:
    for index, name in enumerate(table.column_names):
        column = table.column(index)
        if types.get(name) == "long" and pa.types.is_floating(column.type):
            try:
                table = table.set_column(index, name, column.cast(pa.int64()))
            except pa.ArrowException as err:
                raise UsageError(f"the key '{name}' is a long, and a value is no whole number: {err}") from err
    return table


def as_feast(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as Feast's type has it: a date is the midnight (UTC) that begins it."""
    if not pa.types.is_date(column.type):
        return column
    return column.cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))


def for_materialize(table: pa.Table) -> pa.Table:
    """The table in types that Feast's materialize takes whole: a long with nulls becomes a decimal.

    Feast goes through NumPy, whose float64 rounds integers above 2**53.
    """
    return pa.table({name: _exact(as_feast(table.column(name))) for name in table.column_names})


def _exact(column: pa.ChunkedArray) -> pa.ChunkedArray:
    whole = not (pa.types.is_int64(column.type) and column.null_count)
    return column if whole else column.cast(_LONG_AS_DECIMAL)


def pushed_rows(frame: pa.Table, columns: Mapping[str, str], schema: pa.Schema) -> pa.Table:
    """The columns of a push in the types of its group, in order; naive timestamps are UTC.

    Raises:
        UsageError: a value is not of its column's type.
    """
    arrays = {}
    for name in columns:
        wanted = schema.field(name).type
        column = frame.column(name)
        try:
            if pa.types.is_timestamp(column.type):
                column = _in_utc(column).cast(pa.timestamp("us", "UTC"), safe=False)
            arrays[name] = column.cast(wanted)
        except pa.ArrowException as err:
            raise UsageError(f"the pushed column '{name}' is a {columns[name]}, and a value is none: {err}") from err
    return pa.table(arrays)


def _in_utc(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    return column.cast(pa.timestamp(kind.unit, "UTC")) if kind.tz is None else column
