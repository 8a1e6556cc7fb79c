"""The drift of a unit of work: how its events fall into the bins that the plan keeps of its window, in one pass.

Each event becomes a number for each watched column, the place of its value among the bins of all columns, and one query
counts these numbers. Nothing is looked at where there are too few events to tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from headrace.check_results import DRIFT, ENOUGH, drift_name
from headrace.pipeline import Source
from headrace.pipeline.column_types import NUMBERS
from headrace.pipeline.drift import Measure, WatchedColumn
from headrace.plans import ColumnStatistics, PlanVersion, Treatment
from headrace.plans.drift import Distribution, ks_error, measured, reference_of

from .admission import REASON
from .expectations import Outcome
from .group_lookup import literal
from .treatment import odd, with_fitted
from .value_statistics import finite

# Beside the bins of a column: values that are no finite number, nulls, and, once more, rows outside its bounds.
_BESIDE = 3
_NUMBER, _PLACE = "__number_", "__place"

# Refused for a rule of the plan alone: events all the same, as they were when the plan was fitted.
_EVENTS = f"{REASON} is null or {REASON} = 'outlier'"


def events_of(reasons: Mapping[str | None, int]) -> int:
    """How many events drift is measured of, by the reason of a unit's records; none of what is dropped by hand."""
    return 0 if "dropped_by_hand" in reasons else reasons.get(None, 0) + reasons.get("outlier", 0)


@dataclass(frozen=True)
class _Kept:
    """A watched column with what the plan keeps of it; its bins stand at `first` and after."""

    name: str
    watched: WatchedColumn
    statistics: ColumnStatistics
    first: int

    @property
    def reference(self) -> Distribution:
        return reference_of(self.statistics)

    @property
    def size(self) -> int:
        """How many numbers the column takes."""
        return len(self.reference.bins) + _BESIDE

    @property
    def is_number(self) -> bool:
        return self.watched.type in NUMBERS

    def place(self) -> Column:
        """The place of the row's value."""
        bins, value = len(self.reference.bins), F.col(self.name)
        if self.is_number:
            number = f"`{_NUMBER}{self.name}`"
            tree = _between(number, self.statistics.edges, self.first)
            return F.expr(
                f"case when `{self.name}` is null then {self.first + bins + 1} "
                f"when {number} is null then {self.first + bins} else {tree} end"
            )
        listed = [text for text, _ in self.statistics.top]
        at = F.array_position(literal(listed, "array<string>"), value.cast("string")).cast("int")
        known = F.when(at == 0, bins - 1).otherwise(at - 1) + self.first
        return F.when(value.isNull(), self.first + bins + 1).otherwise(known)

    def distribution(self, counts: Sequence[int]) -> Distribution:
        """What all places' counts say of the column."""
        *bins, apart, nulls, outliers = counts[self.first : self.first + self.size]
        return Distribution(tuple(bins), apart, nulls, outliers)


class DriftWatch:
    """Measures the drift of units of work of one source against one plan; None: nothing was fitted."""

    def __init__(self, source: Source, plan: PlanVersion | None, treatment: Treatment) -> None:
        self._source, self._watched = source, source.watched()
        self._plan = plan
        statistics = {} if plan is None else plan.plan.statistics
        self._kept: list[_Kept] = []
        for name, watched in self._watched.items():
            found = statistics.get(name)
            if found is not None and found.type == watched.type:
                first = self._kept[-1].first + self._kept[-1].size if self._kept else 0
                self._kept.append(_Kept(name, watched, found, first))
        ruled = {one.name for one in self._kept if "outliers" in one.watched.thresholds}
        self._ruled = [column for column in treatment.columns if column.name in ruled and column.bounds]

    def lacking(self) -> str | None:
        """What the user should know of columns that nothing is known of; None where there are none."""
        names = [name for name in self._watched if name not in {one.name for one in self._kept}]
        if not names:
            return None
        why = "nothing was fitted yet" if self._plan is None else f"plan {self._plan.version} keeps nothing of them"
        return f"the drift of {', '.join(names)} is not measured: {why}. Fit: headrace fit -p FILE {self._source.name}"

    def outcomes(self, judged: DataFrame, events: int) -> list[Outcome]:
        """What came of the drift of a unit of work: whether its events are enough, then each measure of each column."""
        drift = self._source.drift
        if drift is None:
            return []
        few = events < drift.least
        enough = Outcome(
            DRIFT, ENOUGH, "warn", None if few else float(events), f"at least {drift.least:,} events", passed=True
        )
        if few or not self._kept:
            return [enough, *([] if few else self._unknown())]
        counts = [0] * sum(one.size for one in self._kept)
        for row in self.places(judged).collect():
            counts[row[_PLACE]] = row["count"]
        found = [
            self._outcome(one, measure, one.distribution(counts), drift.least)
            for one in self._kept
            for measure in one.watched.thresholds
        ]
        return [enough, *found, *self._unknown()]

    def places(self, judged: DataFrame) -> DataFrame:
        """How many events stand at each place: `__place`, of `count`; one query, without a function of Python."""
        numbers = [F.expr(finite(f"`{one.name}`")).alias(_NUMBER + one.name) for one in self._kept if one.is_number]
        last = {one.name: one.first + one.size - 1 for one in self._kept}
        odd_ones = [F.expr(f"case when {odd(column)} then {last[column.name]} end") for column in self._ruled]
        events = with_fitted(judged.where(_EVENTS), self._ruled, ()).select("*", *numbers)
        places = F.explode(F.array(*[one.place() for one in self._kept], *odd_ones)).alias(_PLACE)
        return events.select(places).where(F.col(_PLACE).isNotNull()).groupBy(_PLACE).count()

    def _outcome(self, one: _Kept, measure: Measure, unit: Distribution, least: int) -> Outcome:
        reference, limit = one.reference, one.watched.thresholds[measure]
        found = measured(measure, reference, unit, least)
        passed = found is None or abs(found) <= limit
        said = f"at most {limit:g} {_against(measure, reference, unit, found)} plan {self._number()}"
        return Outcome(drift_name(one.name), measure, one.watched.severity, found, said, passed)

    def _unknown(self) -> Iterable[Outcome]:
        kept = {one.name for one in self._kept}
        said = "a plan that keeps something of the column"
        return [
            Outcome(drift_name(name), measure, watched.severity, None, said, passed=True)
            for name, watched in self._watched.items()
            if name not in kept
            for measure in watched.thresholds
        ]

    def _number(self) -> Any:
        return self._plan and self._plan.version


def _against(measure: Measure, reference: Distribution, unit: Distribution, found: float | None) -> str:
    """What a measure is held against, in words."""
    if measure in ("nulls", "outliers"):
        share = getattr(reference, measure)
        return f"from the {(share or 0) / max(reference.rows, 1):.4g} of"
    if measure == "ks" and found is not None:
        return f"(of bins; of values up to {ks_error(reference.bins, unit.bins):.2g} more) from"
    return "from"


def _between(number: str, edges: Sequence[float], first: int) -> str:
    """In SQL, the place of a number: `first` for at most edges[0], one more beyond it, and so on; by halves."""
    if not edges:
        return str(first)
    middle = len(edges) // 2
    low = _between(number, edges[:middle], first)
    high = _between(number, edges[middle + 1 :], first + middle + 1)
    return f"if({number} <= {edges[middle]!r}D, {low}, {high})"
