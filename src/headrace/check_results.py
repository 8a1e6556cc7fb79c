"""What came of the checks of a source: the rows of its table of checks, which Spark writes and every engine reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .tables import CREATED_AT

# The table of checks: name to Spark SQL type.
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
PASSED, WARNED, HELD, RELEASED, UNKNOWN = "passed", "warned", "held", "released", "unknown"
OUTCOMES = (PASSED, WARNED, HELD, RELEASED, UNKNOWN)
FAILED = (WARNED, HELD)  # what nobody has let through

# Drift stands in the table beside expectations: `drift.<column>` by measure, and `drift` for whether there were enough
# events to tell.
DRIFT, ENOUGH = "drift", "events"


@dataclass(frozen=True)
class CheckResult:
    """What came of one check of one unit of work: an expectation, or one measure of the drift of a column.

    `found` is None where it is unknown; `expected` says in words what it is held against. `created_at_us` is when, in
    microseconds since 1970, and `unit` names the run and its unit of work.
    """

    created_at_us: int
    expectation: str
    check: str
    severity: str
    outcome: str
    found: float | None
    expected: str
    records: int
    unit: str

    @property
    def drifting(self) -> str | None:
        """The column whose drift was measured; None of an expectation."""
        head, _, column = self.expectation.partition(".")
        return column if head == DRIFT and column else None


def drift_name(column: str) -> str:
    """Under which the drift of a column stands in the table of checks. No expectation has a dot in its name."""
    return f"{DRIFT}.{column}"


def newest_of_each(results: Iterable[CheckResult]) -> list[CheckResult]:
    """Of each check its newest result, in the order in which the checks come first."""
    found: dict[tuple[str, str], CheckResult] = {}
    for result in results:
        known = found.get(place := (result.expectation, result.check))
        if known is None or result.created_at_us >= known.created_at_us:
            found[place] = result
    return list(found.values())


def found_text(check: str, found: float | None) -> str:
    """What was found, in words: a share, a number of records, seconds, or a difference of shares."""
    if found is None:
        return "nothing"
    if check in ("rows", ENOUGH):
        return f"{found:,.0f}"
    if check == "fresh":
        return f"{found:,.0f} s"
    return f"{found:+.4g}" if check in ("nulls", "outliers") else f"{found:.4g}"
