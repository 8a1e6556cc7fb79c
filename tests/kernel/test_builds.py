"""What a build leaves in its commit, and that the newest one is found again."""

from __future__ import annotations

from headrace.builds import Build

FIRST = Build(until_us=1_000, clean_version=3, clean_created_at_us=900)
SECOND = Build(until_us=2_000, clean_version=5, clean_created_at_us=1_900)


def test_the_newest_build_is_the_first_commit_that_carries_one():
    commits = [None, "not json", '{"headrace": {"clean": 3}}', SECOND.to_metadata(), FIRST.to_metadata()]
    assert Build.newest(commits) == SECOND


def test_a_table_without_a_build_has_none():
    assert Build.newest([None, "{}", '{"other": 1}']) is None
