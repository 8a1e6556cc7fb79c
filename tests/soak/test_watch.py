"""Progress as a soak judges it: what counts as a standstill, and from when to when a blow is felt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from soak.plan import Kind
from soak.watch import PATIENCE_S, Resumed, Watch


def seen(*looks):
    """A watch that was told (seconds, landed position, end) of one partition, the end None where no broker answered."""
    watch = Watch()
    for now_s, landed, end in looks:
        watch.see(now_s, {0: landed}, None if end is None else {0: end})
    return watch


def test_a_partition_that_does_not_move_idles_from_the_first_look_at_what_there_is_to_land():
    assert seen((0, 5, 5), (10, 5, 6), (13, 5, 9), (14, 9, 9)).longest_idle_s == 3


def test_a_partition_that_moves_does_not_idle_however_far_behind_it_is():
    assert seen((0, 0, 100), (2, 1, 200), (4, 2, 300)).longest_idle_s == 0


def test_no_time_counts_while_no_broker_answers():
    assert seen((0, 5, 9), (2, 5, 9), (20, 5, None), (40, 5, 9), (41, 5, 9)).longest_idle_s == 2


def test_what_idles_now_is_over_once_it_moves_or_no_broker_answers():
    assert seen((0, 5, 9), (3, 5, 9)).idle_s == 3
    assert seen((0, 5, 9), (3, 5, 9), (4, 6, 9)).idle_s == 0
    assert seen((0, 5, 9), (3, 5, 9), (4, 5, None)).idle_s == 0


def test_a_standstill_of_more_than_thirty_seconds_is_kept_with_its_position():
    assert seen((0, 5, 9), (30, 5, 9)).stuck == {}
    assert seen((0, 5, 9), (31, 5, 9), (40, 5, 9), (41, 6, 9)).stuck == {(0, 5): 40}


def struck(*looks, at_s=10.0):
    """What was resumed by a watch of two partitions: (seconds, landed positions, ends) after a kill at `at_s`."""
    watch = Watch()
    watch.hit(Kind.KILL, at_s)
    for now_s, landed, ends in looks:
        watch.see(now_s, dict(enumerate(landed)), dict(enumerate(ends)))
    assert (watch.blow is None) == bool(watch.resumed)
    return [each.seconds for each in watch.resumed]


def test_landing_has_resumed_when_the_last_partition_has_moved():
    assert struck((10.2, (5, 5), (9, 9)), (11, (6, 5), (9, 9)), (18, (7, 6), (9, 9))) == [8]


def test_a_look_from_before_the_blow_says_nothing():
    assert struck((9.9, (5, 5), (9, 9)), (10.2, (6, 6), (9, 9)), (12, (6, 7), (9, 9)), (13, (7, 7), (9, 9))) == [3]


def test_where_all_was_landed_the_time_begins_with_the_next_record():
    looks = (10.2, (9, 5), (9, 9)), (11, (9, 6), (9, 9)), (15, (9, 7), (12, 9)), (16, (12, 8), (12, 9))
    assert struck(*looks) == [1]


def test_a_blow_of_which_nobody_recovers_ends_with_the_patience():
    assert struck((10.2, (5, 5), (9, 9)), (10.5 + PATIENCE_S, (9, 5), (9, 9))) == [PATIENCE_S + 0.5]


def test_a_blow_is_over_for_the_next_one():
    watch = Watch()
    for at_s, kind in ((0.0, Kind.KILL), (10.0, Kind.STALL)):
        watch.hit(kind, at_s)
        watch.see(at_s, {0: 5}, {0: 9})
        assert watch.see(at_s + 2, {0: 6}, {0: 9}) == Resumed(kind, 2)
    assert watch.blow is None


@given(st.lists(st.tuples(st.floats(0.1, 20), st.integers(0, 3), st.integers(0, 3), st.booleans()), max_size=40))
def test_the_longest_standstill_is_that_of_a_look_at_every_pair_of_instants(moves):
    looks, now_s, landed, end = [], 0.0, 0, 0
    for passed_s, more_landed, more, answers in moves:
        now_s, end = now_s + passed_s, end + more
        landed = min(end, landed + more_landed)
        looks.append((now_s, landed, end if answers else None))

    def stands(first, last):
        part = looks[first : last + 1]
        return all(end is not None and end > landed for _, landed, end in part) and len({look[1] for look in part}) == 1

    pairs = [(first, last) for last in range(len(looks)) for first in range(last + 1) if stands(first, last)]
    naive_s = max((looks[last][0] - looks[first][0] for first, last in pairs), default=0.0)
    assert seen(*looks).longest_idle_s == pytest.approx(naive_s)
