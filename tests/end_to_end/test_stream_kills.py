"""Streams killed at named points, between their writes too: what the restart makes is what no kill would have made."""

from __future__ import annotations

import shutil
from collections import Counter

import pytest
from support.clean_shop import orders_tables
from support.cleaning_process import run_job
from support.equal_tables import unequal
from support.stream_kills import BROKEN, COMMITS_A_ROUND, CONFLICTING, EXACT, NEW, TO_THE_END, kill_streams

pytestmark = pytest.mark.spark


def check(report, folder, run_calmly):
    """The books of a report against the literal prediction, and its tables against those of a calm run."""
    books, commits = report.books, report.commits
    assert (books.raw, books.clean, books.duplicates, books.quarantine) == (
        commits * (NEW + EXACT + CONFLICTING + BROKEN),
        commits * NEW,
        commits * (EXACT + CONFLICTING),
        commits * BROKEN,
    ), report
    calm = folder / "calm"
    shutil.copytree(folder / "lake" / "raw", calm / "raw")
    assert run_calmly([f"--pipeline={folder / 'shop.yaml'}", f"--lake={calm}"]) == 0
    assert unequal(orders_tables(folder / "lake"), orders_tables(calm)) == {}, report
    print(report)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_kill_of_the_stream_between_its_writes_loses_nothing_and_doubles_nothing(tmp_path, run_here):
    report = kill_streams(tmp_path, kills=1, seed=20130101, finish=lambda options: run_here("clean_stream", options))
    assert (report.kills, report.commits) == (Counter(after_quarantine=1), COMMITS_A_ROUND)
    check(report, tmp_path, lambda options: run_here("clean_batch", options))


@pytest.mark.prove
@pytest.mark.timeout(3_600)
def test_ten_kills_of_the_stream_lose_nothing_and_double_nothing(tmp_path):
    def finish(options):
        return run_job("headrace.jobs.clean_stream", options, log=tmp_path / "streams.log", timeout_s=900)

    report = kill_streams(tmp_path, kills=10, seed=7, finish=finish)
    assert report.kills == Counter(after_quarantine=3, after_duplicates=3, after_clean=2, judged=2)
    check(report, tmp_path, lambda options: finish([*options, *TO_THE_END]))
