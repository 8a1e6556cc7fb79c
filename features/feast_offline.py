"""Feast's offline store over the lake: point-in-time joins, pulls for materialize, and pushes, without a JVM.

One row in is one row out, in the caller's order. Made by Feast from `type: headrace.features.feast_offline.…`.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from feast import FeatureView, OnDemandFeatureView
from feast.data_source import DataSource
from feast.infra.offline_stores.offline_store import OfflineStore, RetrievalJob, RetrievalMetadata
from feast.infra.registry.base_registry import BaseRegistry
from feast.repo_config import FeastConfigBaseModel, RepoConfig
from feast.utils import make_tzaware

from headrace.errors import HeadraceWarning, UsageError
from headrace.pipeline.times import iso
from headrace.settings import SYSTEM_CLOCK, Settings
from headrace.tables import CREATED_AT, EVENT_AT, KNOWN_AT, GroupTables, group_tables

from .feast_frames import (
    AskedFrame,
    RequestedView,
    answer_name,
    as_feast,
    asked_frame,
    for_materialize,
    pushed_rows,
    requested_views,
    view_and_feature,
)
from .feast_registry import tell_copies_apart
from .feast_source import RegisteredGroup, group_of, group_of_source
from .group_rows import arrow_schema, read_group
from .point_in_time import as_of, instants_us
from .pushed_rows import append_pushed
from .service_join import warn_beyond_builds

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DeltaOfflineStoreConfig(FeastConfigBaseModel):
    """What Feast hands to the store: where the lake is, what now means, and how long to wait for another writer."""

    type: str = "headrace.features.feast_offline.DeltaOfflineStore"
    lake: str
    clock: str = SYSTEM_CLOCK
    lock_wait_s: float = 600.0


class DeltaRetrieval(RetrievalJob):
    """An answer that is computed when it is first asked for, once."""

    def __init__(
        self,
        compute: Callable[[], pa.Table],
        *,
        full_feature_names: bool = False,
        on_demand: Sequence[OnDemandFeatureView] = (),
        metadata: RetrievalMetadata | None = None,
    ) -> None:
        self._compute, self._answer = compute, None
        self._full_feature_names, self._on_demand, self._metadata = full_feature_names, list(on_demand), metadata

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        if self._answer is None:
            self._answer = self._compute()
        return self._answer

    def _to_df_internal(self, timeout: int | None = None) -> pd.DataFrame:
        return self._to_arrow_internal(timeout).to_pandas()

    def persist(self, storage: Any, allow_overwrite: bool = False, timeout: int | None = None) -> None:
        """Refuses Feast's saved datasets.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            "datasets are not saved through Feast. `headrace training-set` and TrainingClient.store write one with a "
            "manifest, from which the same bytes are made again"
        )

    @property
    def full_feature_names(self) -> bool:
        """Whether features are called `{view}__{feature}`."""
        return self._full_feature_names

    @property
    def on_demand_feature_views(self) -> list[OnDemandFeatureView]:
        """The on-demand views that Feast computes from the answer."""
        return self._on_demand

    @property
    def metadata(self) -> RetrievalMetadata | None:
        """What was asked."""
        return self._metadata


