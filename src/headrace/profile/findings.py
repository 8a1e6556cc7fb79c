"""What is worth knowing of a profiled table, in words, the weightiest first.

Every finding is a function of the profile alone: the same profile says the same, wherever it is read.
"""

from __future__ import annotations

from .check_findings import check_findings
from .missing_findings import missing_findings
from .pair_findings import pair_findings
from .report import Finding, Profile
from .time_findings import time_findings
from .value_findings import value_findings


def find(profile: Profile) -> list[Finding]:
    """All findings of a profile; those of equal weight stay in the order of the columns."""
    if not profile.rows:
        return [Finding(kind="empty", columns=(), text="The table has no row in what was asked for.", weight=1)]
    found = [
        *check_findings(profile),
        *missing_findings(profile),
        *value_findings(profile),
        *pair_findings(profile),
        *time_findings(profile),
    ]
    return sorted(found, key=lambda finding: -finding.weight)
