"""Outliers: the bounds of ordinary values, and what happens to a value outside them."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F


@dataclass(frozen=True)
class Bounds:
    """The closed range `[low, high]` of ordinary values, in the column's own unit; None leaves a side open."""

    low: float | None
    high: float | None

    def excludes(self, value: Column) -> Column:
        """True where `value` lies outside; false where it is null (missing is not extreme) or inside. NaN is above
        any bound, as Spark orders it.
        """
        below = value < F.lit(self.low) if self.low is not None else F.lit(False)
        above = value > F.lit(self.high) if self.high is not None else F.lit(False)
        return F.coalesce(below | above, F.lit(False))

    def treat(self, value: Column, action: str) -> Column:
        """What `value` becomes: itself inside the bounds, and outside what `action` (flag, clip, null_value) says."""
        outside = {"flag": value, "clip": self._clipped(value), "null_value": F.lit(None)}[action]
        return F.when(self.excludes(value), outside).otherwise(value)

    def _clipped(self, value: Column) -> Column:
        raised = F.greatest(value, F.lit(self.low)) if self.low is not None else value
        return F.least(raised, F.lit(self.high)) if self.high is not None else raised
