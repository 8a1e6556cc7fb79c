"""What a soak sees of a table whose log shows a hole for a moment, as a folder does that is listed while it grows."""

from __future__ import annotations

import pytest
from deltalake.exceptions import DeltaError
from soak.positions import BLIND_LOOKS, Positions
from support.growing_table import PARTITIONS, Growing


class Blinking:
    """A table of which so many looks in a row see a hole."""

    def __init__(self, table, looks):
        self._table, self.looks = table, looks

    def update_incremental(self):
        self.looks -= 1
        if self.looks >= 0:
            raise DeltaError("Expected contiguous commit files, but found gap")
        self._table.update_incremental()

    def __getattr__(self, name):
        return getattr(self._table, name)


@pytest.fixture
def watched(tmp_path, monkeypatch):
    """A table of two commits, and the positions of it that were seen."""
    monkeypatch.setattr("soak.positions.KafkaConsumer", lambda **settings: None)
    table = Growing(tmp_path)
    table.grow_to(2)
    positions = Positions("", tmp_path, "t", PARTITIONS)
    assert positions.landed() == table.ends
    table.grow_to(4)
    return table, positions


def test_a_hole_that_is_seen_for_a_moment_leaves_the_positions_of_the_last_look(watched):
    table, positions = watched
    before = {partition: int(partition < 2) for partition in range(PARTITIONS)}
    positions._table = Blinking(positions._table, BLIND_LOOKS - 1)
    assert [positions.landed() for _ in range(BLIND_LOOKS - 1)] == [before] * (BLIND_LOOKS - 1)
    assert positions.landed() == table.ends
    positions._table.looks = BLIND_LOOKS - 1  # the count begins anew
    assert positions.commits() == 5


def test_a_hole_that_stays_is_a_fault(watched):
    _, positions = watched
    positions._table = Blinking(positions._table, BLIND_LOOKS)
    for _ in range(BLIND_LOOKS - 1):
        positions.landed()
    with pytest.raises(DeltaError, match="gap"):
        positions.landed()
