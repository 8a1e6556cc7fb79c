"""Reading the lake without a JVM: Delta tables opened by deltalake, asked in SQL by its DataFusion.

Never through `to_pyarrow_*` or `to_pandas`: a process that used them may abort when it ends, with its work done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder
from deltalake.exceptions import DeltaError

from .errors import ContractError

# Beyond this, groups and sorts spill to disk: 10 million positions then take 5 s instead of 1.5.
MEMORY_LIMIT = "1G"


def open_table(path: Path, *, made_by: str, version: int | None = None) -> DeltaTable:
    """Opens the newest version of the table in folder `path`, or `version`.

    Raises:
        ContractError: there is none, and `made_by` is what makes it; or its log cannot be read.
    """
    try:
        if not path.is_dir() or not DeltaTable.is_deltatable(str(path)):
            raise ContractError(f"there is no table in {path}. {made_by} makes it")
        return DeltaTable(str(path), version=version)
    except DeltaError as err:
        which = "the table" if version is None else f"version {version} of the table"
        raise ContractError(f"{which} in {path} cannot be read: {err}") from err


@dataclass(frozen=True)
class TableState:
    """What the log says of a table, without reading its data."""

    version: int
    rows: int
    files: int
    size_bytes: int


def state_of(table: DeltaTable) -> TableState:
    """Adds up the files of a table's present version."""
    files = pa.table(table.get_add_actions(flatten=True)).select(["num_records", "size_bytes"]).to_pylist()
    return TableState(
        version=table.version(),
        rows=sum(file["num_records"] for file in files),
        files=len(files),
        size_bytes=sum(file["size_bytes"] for file in files),
    )


class Query:
    """SQL over Delta tables and folders of Parquet files, each under the name given to it."""

    def __init__(self, tables: Mapping[str, DeltaTable], folders: Mapping[str, Path] | None = None) -> None:
        self._builder = QueryBuilder()
        self._run(f"SET datafusion.runtime.memory_limit = '{MEMORY_LIMIT}'")
        for name, table in tables.items():
            self._builder.register(name, table)
        for name, folder in (folders or {}).items():
            location = literal(folder.absolute().as_uri() + "/")
            self._run(f"CREATE EXTERNAL TABLE {name} STORED AS PARQUET LOCATION {location}")

    def name(self, view: str, sql: str) -> None:
        """Lets later questions say `view` for the answer of `sql`."""
        self._run(f"CREATE VIEW {view} AS {sql}")

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The rows of the answer, each by column name. For small answers: they are held in memory.

        Raises:
            ContractError: a table lacks a column or a data file, or a file cannot be read.
        """
        found: list[dict[str, Any]] = self._run(sql).to_pylist()
        return found

    def table(self, sql: str) -> pa.Table:
        """The answer as it is, in memory. Text may come as string_view, instants as timestamp[us, UTC].

        Raises:
            ContractError: a table lacks a column or a data file, or a file cannot be read.
        """
        return self._run(sql)

    def row(self, sql: str) -> dict[str, Any]:
        """The answer's only row."""
        (found,) = self.rows(sql)
        return found

    def _run(self, sql: str) -> pa.Table:
        try:
            return pa.table(self._builder.execute(sql))
        except (DeltaError, pa.ArrowException, OSError) as err:
            raise ContractError(f"a table cannot be read as its contract says: {err}") from err


def read_columns(table: DeltaTable, columns: Iterable[str], where: str = "") -> pa.Table:
    """Columns of a table, in the order asked, of the rows that hold `where` (SQL; all without it).

    Raises:
        ContractError: as `Query.table`.
    """
    chosen = ", ".join(name(column) for column in columns)
    return Query({"rows": table}).table(f"SELECT {chosen} FROM rows" + (f" WHERE {where}" if where else ""))


def instant(at_us: int) -> str:
    """The instant of `at_us` microseconds since 1970 in SQL."""
    return f"arrow_cast({at_us}, 'Timestamp(Microsecond, Some(\"UTC\"))')"


def name(column: str) -> str:
    """A column's name in SQL, as it is written."""
    return '"' + column.replace('"', '""') + '"'


def literal(text: str) -> str:
    """`text` as a string of SQL."""
    return "'" + text.replace("'", "''") + "'"
