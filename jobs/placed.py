"""What a run knows of the positions that are placed, so that a unit of work need not look for what cannot be there."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame, SparkSession

from headrace.tables import SourceTables

from .accounts import PartitionKey, behind, not_yet_placed, placed_positions, span_of
from .table_version import table_version


class Placed:
    """The placed positions of one source, to a run that cleans it unit by unit.

    Up to `floor`, by partition, everything is placed. From there on a table may account for a position all the same:
    another run was there before, or comes between two units. So whoever takes rows looks them up in the tables, unless
    their versions are those after the last unit, and nothing lay behind the floor then; that is asked after the first
    unit, and where something did, after twice as many again. To be called under the lock of the source.
    """

    def __init__(self, spark: SparkSession, tables: SourceTables) -> None:
        self.floor: dict[PartitionKey, int] = {}
        self._spark, self._tables = spark, tables
        self._units, self._ask_from = 0, 1
        self._versions: tuple[int, ...] | None = None  # after the last unit; None in a unit, and after one that failed
        self._is_clear = False  # whether nothing lay behind the floor then

    def missing(self, raw: DataFrame, last: Mapping[PartitionKey, int], *, empty: bool) -> DataFrame:
        """The rows of `raw` up to `last` that no table accounts for; `empty` says that the tables have no row."""
        span = span_of(last, self.floor)
        self._is_clear = empty or self._still_clear(last)
        self._versions = None
        return raw.where(span) if self._is_clear else not_yet_placed(self._spark, raw, self._tables, span)

    def settle(self, last: Mapping[PartitionKey, int]) -> None:
        """Notes that a unit has placed everything up to `last`."""
        self.floor |= {key: max(offset + 1, self.floor.get(key, 0)) for key, offset in last.items()}
        self._versions = self._present_versions()
        self._units += 1

    def _still_clear(self, last: Mapping[PartitionKey, int]) -> bool:
        if self._versions is None or not last.keys() <= self.floor.keys():
            return False
        if self._versions != self._present_versions():
            return False
        if not self._is_clear and self._units >= self._ask_from:
            self._ask_from = 2 * self._units
            return placed_positions(self._spark, self._tables, behind(self.floor)).isEmpty()
        return self._is_clear

    def _present_versions(self) -> tuple[int, ...]:
        tables = (self._tables.clean, self._tables.duplicates, self._tables.quarantine)
        return tuple(table_version(self._spark, table) for table in tables)
