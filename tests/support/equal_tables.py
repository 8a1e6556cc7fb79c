"""Whether two lakes hold equal tables, row by row and value by value."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder

from headrace.tables import SourceTables

from .delta_rows import NOT_COMPARED

KINDS = ("clean", "duplicates", "quarantine")
PLACE = "_topic_id, _partition, _offset"


def unequal(ours: SourceTables, theirs: SourceTables) -> dict[str, str]:
    """What differs, by kind of table; empty where all three are equal."""
    found = {kind: _difference(getattr(ours, kind), getattr(theirs, kind)) for kind in KINDS}
    return {kind: difference for kind, difference in found.items() if difference}


def _difference(ours: Path, theirs: Path) -> str:
    """The first difference between the tables in words, empty where there is none."""
    mine, other = _in_order(ours), _in_order(theirs)
    if mine.schema != other.schema or mine.num_rows != other.num_rows:
        return f"{mine.num_rows:,} rows of {mine.schema} and {other.num_rows:,} rows of {other.schema}"
    for name in mine.column_names:
        if not mine[name].equals(other[name]):
            rows = [row for row in range(mine.num_rows) if mine[name][row] != other[name][row]]
            return f"{name} differs in {len(rows):,} rows, first {mine.slice(rows[0], 1)} and {other.slice(rows[0], 1)}"
    return ""


def _in_order(path: Path) -> pa.Table:
    """All rows by position, without what may differ between equal tables."""
    query = QueryBuilder().register("t", DeltaTable(path)).execute(f"select * from t order by {PLACE}")
    table = pa.table(query.read_all())
    return table.drop_columns([name for name in table.column_names if name in NOT_COMPARED]).combine_chunks()
