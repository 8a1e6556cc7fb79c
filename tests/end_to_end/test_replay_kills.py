"""Replays of the quarantine that are killed between their writes: every record lands once, and the audit balances."""

from __future__ import annotations

import pytest
from support.replay_kills import STEPS, kill_replays

pytestmark = pytest.mark.spark


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_replay_that_is_killed_between_its_writes_lands_every_record_once(tmp_path, run_here):
    account = kill_replays(tmp_path, steps=["after_clean"], seed=20130102, run=run_here)
    assert account.duplicates
    assert account.broken


@pytest.mark.prove
@pytest.mark.timeout(3_600)
def test_eight_kills_of_replays_land_every_record_once(tmp_path, run_here):
    account = kill_replays(tmp_path, steps=[*STEPS, *STEPS], seed=8, run=run_here)
    print(f"{len(account.clean)} clean, {len(account.duplicates)} duplicates, {len(account.broken)} still rejected")
