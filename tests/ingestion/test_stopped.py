"""Which partitions stop, wait and go on."""

from __future__ import annotations

from headrace.gaps import CUT, DELETED, Gap
from headrace.ingestion.positions import Bounds, Lost
from headrace.ingestion.stopped import LOOK_AGAIN_S, Stopped

PLACE = ("orders", 3)


def gap(first, end, reason=CUT):
    return Gap("ID", 3, first, end, reason, "ann@host", "2026-01-02T03:04:05+00:00")


def none():
    return ()


def test_a_partition_that_stops_is_looked_at_again_and_goes_on_when_the_records_are_back():
    stopped = Stopped(now_s=0.0)
    lost = stopped.judge(PLACE, 5, Bounds(10, 20), none)
    assert lost == Lost(PLACE, 5, Bounds(10, 20))
    stopped.stop(lost)
    assert stopped.due(LOOK_AGAIN_S / 2) == frozenset()
    assert stopped.due(LOOK_AGAIN_S) == {PLACE}
    assert stopped.judge(PLACE, 5, Bounds(0, 20), none) == 5
    assert (stopped.lost, stopped.held) == ({}, frozenset())


def test_it_is_told_once_however_often_it_is_looked_at(caplog):
    stopped = Stopped(now_s=0.0)
    for _ in range(3):
        stopped.stop(stopped.judge(PLACE, 5, Bounds(10, 20), none))
    assert caplog.text.count("This partition stops") == 1
    (record,) = caplog.records
    assert record.fields == {"topic": "orders", "partition": 3, "position": 5, "beginning": 10, "end": 20}


def test_a_log_that_was_cut_behind_the_landed_position_stops_although_it_has_grown_again():
    stopped = Stopped(now_s=0.0)
    stopped.note_cuts({PLACE: 7})
    assert stopped.judge(PLACE, 9, Bounds(0, 20), none) == Lost(PLACE, 9, None)
    assert stopped.judge(PLACE, 9, Bounds(0, 20), none) == Lost(PLACE, 9, None)


def test_a_log_that_was_cut_before_what_had_landed_only_is_read_on():
    stopped = Stopped(now_s=0.0)
    stopped.note_cuts({PLACE: 9})
    assert stopped.judge(PLACE, 9, Bounds(0, 20), none) == 9


def test_an_accepted_cut_waits_until_the_log_has_grown_up_to_the_position():
    stopped = Stopped(now_s=0.0)
    assert stopped.judge(PLACE, 9, Bounds(0, 7), lambda: [gap(7, 9)]) is None
    assert stopped.held == {PLACE}
    assert stopped.judge(PLACE, 9, Bounds(0, 8), lambda: [gap(7, 9)]) is None
    assert stopped.judge(PLACE, 9, Bounds(0, 12), lambda: [gap(7, 9)]) == 9
    assert stopped.held == frozenset()


def test_a_gap_that_was_accepted_for_another_position_or_for_deleted_records_accepts_no_cut():
    stopped = Stopped(now_s=0.0)
    others = [gap(5, 8), gap(7, 9, DELETED)]
    assert stopped.judge(PLACE, 9, Bounds(0, 7), lambda: others) == Lost(PLACE, 9, Bounds(0, 7))


def test_a_partition_that_is_no_longer_ours_is_not_looked_at_but_stays_lost():
    stopped = Stopped(now_s=0.0)
    stopped.stop(stopped.judge(PLACE, 5, Bounds(10, 20), none))
    stopped.forget([PLACE])
    assert stopped.due(1_000.0) == frozenset()
    assert list(stopped.lost) == [PLACE]
