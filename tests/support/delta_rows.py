"""Delta tables read for comparison, by another engine than the one that wrote them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deltalake import DeltaTable, QueryBuilder

# When and by which run a row was written is not part of what it says (two runs over the same raw differ here only).
NOT_COMPARED = {"_created_at"}


def read_rows(path: Path, columns: str = "*") -> list[dict[str, Any]]:
    """Every row of the table at `path`, in no order."""
    found = QueryBuilder().register("t", DeltaTable(path)).execute(f"select {columns} from t").read_all()
    names = found.schema.names
    values = [found.column(name).to_pylist() for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]


def comparable(path: Path) -> list[tuple[Any, ...]]:
    """The rows of the table at `path` in a fixed order, without what may differ between equal tables (floats as they
    are).
    """
    rows = [
        tuple((key, value) for key, value in sorted(row.items()) if key not in NOT_COMPARED) for row in read_rows(path)
    ]
    return sorted(rows, key=repr)
