"""Tables of rows and of their features: those of the last hours, put together, and compared."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def rows_since(rows: pa.Table, at: str, from_us: int) -> pa.Table:
    """The rows whose timestamp `at` is `from_us` (microseconds since 1970) or later, in their order."""
    return rows.filter(pc.greater_equal(rows[at].cast(pa.int64()), from_us))


def with_features(rows: pa.Table, features: pa.Table) -> pa.Table:
    """`rows` with the columns of `features` in place of their own of these names."""
    for name in features.column_names:
        rows = rows.set_column(rows.column_names.index(name), name, features[name])
    return rows


def differing_values(ours: pa.Table, theirs: pa.Table) -> int:
    """How many values of two tables with the same columns and rows are not the same; two nulls are."""
    pairs = [(ours[name].to_pylist(), theirs[name].to_pylist()) for name in ours.column_names]
    return sum(one != other for mine, others in pairs for one, other in zip(mine, others, strict=True))
