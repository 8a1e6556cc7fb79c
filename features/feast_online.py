"""Feast's online store over LMDB: the rows that `OnlineClient` reads, with an honest status for each value.

PRESENT, NULL_VALUE (the newest row says nothing), NOT_FOUND (never seen), OUTSIDE_MAX_AGE (older than the ttl).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from feast import Entity, FeatureView
from feast.infra.online_stores.online_store import OnlineStore
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.repo_config import FeastConfigBaseModel, RepoConfig
from feast.type_map import NULL_TIMESTAMP_INT_VALUE

from headrace.errors import ContractError, UsageError
from headrace.pipeline.times import iso
from headrace.settings import SYSTEM_CLOCK, Settings

from .feast_answers import GroupRows, add_answers, add_version
from .feast_frames import ttl_us
from .feast_source import RegisteredGroup, group_of, is_group
from .online_rows import OnlineRows, space_of
from .packed_row import OnlineRow, RowFormat, pack_key
from .point_in_time import Status

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


class LmdbOnlineStoreConfig(FeastConfigBaseModel):
    """What Feast hands to the store: its folder, and what now means for ttl and future rows."""

    type: str = "headrace.features.feast_online.LmdbOnlineStore"
    path: str
    clock: str = SYSTEM_CLOCK


class LmdbOnlineStore(OnlineStore):
    """The newest row by key; a newer one is never overwritten by an older one."""

    def __init__(self) -> None:
        self._rows: OnlineRows | None = None
        self._opened: tuple[str, int] | None = None  # folder, process

    def online_write_batch(
        self,
        config: RepoConfig,
        table: FeatureView,
        data: list[tuple[EntityKey, dict[str, Value], datetime, datetime | None]],
        progress: Callable[[int], Any] | None,
    ) -> None:
        """Stores each row unless a newer one is there, by (event_at, _created_at). Rows with a null key are left out.

        A row was created now by the wall clock where it does not say when, or names a later instant.

        Raises:
            UsageError: a row holds from an instant after now: it would hide the present one. Nothing is written.
        """
        group, now_us = group_of(table), _now_us(config)
        late = [at for _, _, at, _ in data if _instant_us(at) > now_us]
        if late:
            raise UsageError(
                f"{len(late)} of {len(data)} rows of '{group.name}' hold from after now ({iso(now_us)}), the latest "
                f"from {max(late).isoformat()}. The online store holds what is true now: push them offline only, and "
                "`headrace materialize` publishes each when its time has come"
            )
        self._open(config).publish(_space(group), _packed(group, data, time.time_ns() // 1000))
        if progress is not None:
            progress(len(data))

    async def online_write_batch_async(self, *arguments: Any, **named: Any) -> None:
        """As `online_write_batch`, which takes milliseconds."""
        self.online_write_batch(*arguments, **named)

    def online_read(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: list[EntityKey],
        requested_features: list[str] | None = None,
    ) -> list[tuple[datetime | None, dict[str, Value] | None]]:
        """For each key its instant and values; (None, None) where nothing holds, expired ones included."""
        keys = [dict(zip(key.join_keys, key.entity_values, strict=True)) for key in entity_keys]
        found = self._read(config, table, keys)
        wanted = requested_features or list(found.group.features)
        return [
            (found.event_at(index), {name: found.value(index, name) for name in wanted})
            if status == Status.PRESENT
            else (None, None)
            for index, status in enumerate(found.status)
        ]

    def _read_features_per_fv(
        self,
        config: RepoConfig,
        grouped_refs: list[tuple[FeatureView, list[str]]],
        join_key_values: dict[str, list[Value]],
        entity_name_to_join_key_map: dict[str, str],
        online_features_response: Any,
        full_feature_names: bool,
        include_feature_view_version_metadata: bool,
    ) -> None:
        """Feast's own asks `online_read`, which can only say present or not found."""
        for view, features in grouped_refs:
            found = self._read(config, view, _asked_keys(view, join_key_values))
            found.group.require_features(features)
            add_answers(online_features_response, view, features, found, full_names=full_feature_names)
            if include_feature_view_version_metadata:
                add_version(online_features_response, view)

    async def _read_features_per_fv_async(self, *arguments: Any) -> None:
        self._read_features_per_fv(*arguments)

    def update(
        self,
        config: RepoConfig,
        tables_to_delete: Sequence[FeatureView],
        tables_to_keep: Sequence[FeatureView],
        entities_to_delete: Sequence[Entity],
        entities_to_keep: Sequence[Entity],
        partial: bool,
    ) -> None:
        """Makes the store where there is none, and drops the rows of feature views that are no more."""
        self._open(config)
        self.teardown(config, tables_to_delete, entities_to_delete)

    def teardown(self, config: RepoConfig, tables: Sequence[FeatureView], entities: Sequence[Entity]) -> None:
        """Drops the rows of `tables`. Of a view that is no feature group, nothing is stored here."""
        for table in tables:
            if is_group(table):
                self._open(config).drop(_space(group_of(table)))

    async def close(self) -> None:
        """Closes the store; the next call opens it again."""
        if self._rows is not None:
            self._rows.close()
        self._rows = self._opened = None

    def _open(self, config: RepoConfig) -> OnlineRows:
        wanted = (config.online_store.path, os.getpid())
        if self._rows is None or self._opened != wanted:
            self._rows, self._opened = OnlineRows(Path(config.online_store.path)), wanted
        return self._rows

    def _read(self, config: RepoConfig, view: FeatureView, keys: Sequence[Mapping[str, Value]]) -> GroupRows:
        """What the store holds of `keys`, a row each.

        Raises:
            ContractError: there is no store, or it holds the group under another definition only.
        """
        group, now_us, limit_us = group_of(view), _now_us(config), ttl_us(view)
        if not OnlineRows.is_in(Path(config.online_store.path)):
            raise ContractError(f"there is no online store in {config.online_store.path}. `headrace apply` makes it")
        packed = [_packed_key(group, key) for key in keys]
        whole = [key for key in packed if key is not None]
        stored = iter(self._open(config).read(_space(group), whole))
        form = RowFormat(list(group.features.values()))
        data = [None if key is None else next(stored) for key in packed]
        if not any(data):
            _require_definition(group, self._open(config).spaces())
        rows = [None if found is None else form.unpack(found) for found in data]
        return GroupRows(group, rows, [_status(row, now_us, limit_us) for row in rows])


