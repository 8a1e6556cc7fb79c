"""The instants of the demo: what it builds until, where it splits, and when it asks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from headrace.cli.demo_model import Calendar


def day(month: int, number: int, year: int = 2013) -> datetime:
    return datetime(year, month, number, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "until", "split_at", "test_until"),
    [
        (10, day(1, 12), day(1, 9), day(1, 11)),
        (31, day(2, 2), day(1, 25), day(2, 1)),  # seven of 31 days are the last fifth
        (364, day(1, 1, 2014), day(10, 19), day(12, 30)),
        (365, day(1, 2, 2014), None, day(12, 30)),  # as the pipeline file says; the weather feed ends on December 30
    ],
)
def test_the_last_fifth_of_the_days_is_for_the_test_and_the_year_is_split_as_the_file_says(
    days, until, split_at, test_until
):
    found = Calendar(days)
    assert (found.until, found.split_at, found.test_until) == (until, split_at, test_until)
