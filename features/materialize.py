"""Publishing: the newest row of every key, as of the clock of the settings, from the lake into the online store.

By table version: what was added since the last publication is looked at whatever its event time, so that a late row is
never passed over. The store has the newest row of each key as of the last publication, so rows that were added since,
or whose time has come since, are all that could be newer; compare-and-set decides which are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from headrace import locks
from headrace.errors import ContractError, UsageError
from headrace.lake import instant, name, open_table, read_columns
from headrace.pipeline import Pipeline
from headrace.pipeline.times import iso
from headrace.settings import Settings
from headrace.tables import CREATED_AT, EVENT_AT, GroupTables, group_tables

from .group_rows import BUILD, PUSH, GroupVersions, arrow_schema, files_of, present_versions, read_files, read_group
from .online_rows import OnlineRows, Published, service_of, space_of
from .packed_row import RowFormat, pack_key
from .point_in_time import Instants, as_of, instants_us
from .selections_table import read_selections
from .spec import GroupSpec, group_spec


@dataclass(frozen=True)
class Publication:
    """What one publication of a group did: keys looked at, rows written (one that was there already counts), and what
    the store holds since.
    """

    keys: int
    written: int
    published: Published

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {"keys": self.keys, "written": self.written, **asdict(self.published)}


def materialize(pipeline: Pipeline, settings: Settings, groups: Sequence[str] | None = None) -> dict[str, Publication]:
    """Publishes the feature groups named (default: all) as of the clock of the settings; gives what each took. What was
    decided of services that are pruned is published with them.

    Raises:
        UsageError: no such group; or the instant lies before the one last published, since going back needs an empty
            store.
        ContractError: a group is not built; or the store is none.
        LockTimeout: another publication of the group runs.
    """
    specs = [group_spec(pipeline, group) for group in (groups or pipeline.features)]
    with OnlineRows(settings.online_store) as store:
        published = {spec.name: _publish(store, pipeline.pipeline, spec, settings) for spec in specs}
        _publish_selections(store, pipeline, settings)
    return published


def _publish_selections(store: OnlineRows, pipeline: Pipeline, settings: Settings) -> None:
    """Tells the store which selections of features there are; which holds, a reader decides by its file."""
    pruned = [name for name, service in pipeline.services.items() if service.prune]
    lock_file = settings.online_store / f".{pipeline.pipeline}.selections.lock"
    with locks.exclusive(lock_file, wait_s=settings.lock_wait_s, purpose="materialize selections"):
        for name in pruned:
            known = read_selections(settings.lake, pipeline.pipeline, name)
            store.record_selections(service_of(pipeline.pipeline, name), known.to_json())


def _publish(store: OnlineRows, pipeline: str, spec: GroupSpec, settings: Settings) -> Publication:
    space = space_of(pipeline, spec.name, spec.definition)
    lock_file = settings.online_store / f".{pipeline}-{spec.name}.lock"
    with locks.exclusive(lock_file, wait_s=settings.lock_wait_s, purpose=f"materialize {spec.name}"):
        now_us = settings.now_us()  # not before: whoever held the lock may have published a later instant meanwhile
        tables = group_tables(settings.lake, pipeline, spec.name, spec.definition)
        last, present = store.published(space), _present(spec, tables, now_us)
        if last and now_us < last.instant_us:
            raise UsageError(
                f"'{spec.name}' is published as of {iso(last.instant_us)}; as of {iso(now_us)} would be going back, "
                f"which needs an empty store: remove {settings.online_store}, or set the clock to a later instant"
            )
        rows = _rows_to_look_at(spec, tables, last, present)
        keys = rows.select(list(spec.keys)).group_by(list(spec.keys)).aggregate([]).drop_null()
        packed = packed_rows(spec, newest_rows(spec, rows, keys, now_us))
        # Of another rebuild keys may be gone, and their newest rows older: what was published of the one before goes.
        another = last is not None and last.rebuild not in ("", present.rebuild)
        written = store.replace(space, packed) if another else store.publish(space, packed)
        store.record_published(space, present)
    return Publication(keys.num_rows, written, present)


def _present(spec: GroupSpec, tables: GroupTables, now_us: int) -> Published:
    """What is there to be published."""
    versions = present_versions(tables, spec)
    features_id = open_table(tables.features, made_by=BUILD, version=versions.features).metadata().id
    pushed_id = None
    if versions.pushed is not None:
        pushed_id = str(open_table(tables.pushed, made_by=PUSH, version=versions.pushed).metadata().id)
    return Published(versions.features, versions.pushed, now_us, tables.features.name, str(features_id), pushed_id)


def newest_rows(spec: GroupSpec, rows: pa.Table, keys: pa.Table, now_us: int) -> pa.Table:
    """Of `rows`, the newest one with `event_at ≤ now` of each of `keys`, in their order; keys without one are left
    out.
    """
    at_us: Instants = np.full(keys.num_rows, now_us, dtype=np.int64)
    found = as_of(rows, keys, list(spec.keys), at_us, ttl_us=None).rows
    return rows.take(pa.array(found[found >= 0]))


def packed_rows(spec: GroupSpec, rows: pa.Table) -> Iterator[tuple[bytes, bytes]]:
    """The packed key and packed row of each of `rows` (columns: `spec.table_columns()`).

    Raises:
        ContractError: a timestamp or a date that no Python can hold.
    """
    form = RowFormat(list(spec.features.values()))
    event_at_us, created_at_us = instants_us(rows.column(EVENT_AT)), instants_us(rows.column(CREATED_AT))
    keys = zip(*(rows.column(key).to_pylist() for key in spec.keys), strict=True)
    columns = [_values(spec, rows, feature) for feature in spec.features]
    for index, key in enumerate(keys):
        values = [column[index] for column in columns]
        yield pack_key(key), form.pack(int(event_at_us[index]), int(created_at_us[index]), values)


def _values(spec: GroupSpec, rows: pa.Table, feature: str) -> list[Any]:
    try:
        return list(rows.column(feature).to_pylist())
    except (OverflowError, ValueError) as err:
        raise ContractError(
            f"'{spec.name}' cannot be published: '{feature}' has a value outside the years 1 to 9999 of UTC ({err}). "
            "Leave the feature out, or send a value that a calendar has"
        ) from err


def _rows_to_look_at(spec: GroupSpec, tables: GroupTables, last: Published | None, present: Published) -> pa.Table:
    """All rows with `event_at ≤ now` that may be newer than what was published last, with the group's columns."""
    changed = None if last is None else _changed_rows(spec, tables, last, present)
    if changed is None:
        versions = GroupVersions(present.features_version, present.pushed_version)
        return read_group(spec, tables, versions=versions, until_us=present.instant_us)
    return changed.filter(instants_us(changed.column(EVENT_AT)) <= present.instant_us)


