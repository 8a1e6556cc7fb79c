"""What a poll gave, without the partitions that were taken away since."""

from __future__ import annotations

from headrace.ingestion.polled import Polled
from headrace.ingestion.positions import Lost

GONE, KEPT = ("t", 0), ("t", 1)


def test_a_poll_is_true_when_something_moved_or_cannot_be_read_on():
    assert not Polled()
    assert Polled(positions={KEPT: 3})  # a marker of a transaction moves it without a record
    assert Polled(astray=frozenset({KEPT}))
    assert Polled(unreadable=(Lost(KEPT, 3, None),))


def test_nothing_is_left_of_partitions_that_were_taken_away():
    def of(*places):
        return Polled(
            records={place: ["batch"] for place in places},
            positions=dict.fromkeys(places, 3),
            astray=frozenset(places),
            cuts=dict.fromkeys(places, 2),
            unreadable=tuple(Lost(place, 3, None) for place in places),
        )

    assert of(GONE, KEPT).without([GONE]) == of(KEPT)
    assert not of(GONE, KEPT).without([GONE, KEPT])