class DeltaOfflineStore(OfflineStore):
    """Reads feature tables and pushed rows together; writes pushed rows."""

    supports_filter_by_created_timestamp = True

    def __init__(self) -> None:
        tell_copies_apart()

    @staticmethod
    def get_historical_features(
        config: RepoConfig,
        feature_views: list[FeatureView],
        feature_refs: list[str],
        entity_df: pd.DataFrame | str | None,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        *,
        filter_by_created_timestamp: bool = False,
        **interval: datetime,
    ) -> RetrievalJob:
        """The features of each row of `entity_df` as of its event timestamp, beside its other columns.

        With `filter_by_created_timestamp` only rows count that were known by then (`known_at`).

        Raises:
            UsageError: `entity_df` is no DataFrame; a key or the timestamp is missing, or of another type; a feature
                is unknown, or would take the name of a column that is there.
            ContractError: a group was never built under the registered definition.
        """
        if interval or not isinstance(entity_df, pd.DataFrame):
            raise UsageError(
                f"features are asked for the rows of a pandas DataFrame; found {_found(entity_df)}. "
                "Load the keys and event timestamps into one first"
            )
        views = requested_views(feature_views, feature_refs, full_names=full_feature_names)
        frame = asked_frame(entity_df, views)

        def join() -> pa.Table:
            warn_beyond_builds({view.name: _tables(config, view.group) for view in views}, frame.at_us)
            answer, names = frame.table, _in_order(views, feature_refs, full_names=full_feature_names)
            for view in views:
                answer = _append_features(config, answer, frame, view, by_knowledge=filter_by_created_timestamp)
            return answer.select([*frame.table.column_names, *names])

        return DeltaRetrieval(
            join,
            full_feature_names=full_feature_names,
            on_demand=OnDemandFeatureView.get_requested_odfvs(feature_refs, project, registry),
            metadata=frame.metadata(feature_refs),
        )

    @staticmethod
    def pull_latest_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None,
        start_date: datetime,
        end_date: datetime,
    ) -> RetrievalJob:
        """Each key's newest row with `start ≤ event_at ≤ end`, and none after now: what `materialize` publishes.

        Warns where `end` lies after now, since Feast will record that all up to it is published.
        """
        group, now_us = group_of_source(data_source, data_source.name), _now_us(config)
        begin_us, end_us = _instant_us(start_date), min(_instant_us(end_date), now_us)
        if _instant_us(end_date) > now_us:
            warnings.warn(_beyond_now(group, end_date, now_us), HeadraceWarning, stacklevel=2)
        columns = [*join_key_columns, *feature_name_columns, EVENT_AT, CREATED_AT]

        def pull() -> pa.Table:
            rows = read_group(group, _tables(config, group), until_us=end_us)
            keys = rows.select(join_key_columns).group_by(join_key_columns).aggregate([]).drop_null()
            at_us = np.full(keys.num_rows, end_us, dtype=np.int64)
            found = as_of(rows, keys, join_key_columns, at_us, ttl_us=None).rows
            newest = rows.take(pa.array(found[found >= 0]))
            return for_materialize(newest.filter(_since(newest, begin_us)).select(columns))

        return DeltaRetrieval(pull)

    @staticmethod
    def pull_all_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None = None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> RetrievalJob:
        """All rows with `start ≤ event_at ≤ end`, corrections and what they correct alike."""
        group = group_of_source(data_source, data_source.name)
        begin_us = None if start_date is None else _instant_us(start_date)
        end_us = None if end_date is None else _instant_us(end_date)
        columns = [*join_key_columns, *feature_name_columns, EVENT_AT, CREATED_AT]

        def pull() -> pa.Table:
            rows = read_group(group, _tables(config, group), until_us=end_us).select(columns)
            return rows if begin_us is None else rows.filter(_since(rows, begin_us))

        return DeltaRetrieval(pull)

    @staticmethod
    def offline_write_batch(
        config: RepoConfig, feature_view: FeatureView, table: pa.Table, progress: Callable[[int], Any] | None
    ) -> None:
        """Appends pushed rows in one commit. A row was known at the later of its `event_at` and `_created_at`, and
        was created now by the wall clock where it does not say when, or names a later instant.

        Raises:
            UsageError: a value is not of its column's type.
            LockTimeout, MachineError: the table cannot be written.
        """
        group = group_of(feature_view)
        rows = _pushed(group, table, time.time_ns() // 1000)
        wait_s = config.offline_store.lock_wait_s
        append_pushed(_tables(config, group), group.table_columns(), rows, lock_wait_s=wait_s)
        if progress is not None:
            progress(rows.num_rows)


def _append_features(
    config: RepoConfig, answer: pa.Table, frame: AskedFrame, view: RequestedView, *, by_knowledge: bool
) -> pa.Table:
    latest_us = int(frame.at_us.max(initial=0))
    rows = read_group(view.group, _tables(config, view.group), until_us=latest_us)
    asked = pa.table({key: frame.keys.column(column) for key, column in view.keys.items()})
    found = as_of(rows, asked, list(view.keys), frame.at_us, ttl_us=view.ttl_us, by_knowledge=by_knowledge).rows
    place = pa.array(found, mask=found < 0)
    for feature, name in view.features.items():
        answer = answer.append_column(name, as_feast(rows.column(feature).take(place)))
    return answer


def _in_order(views: Sequence[RequestedView], feature_refs: Sequence[str], *, full_names: bool) -> list[str]:
    """The columns of the features in the order asked; those of on-demand views, Feast adds."""
    ours = {view.name for view in views}
    asked = (view_and_feature(ref) for ref in feature_refs)
    return list(dict.fromkeys(answer_name(view, name, full_names=full_names) for view, name in asked if view in ours))


def _pushed(group: RegisteredGroup, frame: pa.Table, now_us: int) -> pa.Table:
    schema = arrow_schema(group.table_columns())
    rows = pushed_rows(frame, group.pushed_columns(), schema)
    created_us = np.minimum(instants_us(rows.column(CREATED_AT), missing=now_us), now_us)
    known_us = np.maximum(created_us, instants_us(rows.column(EVENT_AT)))
    if rows.column(EVENT_AT).null_count:
        raise UsageError(f"a pushed row of '{group.name}' has no {EVENT_AT}. Leave it out, or say when it holds from")
    columns = {name: rows.column(name) for name in rows.column_names}
    columns[CREATED_AT] = pa.array(created_us).cast(schema.field(CREATED_AT).type)
    columns[KNOWN_AT] = pa.array(known_us).cast(schema.field(KNOWN_AT).type)
    return pa.table(columns).select(schema.names)


def _tables(config: RepoConfig, group: RegisteredGroup) -> GroupTables:
    return group_tables(Path(config.offline_store.lake), group.pipeline, group.name, group.definition)


def _now_us(config: RepoConfig) -> int:
    return Settings.model_validate({"clock": config.offline_store.clock}).now_us()


def _instant_us(at: datetime) -> int:
    return (make_tzaware(at) - _EPOCH) // timedelta(microseconds=1)


def _beyond_now(group: RegisteredGroup, end_date: datetime, now_us: int) -> str:
    return (
        f"'{group.name}' is to be published up to {end_date.isoformat()}, which lies after now ({iso(now_us)}): rows "
        "from after now are left out, though Feast records them as published and materialize_incremental will pass "
        "over them. End at now, or use `headrace materialize`"
    )


def _since(rows: pa.Table, begin_us: int) -> pa.Array:
    return pa.array(instants_us(rows.column(EVENT_AT)) >= begin_us)


def _found(entity_df: object) -> str:
    return "no rows, only an interval" if entity_df is None else f"a {type(entity_df).__name__}"
