"""A training set as a trainer takes it: Arrow, pandas, or one matrix of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace.errors import UsageError, near_names

from .training_inputs import AT, LABEL, Inputs
from .training_rows import Choice

if TYPE_CHECKING:
    import pandas as pd

NUMERIC = ("long", "double", "boolean")


@dataclass(frozen=True)
class Matrix:
    """Numbers for a model: `values` [n, k] float64, NaN where a value is missing; `missing` [n, k] bool says so.

    `columns` are the k names, in order, and `dtypes` their types in the pipeline file (long, double, boolean: true is
    1). Longs beyond 2^53 are rounded.
    """

    values: npt.NDArray[np.float64]
    missing: npt.NDArray[np.bool_]
    columns: tuple[str, ...]
    dtypes: tuple[str, ...]


def matrix(table: pa.Table, types: Mapping[str, str]) -> Matrix:
    """The numeric and boolean columns among `types` (name to type), in its order."""
    columns = tuple(name for name, kind in types.items() if kind in NUMERIC)
    values = np.empty((table.num_rows, len(columns)), dtype=np.float64)
    missing = np.empty(values.shape, dtype=bool)
    for index, name in enumerate(columns):
        column = table.column(name)
        missing[:, index] = column.is_null().to_numpy()
        values[:, index] = column.cast(pa.float64(), safe=False).to_numpy()
    return Matrix(values, missing, columns, tuple(types[name] for name in columns))


@dataclass(frozen=True)
class TrainingSet:
    """Rows, their label, and what was visible at each row's instant.

    Columns of `table`, in order: row_id, at (timestamp[us, UTC]), the keys, label, the extra columns, the features as
    `{group}__{column}`. Rows are sorted by (at, row_id). A null is a missing value.
    """

    name: str
    table: pa.Table
    keys: tuple[str, ...]
    extra: Mapping[str, str]  # name to type, in order
    features: Mapping[str, str]  # name to type, in the order of the service
    inputs: Inputs
    choice: Choice
    label: str = LABEL
    at: str = AT

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def seen(self) -> dict[str, str]:
        """Name to type of what a model may see: the extra columns, then the features."""
        return {**self.extra, **self.features}

    def to_arrow(self) -> pa.Table:
        """All columns, as they are."""
        return self.table

    def to_pandas(self) -> pd.DataFrame:
        """All columns; long and boolean in pandas' nullable types, so that a missing value changes no type."""
        import pandas as pd

        nullable = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
        return self.table.to_pandas(types_mapper=nullable.get)

    def to_numpy(self, columns: Sequence[str] | None = None) -> Matrix:
        """The numeric and boolean inputs, in the order of `seen`; or `columns`, in their order.

        Raises:
            UsageError: one of `columns` is no input, or is not a number.
        """
        seen = self.seen
        return matrix(self.table, seen if columns is None else {name: self._number(name) for name in columns})

    def _number(self, column: str) -> str:
        """The type of an input that is a number."""
        if column not in self.seen:
            near = near_names(column, self.seen)
            raise UsageError(f"the training set '{self.name}' has no input '{column}'. Did you mean: {near}?")
        if (kind := self.seen[column]) not in NUMERIC:
            raise UsageError(
                f"the input '{column}' is a {kind}, which is no number. `to_arrow` and `to_pandas` have it"
            )
        return kind

    def labels(self) -> npt.NDArray[Any]:
        """The labels, [n]: bool, int64 or float64; float64 with NaN where some are missing; other types as objects."""
        column = self.table.column(self.label)
        is_number = pa.types.is_boolean(column.type) or pa.types.is_integer(column.type)
        return np.asarray((column.cast(pa.float64()) if is_number and column.null_count else column).to_numpy())
