"""A profile of one version of a table, in a fixed number of passes over its rows, whatever it has of columns and rows:

    1  column_look      some rows: how each column can be counted
    2  value_counts     how often each value stands
    3  pair_products    what every two columns have in common
    4  time_volume      rows, missing values and means in time                where there is a column of time
    5  entity_gaps      the steps between the rows of each entity             where keys are named, too
    6  outlier_rows     the rows that hold the values farthest away           where there are some

A later pass needs what an earlier one found (bounds, groups, ranks); what the passes bring back is small.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import DataFrame

from headrace.profile.check_history import CheckHistory
from headrace.profile.facets import MOST_COMPARED, Compared, Facets, RankScale
from headrace.profile.findings import find
from headrace.profile.number_counts import NumberCounts, bounds
from headrace.profile.report import Column, Instants, Numbers, OutlierRow, Profile, Subject, Texts
from headrace.profile.value_groups import Group, groups_of_categories, groups_of_numbers

from .column_look import look_at
from .entity_gaps import find_gaps
from .outlier_rows import find_rows, scales_of
from .pair_products import sum_products
from .profiled_columns import SeenColumn, columns_of, seen
from .time_volume import count_by_time, instant_text
from .value_counts import Counted, count_values

# A category with more values than this share of its rows is a name, whose values say nothing of other columns.
NAME_SHARE = 0.5


@dataclass
class Profiler:
    """Profiles `table`, rows of `subject`, by its column of time and its keys, if it has some; counts its passes.

    `checks` is what came of the checks of its source, where it is a clean table.
    """

    table: DataFrame
    subject: Subject
    time: str | None = None
    keys: Sequence[str] = ()
    checks: CheckHistory | None = None
    on_pass: Callable[[str], None] = lambda name: None
    passes: int = field(default=0, init=False)

    def profile(self) -> Profile:
        """Runs the passes; each is a few Spark jobs, of which one reads the rows."""
        started_s = time.monotonic()
        columns = columns_of(self.table)
        frame = seen(self.table, columns)
        self._begin("look")
        look = look_at(frame, columns)
        self._begin("values")
        counted = count_values(frame, columns, look)
        found = Profile(
            subject=self.subject,
            rows=look.rows,
            passes=0,
            seconds=0.0,
            columns=tuple(_column(column, look.rows, counted[column.name]) for column in columns),
            checks=self.checks,
        )
        for part in (self._compared(frame, columns, found, counted), self._in_time(frame, columns, found, counted)):
            found = found.model_copy(update=part)
        found = found.model_copy(update={"outlier_rows": self._outlier_rows(columns, found)})
        spent = {"passes": self.passes, "seconds": round(time.monotonic() - started_s, 1)}
        return found.model_copy(update={**spent, "findings": tuple(find(found))})

    def _begin(self, name: str) -> None:
        self.passes += 1
        self.on_pass(name)

    def _compared(
        self, frame: DataFrame, columns: Sequence[SeenColumn], found: Profile, counted: Mapping[str, Counted]
    ) -> dict[str, Any]:
        """What columns say of each other."""
        compared = [_compared(column, counted[column.name], found.rows) for column in found.columns]
        useful = [column for column in compared if column.groups or column.is_number or column.missing]
        useful.sort(key=lambda column: column.name != self.subject.label)
        taken = {column.name for column in useful[:MOST_COMPARED]}
        if not taken or not found.rows:
            return {}
        self._begin("pairs")
        facets = Facets(tuple(column for column in compared if column.name in taken))
        products = sum_products(frame, {column.name: column for column in columns}, facets)
        label = self.subject.label
        return {
            "not_compared": tuple(column.name for column in useful[MOST_COMPARED:]),
            "associations": tuple(products.associations()),
            "missing_by": tuple(products.missing_by()),
            "missing_pairs": tuple(products.missing_pairs()),
            "label": tuple(products.label_facts(label)) if label in taken else (),
        }

    def _in_time(
        self, frame: DataFrame, columns: Sequence[SeenColumn], profile: Profile, counted: Mapping[str, Counted]
    ) -> dict[str, Any]:
        """The time line, and the gaps of entities."""
        by_name = {column.name: column for column in columns}
        first, last = counted[self.time].bounds_us if self.time else (None, None)
        if self.time is None or first is None or last is None:
            return {}
        self._begin("time")
        found: dict[str, Any] = {"times": count_by_time(frame, columns, by_name[self.time], profile, (first, last))}
        if self.keys:
            self._begin("entities")
            found["entities"] = find_gaps(self.table, self.keys, by_name[self.time])
        return found

    def _outlier_rows(self, columns: Sequence[SeenColumn], found: Profile) -> tuple[OutlierRow, ...]:
        scales = scales_of({column.name: column.numbers for column in found.columns if column.numbers})
        if not scales:
            return ()
        self._begin("outliers")
        return tuple(find_rows(self.table, columns, scales))


def _column(column: SeenColumn, rows: int, counted: Counted) -> Column:
    is_text = column.kind == "category"
    return Column(
        name=column.name,
        type=column.type,
        kind=column.kind,
        missing=rows - counted.present,
        distinct=None if column.kind == "other" else counted.distinct,
        distinct_exact=counted.exact,
        top=counted.top,
        numbers=_numbers(counted, counted.numbers) if counted.numbers is not None else None,
        texts=_texts(counted) if is_text else None,
        instants=_instants(counted) if column.kind == "time" else None,
    )


def _numbers(counted: Counted, counts: NumberCounts) -> Numbers:
    mean, deviation = counts.mean(), counts.deviation()
    skewness, kurtosis = counts.shape(mean, deviation)
    return Numbers(
        nan=counted.nan,
        infinite=counted.infinite,
        zeros=counts.holding(lambda value: value == 0),
        negatives=counts.holding(lambda value: value < 0),
        exact=counted.exact,
        mean=mean,
        deviation=deviation,
        skewness=skewness,
        kurtosis=kurtosis,
        minimum=counts.values[0] if counts.values else None,
        maximum=counts.values[-1] if counts.values else None,
        quantiles=counts.quantiles(),
        mad=counts.mad(),
        beyond=bounds(counts, mean, deviation),
        smallest=counts.smallest(),
        largest=counts.largest(),
        histogram=counts.histogram(),
    )


def _texts(counted: Counted) -> Texts:
    shortest, longest, mean = counted.lengths
    return Texts(empty=counted.empty, shortest=shortest, longest=longest, mean_length=mean)


def _instants(counted: Counted) -> Instants:
    earliest, latest = (None if at is None else instant_text(at) for at in counted.bounds_us)
    return Instants(earliest=earliest, latest=latest)


def _compared(column: Column, counted: Counted, rows: int) -> Compared:
    """How a column takes part in the comparison: only by its missing values, where it has no others that tell."""
    numbers, groups, ranks = column.numbers, list[Group](), None
    if numbers and counted.numbers and numbers.deviation:
        groups, ranks = groups_of_numbers(counted.numbers), RankScale.of(counted.numbers)
    elif column.kind == "category" and counted.exact and column.distinct and column.distinct <= NAME_SHARE * rows:
        groups = groups_of_categories(counted.top, counted.distinct)
    return Compared(
        name=column.name,
        rows=rows,
        missing=column.missing,
        infinite=numbers.infinite if numbers else 0,
        mean=numbers.mean if numbers else None,
        deviation=numbers.deviation if numbers else None,
        ranks=ranks,
        groups=tuple(groups),
    )
