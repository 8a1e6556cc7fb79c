from __future__ import annotations

from headrace.ingestion.positions import Bounds
from headrace.ingestion.target import Target

TARGET = Target({("t", 0): Bounds(0, 10), ("t", 1): Bounds(5, 8), ("t", 2): Bounds(4, 4)})


def test_offsets_still_to_go_are_counted_from_the_beginning_where_nothing_was_landed():
    assert TARGET.remaining({}) == {("t", 0): 10, ("t", 1): 3}


def test_a_target_is_reached_when_every_position_is_at_or_behind_its_end():
    assert TARGET.remaining({("t", 0): 9, ("t", 1): 8}) == {("t", 0): 1}
    assert TARGET.remaining({("t", 0): 10, ("t", 1): 12, ("t", 2): None}) == {}


def test_partitions_that_came_later_do_not_count():
    assert TARGET.remaining({("t", 0): 10, ("t", 1): 8, ("t", 9): 0}) == {}
