"""The checks of a source as a profile has them, in words and on the page."""

from __future__ import annotations

import re
from typing import Any

import pytest

from headrace.check_results import CheckResult, drift_name
from headrace.profile.check_history import MOST_UNITS, history_of
from headrace.profile.check_section import check_section
from headrace.profile.findings import find
from headrace.profile.report import Profile, Subject

FEW, PSI, NULLS = ("few", "between"), (drift_name("amount"), "psi"), (drift_name("gift"), "nulls")


def results(unit: int, outcomes: dict[tuple[str, str], str], found: float | None = 0.25) -> list[CheckResult]:
    """One unit of work, a minute after the one before it."""
    return [
        CheckResult(unit * 60_000_000, *place, "warn", outcome, found, f"plan {unit}", 10 + unit, f"run/{unit}")
        for place, outcome in outcomes.items()
    ]


def profile(found: list[CheckResult], **said: Any) -> Profile:
    subject = Subject(table="shop/clean/orders/x-1", version=0, since=None, until=None, label=None)
    return Profile(subject=subject, rows=5, passes=1, seconds=0.0, columns=(), checks=history_of(found), **said)


def test_each_check_is_a_line_with_its_units_in_order_and_drift_comes_after_expectations():
    later, sooner = results(2, {PSI: "warned", FEW: "passed"}), results(1, {PSI: "passed", FEW: "held"})
    history = history_of([*later, *sooner])
    assert history.at == ("1970-01-01T00:01:00Z", "1970-01-01T00:02:00Z")
    assert [(line.expectation, line.check, line.column) for line in history.lines] == [(*FEW, None), (*PSI, "amount")]
    few, psi = history.lines
    assert [(unit.outcome, unit.records) for unit in few.units] == [("held", 11), ("passed", 12)]
    assert (few.expected, few.failed, psi.failed, psi.last.outcome) == ("plan 2", 1, 1, "warned")


def test_without_a_result_there_is_no_history_and_no_section():
    assert history_of([]) is None
    assert check_section(profile([])) is None


def test_only_the_newest_units_are_kept():
    history = history_of([each for unit in range(MOST_UNITS + 7) for each in results(unit, {FEW: "passed"})])
    assert len(history.at) == len(history.lines[0].units) == MOST_UNITS
    assert history.lines[0].units[0].records == 17


def test_a_check_that_does_not_hold_is_a_finding_and_one_that_was_let_through_is_not():
    units = [*results(1, {FEW: "held", PSI: "warned", NULLS: "held"}), *results(2, {FEW: "released", PSI: "warned"})]
    found = [finding for finding in find(profile(units)) if finding.kind in ("drift", "expectation")]
    assert [finding.text for finding in found] == [
        "the drift of gift: nulls +0.25, expected plan 1; held on 1970-01-01 00:01.",
        "the drift of amount: psi 0.25, expected plan 2; warned on 1970-01-01 00:02. "
        "It did not hold in 2 of 2 units of work.",
    ]
    assert [finding.columns for finding in found] == [("gift",), ("amount",)]


@pytest.fixture(scope="module")
def section() -> str:
    hostile = {("few", "between"): "passed", (drift_name("<b>amount"), "psi"): "warned", NULLS: "unknown"}
    units = [*results(1, hostile), *results(2, {("drift", "events"): "unknown"}, None)]
    return check_section(profile(units))


def test_the_section_has_a_mark_for_each_outcome_that_says_what_it_was(section):
    labels = set(re.findall(r'aria-label="([^"]*records: [^"]*)"', section))
    assert labels == {
        "few between, 1970-01-01 00:01, 11 records: passed, found 0.25",
        "drift.&lt;b&gt;amount psi, 1970-01-01 00:01, 11 records: warned, found 0.25",
        "drift.gift nulls, 1970-01-01 00:01, 11 records: unknown, found +0.25",
        "drift events, 1970-01-01 00:02, 12 records: unknown, found nothing",
    }


def test_drift_is_a_table_by_column_and_measure_and_what_failed_stands_out(section):
    assert re.findall(r"<h3>([^<]*)", section) == ["Checks in time", "Last outcomes", "Drift by column"]
    table = section[section.index("Drift by column") :]
    assert re.findall(r"<th>([^<]*)", table) == ["column", "psi", "nulls"]
    assert '<td>&lt;b&gt;amount</td><td title="plan 1" class="far">0.25</td><td></td>' in table
    assert '<td>gift</td><td></td><td title="plan 1">+0.25</td>' in table
