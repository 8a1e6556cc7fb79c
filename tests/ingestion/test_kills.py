"""Two landers of one group, killed at named points while the topic is written to: nothing lost, nothing doubled."""

from __future__ import annotations

import pytest
from support.lander_kills import kill_landers


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_five_kills_at_five_points_lose_nothing_and_double_nothing(broker, tmp_path):
    report = kill_landers(broker, tmp_path, kills=5, seed=20130101)
    assert report.kills == {
        "after_poll": 1,
        "after_data_file": 1,
        "before_log_entry": 1,
        "after_log_entry": 1,
        "before_kafka_commit": 1,
    }
    assert report.verdict.comparison.records > 1_000
    assert report.verdict.is_clean, report


@pytest.mark.prove
@pytest.mark.timeout(1_200)
def test_thirty_six_kills_at_nine_points_lose_nothing_and_double_nothing(broker, tmp_path):
    report = kill_landers(broker, tmp_path, kills=36, seed=7, report=print)
    assert report.kills.total() == 36
    assert len(report.kills) == 9
    assert report.verdict.is_clean, report
    print(report)
