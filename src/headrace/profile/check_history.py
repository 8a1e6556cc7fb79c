"""What a profile says of the checks of its source: expectations and drift, unit of work by unit of work."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.check_results import FAILED, CheckResult
from headrace.pipeline.times import iso

from .said import Said

MOST_UNITS = 100  # of the newest ones that are kept


class CheckedUnit(Said):
    """One outcome: when, of how many records, and what was found (null: unknown)."""

    at: str
    outcome: str
    found: float | None
    records: int


class CheckLine(Said):
    """One check in time, the oldest unit of work first: an expectation, or a measure of the drift of `column`.

    `expected` is what the newest unit of work was held against, in words.
    """

    expectation: str
    check: str
    severity: str
    column: str | None
    expected: str
    units: tuple[CheckedUnit, ...]

    @property
    def last(self) -> CheckedUnit:
        """The newest outcome."""
        return self.units[-1]

    @property
    def failed(self) -> int:
        """In how many of the units it did not hold."""
        return sum(unit.outcome in FAILED for unit in self.units)


class CheckHistory(Said):
    """The checks of a source over the instants `at` of its newest units of work, at most `MOST_UNITS`."""

    at: tuple[str, ...]
    lines: tuple[CheckLine, ...]


def history_of(results: Sequence[CheckResult]) -> CheckHistory | None:
    """The history in a table of checks, drift after expectations; None where nothing was checked."""
    instants = sorted({result.created_at_us for result in results})[-MOST_UNITS:]
    kept = sorted(
        (result for result in results if instants and result.created_at_us >= instants[0]),
        key=lambda result: (result.drifting is not None, result.created_at_us),
    )
    lines: dict[tuple[str, str], list[CheckResult]] = {}
    for result in kept:
        lines.setdefault((result.expectation, result.check), []).append(result)
    if not lines:
        return None
    return CheckHistory(at=tuple(map(iso, instants)), lines=tuple(map(_line, lines.values())))


def _line(results: Sequence[CheckResult]) -> CheckLine:
    newest = results[-1]
    units = [
        CheckedUnit(at=iso(each.created_at_us), outcome=each.outcome, found=each.found, records=each.records)
        for each in results
    ]
    return CheckLine(
        expectation=newest.expectation,
        check=newest.check,
        severity=newest.severity,
        column=newest.drifting,
        expected=newest.expected,
        units=tuple(units),
    )
