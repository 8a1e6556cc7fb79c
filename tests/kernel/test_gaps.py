from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.gaps import CUT, DELETED, Gap, gaps_from_property, gaps_to_property

GAPS = st.builds(
    Gap,
    topic_id=st.text(max_size=22),
    partition=st.integers(0, 9_999),
    first=st.integers(0, 2**63 - 1),
    end=st.integers(0, 2**63 - 1),
    reason=st.sampled_from([DELETED, CUT]),
    accepted_by=st.text(max_size=30),
    accepted_at=st.just("2026-01-02T03:04:05+00:00"),
)


@settings(deadline=None)
@given(st.lists(GAPS))
def test_gaps_come_back_from_the_property_as_they_were(gaps):
    assert gaps_from_property(gaps_to_property(gaps)) == tuple(gaps)


def test_a_table_without_the_property_has_no_gaps():
    assert gaps_from_property(None) == ()


def test_a_gap_is_told_with_its_offsets_and_who_accepted_it():
    gap = Gap("ID", 3, 10, 20, DELETED, "ann@host", "2026-01-02T03:04:05+00:00")
    assert str(gap) == "partition 3, offsets 10 to 19 (deleted; accepted by ann@host at 2026-01-02T03:04:05+00:00)"
