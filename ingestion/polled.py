"""What one poll of the brokers gave."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .positions import Lost, Place

V = TypeVar("V")


@dataclass(frozen=True)
class Polled:
    """What one poll gave: records by partition, the positions after them, and partitions that cannot be read on.

    Records are Arrow record batches (`RECORD_SCHEMA`) in offset order. Partitions are `astray` whose position the
    broker does not have, `unreadable` where it has something there that cannot be read; `cuts` has those astray whose
    log the broker cut behind what was read, and where, if the broker knows it.
    """

    records: Mapping[Place, Sequence[Any]] = field(default_factory=dict)
    positions: Mapping[Place, int] = field(default_factory=dict)
    astray: frozenset[Place] = frozenset()
    cuts: Mapping[Place, int | None] = field(default_factory=dict)
    unreadable: tuple[Lost, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.positions or self.astray or self.unreadable)

    def without(self, places: Collection[Place]) -> Polled:
        """The same, but for these partitions."""
        return Polled(
            _outside(places, self.records),
            _outside(places, self.positions),
            self.astray - frozenset(places),
            _outside(places, self.cuts),
            tuple(lost for lost in self.unreadable if lost.place not in places),
        )


def _outside(places: Collection[Place], of: Mapping[Place, V]) -> dict[Place, V]:
    return {place: value for place, value in of.items() if place not in places}
