from __future__ import annotations

import pytest

from headrace.errors import UsageError
from headrace.ingestion.flush import FlushPolicy, FlushReason


@pytest.mark.parametrize(
    ("rows", "size_bytes", "age_s", "expected"),
    [
        (0, 0, 99.0, None),  # nothing to commit, however long it has been nothing
        (1, 10, 0.9, None),
        (1, 10, 1.0, FlushReason.AGE),
        (9, 1_000, 0.0, FlushReason.BYTES),
        (9, 999, 0.0, None),
        (10, 0, 0.0, FlushReason.ROWS),
        (10, 1_000, 1.0, FlushReason.ROWS),
        (1, 1_000, 1.0, FlushReason.BYTES),
    ],
)
def test_a_buffer_is_committed_at_the_first_limit_it_reaches(rows, size_bytes, age_s, expected):
    policy = FlushPolicy(max_rows=10, max_bytes=1_000, max_age_s=1.0)
    assert policy.reason(rows=rows, size_bytes=size_bytes, age_s=age_s) is expected


@pytest.mark.parametrize("name", ["max_rows", "max_bytes", "max_age_s"])
def test_a_limit_that_could_never_be_reached_is_refused(name):
    with pytest.raises(UsageError, match=f"{name} must be greater than 0, found 0"):
        FlushPolicy(**{name: 0})
