"""Findings on the checks of a source: what did not hold when it was last looked at."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check_results import FAILED, HELD, found_text

from .check_history import CheckLine
from .report import Finding, Profile
from .words import counted

WEIGHT_HELD, WEIGHT_WARNED = 0.95, 0.85


def check_findings(profile: Profile) -> Iterator[Finding]:
    """All findings of this file."""
    for line in profile.checks.lines if profile.checks is not None else ():
        if line.last.outcome in FAILED:
            yield _finding(line)


def _finding(line: CheckLine) -> Finding:
    last = line.last
    what = f"the drift of {line.column}" if line.column is not None else line.expectation
    found = f"{line.check} {found_text(line.check, last.found)}"
    often = (
        f" It did not hold in {line.failed:,} of {counted(len(line.units), 'unit')} of work." if line.failed > 1 else ""
    )
    return Finding(
        kind="drift" if line.column is not None else "expectation",
        columns=() if line.column is None else (line.column,),
        text=f"{what}: {found}, expected {line.expected}; {last.outcome} on {last.at[:16].replace('T', ' ')}.{often}",
        weight=WEIGHT_HELD if last.outcome == HELD else WEIGHT_WARNED,
    )