def _changed_rows(spec: GroupSpec, tables: GroupTables, last: Published, present: Published) -> pa.Table | None:
    """Rows that were added, or became visible, since the last publication; None where that can no longer be told."""
    if last.features_id != present.features_id:
        return None  # another rebuild, or a table that was removed and made again: its versions count anew
    pushed_then = last.pushed_version if last.pushed_id == present.pushed_id else None
    parts = [arrow_schema(spec.table_columns()).empty_table()]
    for path, then, now in (
        (tables.features, last.features_version, present.features_version),
        (tables.pushed, pushed_then, present.pushed_version),
    ):
        if now is None:
            continue
        added = _added_rows(spec, path, then, now)
        if added is None:
            return None
        parts += [added, _due_rows(spec, path, now, last.instant_us, present.instant_us)]
    return pa.concat_tables(parts)


def _added_rows(spec: GroupSpec, path: Path, then: int | None, now: int) -> pa.Table | None:
    """The rows in data files that the table has gained; None where the earlier version can no longer be told."""
    schema = arrow_schema(spec.table_columns())
    if then == now:
        return schema.empty_table()
    try:
        before = set() if then is None else set(files_of(open_table(path, made_by=BUILD, version=then)))
    except ContractError:
        return None
    added = [file for file in files_of(open_table(path, made_by=BUILD, version=now)) if file not in before]
    return read_files(path, added, schema)


def _due_rows(spec: GroupSpec, path: Path, version: int, last_us: int, now_us: int) -> pa.Table:
    """The rows that became visible since the last publication, though they were in the table before it."""
    where = f"{name(EVENT_AT)} > {instant(last_us)} AND {name(EVENT_AT)} <= {instant(now_us)}"
    schema = arrow_schema(spec.table_columns())
    return read_columns(open_table(path, made_by=BUILD, version=version), schema.names, where).cast(schema)
