"""The gate before a source's tables: what came of its expectations is written down, and what fails is held.

checks    one row an expectation and unit of work: passed, warned, held or released
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from headrace.holds import Hold, write_hold
from headrace.pipeline import Source
from headrace.tables import CREATED_AT, SourceTables

from .accounts import PartitionKey
from .admission import REASON
from .clean_tables import ensure_table
from .commit import Commits
from .expectations import Measured, Outcome, measure

CHECKS_COLUMNS = {
    CREATED_AT: "timestamp",
    "expectation": "string",
    "check": "string",
    "severity": "string",
    "outcome": "string",
    "found": "double",
    "expected": "string",
    "records": "bigint",
    "unit": "string",
}
PASSED, WARNED, HELD, RELEASED = "passed", "warned", "held", "released"


class Gate:
    """The gate of one source in one run."""

    def __init__(
        self,
        spark: SparkSession,
        source: Source,
        tables: SourceTables,
        commits: Commits,
        warn: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._spark, self._source, self._tables, self._commits, self._warn = spark, source, tables, commits, warn

    def pass_or_hold(self, judged: DataFrame, last: Mapping[PartitionKey, int], *, unit: int, released: bool) -> None:
        """Lets a unit of work through, or holds it; `released` lets through what would be held.

        Raises:
            Held: an expectation with the severity `hold` did not hold. Nothing of the unit was written.
        """
        found = measure(judged, self._source, F.col(REASON).isNotNull())
        if not found.records:
            return
        failed = [each for each in found.outcomes if not each.passed]
        held = [] if released else [each for each in failed if each.severity == "hold"]
        self._write_down(found, released=released, unit=unit)
        for each in failed:
            self._warn(f"{self._source.name}: {each.failure()}")
        if held:
            hold = Hold(dict(last), found.records, [each.failure() for each in held], time.time_ns() // 1000)
            write_hold(self._tables.hold, hold)
            raise hold.error(self._source.name)

    def _write_down(self, found: Measured, *, released: bool, unit: int) -> None:
        ensure_table(self._spark, self._tables.checks, CHECKS_COLUMNS, "it is made again empty")
        names = [name for name in CHECKS_COLUMNS if name != CREATED_AT]
        kinds = ", ".join(f"`{name}` {CHECKS_COLUMNS[name]}" for name in names)
        rows = [
            (
                *(each.expectation, each.check, each.severity, _word(each, released=released), each.found),
                *(each.expected, found.records, f"{self._commits.application}/{unit}"),
            )
            for each in found.outcomes
        ]
        self._commits.append(self._spark.createDataFrame(rows, kinds).coalesce(1), self._tables.checks, unit=unit)


def _word(outcome: Outcome, *, released: bool) -> str:
    if outcome.passed:
        return PASSED
    if outcome.severity == "warn":
        return WARNED
    return RELEASED if released else HELD