def _require_definition(group: RegisteredGroup, spaces: Sequence[str]) -> None:
    others = [name for name in spaces if name.startswith(space_of(group.pipeline, group.name, ""))]
    if others and _space(group) not in others:
        raise ContractError(
            f"'{group.name}' is not in the online store as it is registered now ({group.definition}), only as "
            f"{', '.join(others)}. The pipeline file changed since: `headrace materialize {group.name}` publishes it"
        )


def _asked_keys(view: FeatureView, values: Mapping[str, Sequence[Value]]) -> list[dict[str, Value]]:
    """The keys asked, a row each, by the names that the group has for them.

    Raises:
        UsageError: a key of the view was not given.
    """
    names = {key: view.projection.join_key_map.get(key, key) for key in group_of(view).keys}
    missing = [name for name in names.values() if name not in values]
    if missing:
        raise UsageError(
            f"the feature view '{view.name}' needs the keys {', '.join(names.values())}; '{missing[0]}' is missing. "
            f"Found: {', '.join(values) or '(none)'}"
        )
    columns = [values[name] for name in names.values()]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _packed_key(group: RegisteredGroup, key: Mapping[str, Value]) -> bytes | None:
    """The key in the group's order, packed; None where a part of it is null."""
    parts = [plain(key[name]) for name in group.keys]
    return None if None in parts else pack_key(parts)


def _packed(
    group: RegisteredGroup, data: Sequence[tuple[EntityKey, dict[str, Value], datetime, Any]], wall_us: int
) -> Iterator[tuple[bytes, bytes]]:
    form = RowFormat(list(group.features.values()))
    for key, values, event_at, created_at in data:
        packed_key = _packed_key(group, dict(zip(key.join_keys, key.entity_values, strict=True)))
        if packed_key is None:
            continue
        row = [_stored(kind, values.get(name)) for name, kind in group.features.items()]
        unsaid = created_at is None or created_at != created_at  # NaT, where a push does not say
        created_us = wall_us if unsaid else min(_instant_us(created_at), wall_us)
        yield packed_key, form.pack(_instant_us(event_at), created_us, row)


def plain(value: Value | None) -> Any:
    """What a value of Feast is in Python; None for a null."""
    which = None if value is None else value.WhichOneof("val")
    found = None if which is None else getattr(value, which)
    return None if which == "unix_timestamp_val" and found == NULL_TIMESTAMP_INT_VALUE else found


def _stored(kind: str, value: Value | None) -> Any:
    found = plain(value)
    if found is None or kind not in ("timestamp", "date"):
        return found
    at = _EPOCH + timedelta(seconds=found)
    return at if kind == "timestamp" else date(at.year, at.month, at.day)


def _status(row: OnlineRow | None, now_us: int, limit_us: int | None) -> Status:
    if row is None or row.event_at_us > now_us:  # a clock before the publication sees nothing of it
        return Status.NOT_FOUND
    return Status.EXPIRED if limit_us is not None and now_us - row.event_at_us > limit_us else Status.PRESENT


def _space(group: RegisteredGroup) -> str:
    return space_of(group.pipeline, group.name, group.definition)


def _now_us(config: RepoConfig) -> int:
    return Settings.model_validate({"clock": config.online_store.clock}).now_us()


def _instant_us(at: datetime) -> int:
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND
