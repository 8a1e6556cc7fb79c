"""The end that a run with `--until-end` is to reach: the offsets that the topics held when it started."""

from __future__ import annotations

from collections.abc import Mapping

from .positions import Bounds, Place


class Target:
    """Reached when the position of every partition, whoever lands it, is at or behind the end that it had at the start.

    A lander leaves only then, so a partition of one that dies meanwhile still falls to the others of its group.
    """

    def __init__(self, bounds: Mapping[Place, Bounds]) -> None:
        self._bounds = dict(bounds)
        self.places = frozenset(bounds)

    def remaining(self, positions: Mapping[Place, int | None]) -> dict[Place, int]:
        """Offsets still to go, of the partitions that have some; a position that is None or absent is the beginning."""
        found = {place: positions.get(place) for place in self._bounds}
        gaps = {
            place: bounds.end - (bounds.beginning if (position := found[place]) is None else position)
            for place, bounds in self._bounds.items()
        }
        return {place: gap for place, gap in gaps.items() if gap > 0}
