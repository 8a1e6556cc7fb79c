"""Publishing: the newest row of every key, as of the clock of the settings, from the lake into the online store.

By table version: what was added since the last publication is looked at whatever its event time, so that a late row is
never passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from headrace import locks
from headrace.errors import ContractError, UsageError
from headrace.lake import instant, name, open_table, read_columns
from headrace.pipeline import Pipeline
from headrace.pipeline.times import iso
from headrace.settings import Settings
from headrace.tables import CREATED_AT, EVENT_AT, GroupTables, group_tables

from .group_rows import BUILD, GroupVersions, arrow_schema, present_versions, read_group
from .online_rows import OnlineRows, Published, space_of
from .packed_row import RowFormat, pack_key
from .point_in_time import Instants, as_of, instants_us
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
    """Publishes the feature groups named (default: all) as of the clock of the settings; gives what each took.

    Raises:
        UsageError: no such group; or the instant lies before the one last published, since going back needs an empty
            store.
        ContractError: a group is not built.
        LockTimeout: another publication of the group runs.
    """
    specs = [group_spec(pipeline, group) for group in (groups or pipeline.features)]
    now_us = settings.now_us()
    with OnlineRows(settings.online_store) as store:
        return {spec.name: _publish(store, pipeline.pipeline, spec, settings, now_us) for spec in specs}


def _publish(store: OnlineRows, pipeline: str, spec: GroupSpec, settings: Settings, now_us: int) -> Publication:
    space = space_of(pipeline, spec.name, spec.definition)
    lock_file = settings.online_store / f".{pipeline}-{spec.name}.lock"
    with locks.exclusive(lock_file, wait_s=settings.lock_wait_s, purpose=f"materialize {spec.name}"):
        tables = group_tables(settings.lake, pipeline, spec.name, spec.definition)
        versions, last = present_versions(tables, spec), store.published(space)
        if last and now_us < last.instant_us:
            raise UsageError(
                f"'{spec.name}' is published as of {iso(last.instant_us)}; as of {iso(now_us)} would be going back, "
                f"which needs an empty store: remove {settings.online_store}, or set the clock to a later instant"
            )
        keys = _keys_to_look_at(spec, tables, versions, last, now_us)
        written = 0
        if keys is None or keys.num_rows:
            rows = read_group(spec, tables, versions=versions, until_us=now_us)
            keys = _distinct(rows.select(list(spec.keys))) if keys is None else keys
            written = store.publish(space, packed_rows(spec, newest_rows(spec, rows, keys, now_us)))
        published = Published(versions.features, versions.pushed, now_us, tables.features.name)
        store.record_published(space, published)
    return Publication(keys.num_rows, written, published)


def newest_rows(spec: GroupSpec, rows: pa.Table, keys: pa.Table, now_us: int) -> pa.Table:
    """Of `rows`, the newest one with `event_at ≤ now` of each of `keys`, in their order; keys without one are left
    out.
    """
    at_us: Instants = np.full(keys.num_rows, now_us, dtype=np.int64)
    found = as_of(rows, keys, list(spec.keys), at_us, ttl_us=None).rows
    return rows.take(pa.array(found[found >= 0]))


def packed_rows(spec: GroupSpec, rows: pa.Table) -> Iterator[tuple[bytes, bytes]]:
    """The packed key and packed row of each of `rows` (columns: `spec.table_columns()`)."""
    form = RowFormat(list(spec.features.values()))
    event_at_us, created_at_us = instants_us(rows.column(EVENT_AT)), instants_us(rows.column(CREATED_AT))
    keys = zip(*(rows.column(key).to_pylist() for key in spec.keys), strict=True)
    columns = [rows.column(feature).to_pylist() for feature in spec.features]
    for index, key in enumerate(keys):
        values = [column[index] for column in columns]
        yield pack_key(key), form.pack(int(event_at_us[index]), int(created_at_us[index]), values)


def _keys_to_look_at(
    spec: GroupSpec, tables: GroupTables, versions: GroupVersions, last: Published | None, now_us: int
) -> pa.Table | None:
    """The keys whose newest row may be another than at the last publication; None: all of them."""
    if last is None or last.rebuild != tables.features.name:
        return None
    parts = []
    for path, then, now in (
        (tables.features, last.features_version, versions.features),
        (tables.pushed, last.pushed_version, versions.pushed),
    ):
        if now is None:
            continue
        added = _added_keys(spec, path, then, now)
        if added is None:
            return None
        parts += [added, _due_keys(spec, path, now, last.instant_us, now_us)]
    return _distinct(pa.concat_tables(parts))


def _added_keys(spec: GroupSpec, path: Path, then: int | None, now: int) -> pa.Table | None:
    """The keys in data files that the table has gained; None where the earlier version can no longer be told."""
    schema = arrow_schema(spec.keys)
    if then == now:
        return schema.empty_table()
    try:
        before = set() if then is None else _files(open_table(path, made_by=BUILD, version=then))
    except ContractError:
        return None
    added = sorted(_files(open_table(path, made_by=BUILD, version=now)) - before)
    read = [pq.read_table(path / file, columns=list(spec.keys), partitioning=None).cast(schema) for file in added]
    return pa.concat_tables(read) if read else schema.empty_table()


def _files(table: DeltaTable) -> set[str]:
    return set(pa.table(table.get_add_actions(flatten=True)).column("path").to_pylist())


def _due_keys(spec: GroupSpec, path: Path, version: int, last_us: int, now_us: int) -> pa.Table:
    """The keys of rows that became visible since the last publication, though they were in the table before it."""
    where = f"{name(EVENT_AT)} > {instant(last_us)} AND {name(EVENT_AT)} <= {instant(now_us)}"
    table = open_table(path, made_by=BUILD, version=version)
    return read_columns(table, spec.keys, where).cast(arrow_schema(spec.keys))


def _distinct(keys: pa.Table) -> pa.Table:
    return keys.group_by(keys.column_names).aggregate([]).drop_null()
