"""Raw cut into units: every offset once, in order, one life of the topic after the other, none too large."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headrace.jobs.offset_units import Extent, count_offsets, units_of

KEYS = st.tuples(st.sampled_from(["topic-0", "topic-1", "topic-2"]), st.integers(0, 3))


@st.composite
def extents(draw):
    """Partitions with what they have, some of it done; the life of a topic is in its id."""
    found, done = {}, {}
    for key in draw(st.lists(KEYS, unique=True, max_size=6)):
        least = draw(st.integers(0, 20))
        found[key] = Extent(int(key[0][-1]), least, least + draw(st.integers(0, 30)))
        if draw(st.booleans()):
            done[key] = draw(st.integers(0, 60))
    return found, done


@given(extents(), st.integers(1, 25))
def test_every_offset_that_is_not_done_is_in_one_unit_and_no_unit_is_too_large(drawn, most):
    found, done = drawn
    wanted = {
        (key, offset)
        for key, extent in found.items()
        for offset in range(extent.least, extent.greatest + 1)
        if offset > done.get(key, -1)
    }
    at = {key: max(extent.least, done.get(key, -1) + 1) for key, extent in found.items()}
    placed, generations = [], []
    for last in units_of(found, done, most):
        unit = [(key, offset) for key, end in last.items() for offset in range(at[key], end + 1)]
        assert 1 <= len(unit) <= max(most, len(last))
        generations += [found[key].generation for key in last]
        placed += unit
        at |= {key: end + 1 for key, end in last.items()}
    assert sorted(placed) == sorted(wanted)
    assert generations == sorted(generations)
    everything = sum(extent.greatest - extent.least + 1 for extent in found.values())
    assert count_offsets(found, done) == (everything - len(wanted), everything)


def test_partitions_go_side_by_side_and_a_later_life_comes_after():
    found = {("old", 0): Extent(0, 5, 9), ("old", 1): Extent(0, 0, 1), ("new", 0): Extent(1, 0, 2)}
    assert list(units_of(found, {("old", 0): 5}, 4)) == [
        {("old", 0): 7, ("old", 1): 1},
        {("old", 0): 9},
        {("new", 0): 2},
    ]
