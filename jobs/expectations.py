"""Expectations as Spark sees them: which rows fail, and what is found of all that a unit of work holds.

A null passes every check but `not_null`: there is no answer, so nothing fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from headrace.check_results import DRIFT, HELD, PASSED, RELEASED, UNKNOWN, WARNED, found_text
from headrace.holds import Failure
from headrace.pipeline import Source
from headrace.pipeline.expectations import (
    ROW_CHECKS,
    Between,
    Expectation,
    Fresh,
    Holds,
    Matches,
    NotNull,
    OneOf,
    Rejected,
    RowExpectation,
    Rows,
    Unique,
)

_ALL, _ACCEPTED, _EVENTS = "records", "accepted", "events"
_FOUND = "found "


@dataclass(frozen=True)
class Outcome:
    """What came of one check: `found` is a share, a number of records, seconds, or a measure of drift; None where it is
    unknown, and then nothing fails.
    """

    expectation: str
    check: str
    severity: str
    found: float | None
    expected: str
    passed: bool

    def failure(self) -> Failure:
        """The same, in the words of a hold."""
        measure = f"{self.check} " if self.expectation.startswith(f"{DRIFT}.") else ""
        return Failure(self.expectation, measure + found_text(self.check, self.found), self.expected)

    def word(self, *, released: bool) -> str:
        """The outcome as the table of checks has it; `released` lets through what would be held."""
        if self.found is None and self.passed:
            return UNKNOWN
        if self.passed:
            return PASSED
        if self.severity == "warn":
            return WARNED
        return RELEASED if released else HELD


def failing(expected: RowExpectation) -> Column:
    """Whether a row fails; never null."""
    return F.coalesce(~_condition(expected), F.lit(False))


def said_of(name: str, expected: RowExpectation) -> str:
    """What quarantine says of a row that fails."""
    what = f"not {expected.condition}" if isinstance(expected, Holds) else f"column '{expected.column}'"
    return f"expectation '{name}': {what}"


@dataclass(frozen=True)
class Measured:
    """What came of the expectations of a unit of work, and its number of records."""

    records: int
    outcomes: Sequence[Outcome]


def measure(judged: DataFrame, source: Source, rejected: Column) -> Measured:
    """Judged rows of a unit of work → what came of each expectation that warns or holds, in one pass over the rows.

    `rejected` says which of them are refused; rows that are not are the events. Where nothing is expected, no row is
    looked at, and none counted.
    """
    asked = {name: each for name, each in source.expect.items() if each.severity != "quarantine"}
    if not asked:
        return Measured(0, [])
    columns = [F.count(F.lit(1)).alias(_ALL), F.count_if(~rejected).alias(_ACCEPTED)]
    if any(isinstance(each, Unique) for each in asked.values()):
        columns.append(_distinct(source.event_id, rejected).alias(_EVENTS))
    columns += [_found(each, rejected).alias(_FOUND + name) for name, each in asked.items()]
    row = judged.agg(*columns).collect()[0].asDict()
    return Measured(row[_ALL], [_outcome(name, each, row) for name, each in asked.items()])


def _condition(expected: RowExpectation) -> Column:
    if isinstance(expected, Holds):
        return F.expr(expected.condition.sql)
    value = F.col(expected.column)
    if isinstance(expected, NotNull):
        return value.isNotNull()
    if isinstance(expected, OneOf):
        return value.isin(*expected.values)
    if isinstance(expected, Matches):
        return value.rlike(f"^(?:{expected.pattern})$")
    return _between(value, expected)


def _between(value: Column, expected: Between) -> Column:
    low = value >= F.lit(expected.low) if expected.low is not None else F.lit(True)
    return low & (value <= F.lit(expected.high)) if expected.high is not None else low


def _found(expected: Expectation, rejected: Column) -> Column:
    if isinstance(expected, ROW_CHECKS):
        return F.count_if(~rejected & failing(expected))
    if isinstance(expected, Unique):
        return _distinct(expected.columns, rejected)
    if isinstance(expected, Rejected):
        return F.count_if(rejected)
    if isinstance(expected, Fresh):
        newest = F.max(F.when(~rejected, F.unix_micros("event_at")))
        return F.max(F.unix_micros("arrived_at")) - newest
    return F.count(F.lit(1))


def _distinct(columns: tuple[str, ...], rejected: Column) -> Column:
    return F.count_distinct(F.when(~rejected, F.struct(*columns)))


def _outcome(name: str, expected: Expectation, row: Mapping[str, Any]) -> Outcome:
    found = row[_FOUND + name]
    if isinstance(expected, ROW_CHECKS):
        return _of_share(name, expected, row[_ACCEPTED] - found, row[_ACCEPTED], expected.at_least)
    if isinstance(expected, Unique):
        return _of_share(name, expected, found, row[_EVENTS], expected.at_least)
    if isinstance(expected, Rejected):
        share = found / row[_ALL] if row[_ALL] else None
        words = f"at most {expected.most:.4g} refused"
        return Outcome(name, expected.check, expected.severity, share, words, share is None or share <= expected.most)
    if isinstance(expected, Fresh):
        seconds = None if found is None else found / 1e6
        words = f"an event at most {expected.within_us / 1e6:g} s old"
        passed = found is None or found <= expected.within_us
        return Outcome(name, expected.check, expected.severity, seconds, words, passed)
    return _of_rows(name, expected, found)


def _of_share(name: str, expected: Any, good: int, of: int, at_least: float | None) -> Outcome:
    least = 1.0 if at_least is None else at_least
    share = good / of if of else None
    words = "all" if least == 1.0 else f"at least {least:.4g}"
    return Outcome(name, expected.check, expected.severity, share, words, share is None or share >= least)


def _of_rows(name: str, expected: Rows, found: int) -> Outcome:
    least, most = expected.least, expected.most
    bounds = [f"at least {least:,}"] if least is not None else []
    bounds += [f"at most {most:,}"] if most is not None else []
    passed = (least is None or found >= least) and (most is None or found <= most)
    return Outcome(name, expected.check, expected.severity, float(found), f"{' and '.join(bounds)} records", passed)
