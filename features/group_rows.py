"""The rows of a feature group, read from the lake: what was built and what was pushed, together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable

from headrace.builds import Build
from headrace.errors import ContractError
from headrace.lake import instant, name, open_table, read_columns
from headrace.tables import EVENT_AT, GroupTables

BUILD = "`headrace build`"
PUSH = "a push"
USER_METADATA = "userMetadata"  # where a commit of Delta keeps what its writer had to say

ARROW_TYPES: Mapping[str, pa.DataType] = {
    "string": pa.string(),
    "long": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
}


class GroupColumns(Protocol):
    """What reading a group asks of its description: a `GroupSpec` has it, and so has what Feast's registry keeps."""

    @property
    def name(self) -> str:
        """The group's name."""
        ...

    @property
    def definition(self) -> str:
        """The fingerprint that names the folders of its tables."""
        ...

    def table_columns(self) -> dict[str, str]:
        """Name to type of the columns of its tables, in order."""
        ...


@dataclass(frozen=True)
class GroupVersions:
    """Versions of the two tables of a group. None: the table is not there; a reader can do without `pushed` only."""

    features: int | None
    pushed: int | None


def arrow_schema(types: Mapping[str, str]) -> pa.Schema:
    """Arrow's schema for columns with the types of a pipeline file."""
    return pa.schema([(column, ARROW_TYPES[kind]) for column, kind in types.items()])


def present_versions(tables: GroupTables, spec: GroupColumns) -> GroupVersions:
    """The newest versions of a group's tables.

    Raises:
        ContractError: the features were never built under this definition, or their first build is not done.
    """
    features = open_group_table(tables.features, spec)
    if features.version() == 0 and latest_build(tables) is None:
        raise first_build_not_done(f"the features of '{spec.name}'", tables.features, f"`headrace build {spec.name}`")
    pushed = open_table(tables.pushed, made_by=PUSH).version() if _is_there(tables.pushed) else None
    return GroupVersions(features.version(), pushed)


def read_group(
    spec: GroupColumns, tables: GroupTables, *, versions: GroupVersions | None = None, until_us: int | None = None
) -> pa.Table:
    """The rows of a group: built ones in no order, then pushed ones as they were pushed. Columns:
    `spec.table_columns()`.

    A push may say itself when a row was computed, so two may have all clocks alike; the order tells which came last.

    `versions` says which (default: the newest); with `until_us` only rows with `event_at ≤ until_us`.

    Raises:
        ContractError: the features were never built under this definition, or a version is gone.
    """
    versions = versions or present_versions(tables, spec)
    parts = [_read(open_group_table(tables.features, spec, versions.features), spec, until_us)]
    if versions.pushed is not None:
        pushed = open_table(tables.pushed, made_by=PUSH, version=versions.pushed)
        parts.append(read_files(tables.pushed, files_of(pushed), arrow_schema(spec.table_columns()), until_us))
    return pa.concat_tables(parts)


def files_of(table: DeltaTable) -> list[str]:
    """The data files of a table in the order in which they were written, as paths under its folder."""
    files = pa.table(table.get_add_actions(flatten=True)).select(["modification_time", "path"])
    written = files.sort_by([("modification_time", "ascending"), ("path", "ascending")])
    return list(written.column("path").to_pylist())


def read_files(folder: Path, files: Sequence[str], schema: pa.Schema, until_us: int | None = None) -> pa.Table:
    """The rows of data files of the table in `folder`, in their order, in the columns of `schema`.

    With `until_us` only rows with `event_at ≤ until_us`.

    Raises:
        ContractError: a file is gone, or cannot be read.
    """
    if not files:
        return schema.empty_table()
    until = None if until_us is None else pa.scalar(until_us, pa.int64()).cast(ARROW_TYPES["timestamp"])
    where = None if until is None else pc.field(EVENT_AT) <= until
    try:
        paths = [str(folder / file) for file in files]
        return pq.read_table(paths, columns=schema.names, filters=where, partitioning=None).cast(schema)
    except (OSError, pa.ArrowException) as err:
        raise ContractError(f"a data file of the table in {folder} cannot be read: {err}") from err


def latest_build(tables: GroupTables) -> Build | None:
    """What the newest build said of itself; None where there is no table, or none has."""
    return latest_build_of(tables.features)


def latest_build_of(path: Path) -> Build | None:
    """What the newest build of the table in folder `path` said of itself; None where there is none."""
    if not _is_there(path):
        return None
    table = open_table(path, made_by=BUILD)
    few = Build.newest(commit.get(USER_METADATA) for commit in table.history(5))
    return few or Build.newest(commit.get(USER_METADATA) for commit in table.history())


def open_group_table(path: Path, spec: GroupColumns, version: int | None = None) -> DeltaTable:
    """Opens a table of built features.

    Raises:
        ContractError: it is not there; the message says so where there is one of another definition.
    """
    require_table(path, spec.definition, f"the features of '{spec.name}'", f"`headrace build {spec.name}`")
    return open_table(path, made_by=BUILD, version=version)


def require_table(path: Path, definition: str, what: str, made_by: str) -> None:
    """Refuses a table that is not there, in the words of who asked for it.

    Raises:
        ContractError: there is none in `path`, or only some under other definitions, which the message names.
    """
    if _is_there(path):
        return
    others = sorted(folder.parent.name for folder in path.parent.glob("*/_delta_log"))
    if others:
        raise ContractError(
            f"{what} are not built as the pipeline file now defines them ({definition}): {path.parent} holds "
            f"{', '.join(others)}, of another definition. The file changed since: {made_by} makes the new table, "
            "or take the file that made the old one"
        )
    raise ContractError(f"{what} are not there: no table in {path}. {made_by} makes it")


def first_build_not_done(what: str, path: Path, made_by: str) -> ContractError:
    """The refusal of a table that was made and holds nothing yet, in the words of who asked for it."""
    return ContractError(
        f"{what} are not written yet: the table in {path} was made, and its first build goes on, or was ended before "
        f"it wrote. Wait for it, or start it again: {made_by}"
    )


def _read(table: DeltaTable, spec: GroupColumns, until_us: int | None) -> pa.Table:
    where = "" if until_us is None else f"{name(EVENT_AT)} <= {instant(until_us)}"
    columns = spec.table_columns()
    return read_columns(table, columns, where).cast(arrow_schema(columns))


def _is_there(path: Path) -> bool:
    return path.is_dir() and DeltaTable.is_deltatable(str(path))
