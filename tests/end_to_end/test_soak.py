"""A soak of a minute: what `make soak` does for an hour."""

from __future__ import annotations

import pytest
from soak.run import soak
from soak.world import Options


@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # kafka-python's, while the broker is away
def test_a_minute_of_kills_outages_and_changes_loses_nothing_and_doubles_nothing(tmp_path):
    options = Options(seconds=35, seed=58, events=14_000, session_timeout_s=4, max_age_s=0.3)
    report = soak(options, tmp_path / "soak", print)
    print("\n".join(report.lines()))
    assert report.faults == []
    assert report.kills == {"before_log_entry": 1, "in_revocation": 1}
    assert report.comparison.records > 8_000
    assert report.transactional.transactions["aborted"] > 5
