"""The gate before a source's tables: what came of its expectations and of its drift is written down, and what fails is
held.

checks    one row a check and unit of work: passed, warned, held, released, or unknown
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from headrace.check_metrics import write_metrics
from headrace.check_results import CHECKS_COLUMNS, CheckResult
from headrace.holds import Hold, write_hold
from headrace.pipeline import Source
from headrace.tables import CREATED_AT, SourceTables

from .accounts import PartitionKey
from .admission import REASON
from .clean_tables import ensure_table
from .commit import Commits
from .drift import DriftWatch, events_of
from .expectations import Outcome, measure


class Gate:
    """The gate of one source in one run."""

    def __init__(
        self,
        spark: SparkSession,
        source: Source,
        tables: SourceTables,
        commits: Commits,
        drift: DriftWatch,
        warn: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._spark, self._source, self._tables, self._commits, self._warn = spark, source, tables, commits, warn
        self._drift, self._units = drift, 0

    def pass_or_hold(
        self,
        judged: DataFrame,
        reasons: Mapping[str | None, int],
        last: Mapping[PartitionKey, int],
        *,
        unit: int,
        released: bool,
    ) -> None:
        """Lets a unit of work through, or holds it; `released` lets through what would be held. `reasons` counts its
        records by why they are refused, None for those that are not.

        Raises:
            Held: a check with the severity `hold` did not hold. Nothing of the unit was written.
        """
        records = sum(reasons.values())
        if not records:
            return
        self._say_what_is_lacking()
        found = measure(judged, self._source, F.col(REASON).isNotNull()).outcomes
        outcomes = [*found, *self._drift.outcomes(judged, events_of(reasons))]
        failed = [each for each in outcomes if not each.passed]
        held = [] if released else [each for each in failed if each.severity == "hold"]
        if outcomes:
            self._write_down(outcomes, records, released=released, unit=unit)
        for each in failed:
            self._warn(f"{self._source.name}: {each.failure()}")
        if held:
            hold = Hold(dict(last), records, [each.failure() for each in held], time.time_ns() // 1000)
            write_hold(self._tables.hold, hold)
            raise hold.error(self._source.name)

    def _say_what_is_lacking(self) -> None:
        """Once a run."""
        self._units += 1
        if self._units == 1 and (lacking := self._drift.lacking()):
            self._warn(f"{self._source.name}: {lacking}")

    def _write_down(self, outcomes: Sequence[Outcome], records: int, *, released: bool, unit: int) -> None:
        ensure_table(self._spark, self._tables.checks, CHECKS_COLUMNS, "it is made again empty")
        names = [name for name in CHECKS_COLUMNS if name != CREATED_AT]
        kinds = ", ".join(f"`{name}` {CHECKS_COLUMNS[name]}" for name in names)
        results = [self._result(each, records, released=released, unit=unit) for each in outcomes]
        rows = [tuple(getattr(result, name) for name in names) for result in results]
        self._commits.append(self._spark.createDataFrame(rows, kinds).coalesce(1), self._tables.checks, unit=unit)
        write_metrics(self._tables, self._source.name, results)

    def _result(self, outcome: Outcome, records: int, *, released: bool, unit: int) -> CheckResult:
        return CheckResult(
            created_at_us=time.time_ns() // 1000,
            expectation=outcome.expectation,
            check=outcome.check,
            severity=outcome.severity,
            outcome=outcome.word(released=released),
            found=outcome.found,
            expected=outcome.expected,
            records=records,
            unit=f"{self._commits.application}/{unit}",
        )
