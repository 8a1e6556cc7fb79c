"""Rebuilds killed as a machine that loses power is, beside a stream that runs: the tables of a fresh clean come out."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest
from support.clean_shop import orders_tables
from support.cleaning_process import events, run_job
from support.equal_tables import unequal
from support.shop import write_shop
from support.stream_kills import TO_THE_END, Feed, audit_orders

pytestmark = pytest.mark.spark

SEED = 20130103
UNITS = "--max-offsets=30"
KILLS = (("after_quarantine", 2), ("after_clean", 2), ("unit", 3), ("audited", 1))


@pytest.mark.prove
@pytest.mark.timeout(3_600)
def test_four_kills_of_a_rebuild_leave_the_tables_of_a_fresh_clean(tmp_path: Path):
    """Between the kills more is landed, and a stream of the present tables cleans it."""
    lake, log, feed = tmp_path / "lake", tmp_path / "jobs.log", Feed(tmp_path / "lake", SEED)
    options = [f"--pipeline={write_shop(tmp_path / 'shop.yaml')}", f"--lake={lake}"]
    for step, occurrence in KILLS:
        feed.land(2)
        assert run_job("headrace.jobs.clean_stream", [*options, *TO_THE_END], log=log) == 0, f"see {log}"
        words = [step, str(occurrence), *options, "--source=orders", UNITS]
        assert run_job("support.killed_rebuild", words, log=log) == -signal.SIGKILL, f"not killed at {step}: see {log}"
        assert orders_tables(lake).number == 1
        assert audit_orders(lake).faults == {}, f"seed {SEED}, after {step}"
    feed.land(1)
    last = ["--source=orders", UNITS, "--json-lines"]
    assert run_job("headrace.jobs.rebuild_source", [*options, *last], log=log) == 0, f"see {log}"
    assert orders_tables(lake).number == 2
    fresh = tmp_path / "fresh"
    shutil.copytree(lake / "raw", fresh / "raw")
    assert run_job("headrace.jobs.clean_batch", [options[0], f"--lake={fresh}"], log=log) == 0, f"see {log}"
    assert unequal(orders_tables(lake), orders_tables(fresh)) == {}
    assert audit_orders(lake).faults == {}
    print(f"seed {SEED}, {feed.commits} commits, {len(KILLS)} kills: {events(log, 'result')[-1]['rebuilt']}")
