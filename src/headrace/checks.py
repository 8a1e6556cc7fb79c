"""Reading what came of the checks of a source, without a JVM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headrace.pipeline import Source
from headrace.plans.row import instant

from .check_results import DRIFT, ENOUGH, FAILED, CheckResult, drift_name
from .holds import read_hold
from .lake import Query, open_table
from .tables import CREATED_AT, SourceTables

_NEWEST = """
    SELECT * FROM (
        SELECT *, row_number() OVER (PARTITION BY expectation, "check" ORDER BY _created_at DESC) AS age FROM checks
    ) WHERE age = 1 ORDER BY expectation, "check"
"""


@dataclass(frozen=True)
class SourceChecks:
    """The newest result of each check that a source declares, and whether something of it is held now."""

    results: tuple[CheckResult, ...]
    held: bool

    @property
    def failed(self) -> int:
        """How many of them do not hold."""
        return sum(result.outcome in FAILED for result in self.results)


def declared_checks(source: Source) -> set[tuple[str, str]]:
    """The checks that a source declares, as its table of checks names them."""
    expected = {(name, each.check) for name, each in source.expect.items() if each.severity != "quarantine"}
    drifting = {
        (drift_name(name), measure) for name, column in source.watched().items() for measure in column.thresholds
    }
    return expected | drifting | ({(DRIFT, ENOUGH)} if drifting else set())


def newest_checks(tables: SourceTables, source: Source) -> SourceChecks:
    """What came of each check of a source when it was last made; checks that it no longer declares are left out.

    Raises:
        ContractError: nothing was checked yet, or the table or the hold cannot be read.
    """
    query = Query({"checks": open_table(tables.checks, made_by="`headrace clean`")})
    declared = declared_checks(source)
    results = [_result(row) for row in query.rows(_NEWEST)]
    hold = read_hold(tables.hold)
    return SourceChecks(
        tuple(result for result in results if (result.expectation, result.check) in declared),
        held=hold is not None and not hold.released,
    )


def _result(row: dict[str, Any]) -> CheckResult:
    said = {name: value for name, value in row.items() if name not in (CREATED_AT, "age")}
    return CheckResult(created_at_us=instant(row[CREATED_AT]) or 0, **said)
