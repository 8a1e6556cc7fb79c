from __future__ import annotations

from pathlib import Path

import pytest

from headrace.errors import UsageError
from headrace.ingestion import LandingSettings
from headrace.ingestion.settings import Progress


def test_landers_of_one_lake_share_a_group_and_those_of_two_lakes_never_do():
    here, there = (LandingSettings(brokers="b:1", lake=Path(lake)) for lake in ("/lakes/a", "/lakes/b"))
    assert here.group == LandingSettings(brokers="c:2", lake=Path("/lakes/a")).group
    assert here.group != there.group
    assert LandingSettings(brokers="b:1", lake=Path("/lakes/a"), group="mine").group == "mine"


def test_a_patience_of_nothing_is_refused():
    with pytest.raises(UsageError, match="lock_wait_s must be greater than 0, found 0"):
        LandingSettings(brokers="b:1", lake=Path("/l"), lock_wait_s=0)


def test_progress_reads_as_a_line():
    assert str(Progress(rows=12_000, commits=3, remaining=5_000, seconds=2.0)) == (
        "landed 12,000 rows in 3 commits (6,000 rows/s, 5,000 to go)"
    )
    assert str(Progress(rows=0, commits=0, remaining=None, seconds=0.0)) == "landed 0 rows in 0 commits (0 rows/s)"
