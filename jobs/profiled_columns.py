"""The columns of a table as a profile sees them: numbers as doubles, categories as text, times as instants.

Every pass reads the frame that `seen` makes, so a column means the same in each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from headrace.profile.report import Kind

KIND_OF: dict[type[T.DataType], Kind] = {
    **dict.fromkeys((T.ByteType, T.ShortType, T.IntegerType, T.LongType, T.FloatType, T.DoubleType), "number"),
    T.DecimalType: "number",
    **dict.fromkeys((T.StringType, T.VarcharType, T.CharType, T.BooleanType), "category"),
    **dict.fromkeys((T.TimestampType, T.TimestampNTZType, T.DateType), "time"),
}
CAST_TO = {"number": "double", "category": "string", "time": "timestamp"}


@dataclass(frozen=True)
class SeenColumn:
    """A column of the table: its name and type there, its kind, and its name in the frame that the passes read."""

    place: int
    name: str
    type: str
    kind: Kind

    @property
    def alias(self) -> str:
        """Its name in the frame; a name of the table may hold anything."""
        return f"c{self.place}"

    @property
    def value(self) -> Column:
        """The column of the frame."""
        return F.col(self.alias)

    @property
    def is_missing(self) -> Column:
        """Whether a row has no value of it: null, or NaN."""
        return self.value.isNull() | F.isnan(self.value) if self.kind == "number" else self.value.isNull()

    @property
    def finite(self) -> Column:
        """Its value where that is a finite number, otherwise null. Only of a number."""
        return F.when(F.abs(self.value) < F.lit(float("inf")), self.value)


def columns_of(table: DataFrame) -> list[SeenColumn]:
    """The columns of a table, in its order."""
    return [
        SeenColumn(place, field.name, field.dataType.simpleString(), KIND_OF.get(type(field.dataType), "other"))
        for place, field in enumerate(table.schema.fields)
    ]


def seen(table: DataFrame, columns: Sequence[SeenColumn]) -> DataFrame:
    """The rows of a table with one column each of `columns`, under its alias. Of other kinds only nullness is kept."""
    return table.select(*[_seen(named(column.name), column).alias(column.alias) for column in columns])


def named(name: str) -> Column:
    """The column of this name, whatever it is made of."""
    return F.col("`" + name.replace("`", "``") + "`")


def _seen(found: Column, column: SeenColumn) -> Column:
    if column.kind == "other":
        return F.when(found.isNotNull(), F.lit(1))
    return found.cast(CAST_TO[column.kind])
