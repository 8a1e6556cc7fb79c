from __future__ import annotations

import pytest

from headrace.errors import PositionLost
from headrace.ingestion.positions import Bounds, Lost, lost_error, resume

PLACE = ("flights", 3)


@pytest.mark.parametrize(
    ("position", "first"),
    [
        (None, 100),  # nothing landed: from the oldest record that there is
        (100, 100),
        (150, 150),
        (200, 200),  # all landed: wait for the next
    ],
)
def test_a_partition_begins_or_resumes_where_table_and_broker_agree(position, first):
    assert resume(PLACE, position, Bounds(100, 200)) == first


def test_a_position_below_the_first_record_is_lost_and_the_message_names_the_range():
    lost = resume(PLACE, 42, Bounds(100, 200))
    assert str(lost) == (
        "flights[3]: the table asks for offset 42 next, but the broker begins at 100: "
        "offsets 42 to 99 were deleted before they were landed"
    )


def test_a_position_behind_the_end_is_lost():
    lost = resume(PLACE, 201, Bounds(100, 200))
    assert str(lost) == (
        "flights[3]: the table asks for offset 201 next, but the broker ends at 200: "
        "its log was cut or restored from an older copy; "
        "offsets 200 to 200, which the table has, will be given to other records"
    )


def test_a_log_that_diverged_is_told_without_its_bounds():
    expected = "flights[3]: the table asks for offset 7 next, but the broker says that its log was cut before it"
    assert str(Lost(PLACE, 7, None)) == expected


def test_one_error_names_every_partition_that_stopped():
    error = lost_error([Lost(("a", 0), 1, Bounds(5, 9)), Lost(("b", 2), 7, Bounds(0, 6))])
    assert isinstance(error, PositionLost)
    assert error.exit_code == 3
    assert "a[0]" in str(error)
    assert "b[2]" in str(error)
    assert "Nothing was skipped" in str(error)
    assert "--accept-gap a:0 --accept-gap b:2" in str(error)
