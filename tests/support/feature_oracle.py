"""What features are, by plain loops over the events of one key: no code of the project, no cleverness.

A window `w` with hop `h` holds at `t` the events with `floor_h(t - w) <= ts < t`. A latest value at `t` is that of the
newest event with `ts <= t`. Of events at one instant the order is that of their places.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LONGS = range(-(2**63), 2**63)
TINY = 1e-150  # squares of less are no doubles


@dataclass(frozen=True)
class Event:
    """One event of a key, in microseconds since 1970; `place` is (generation, partition, offset).

    `build` is the number of the first build that can see it, from 0.
    """

    at_us: int
    arrived_us: int
    place: tuple[int, int, int]
    values: Mapping[str, Any]
    build: int = 0


@dataclass(frozen=True)
class Near:
    """A float that may be off by `within`."""

    value: float
    within: float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, float) and abs(other - self.value) <= self.within


def floor(us: int, hop_us: int) -> int:
    """The greatest multiple of the hop that is not after `us`, before 1970 too."""
    return us // hop_us * hop_us


def change_points(events: Sequence[Event], windows_us: Sequence[int], hop_us: int, until_us: int) -> set[int]:
    """The instants at which something enters or leaves a window, as far as they have come."""
    points = set()
    for event in events:
        points.add(event.at_us + 1)
        for window_us in windows_us:
            points.add(floor(event.at_us, hop_us) + hop_us + window_us)
    return {point for point in points if point <= until_us}


def inside(events: Sequence[Event], t_us: int, window_us: int, hop_us: int) -> list[Event]:
    """The events that the window holds at `t_us`, in order."""
    found = [event for event in events if floor(t_us - window_us, hop_us) <= event.at_us < t_us]
    return sorted(found, key=lambda event: (event.at_us, event.place))


def folded(aggregation: str, held: Sequence[Event], column: str) -> Any:
    """An aggregation of a column over the events of a window, of which nulls are no part."""
    values = [event.values[column] for event in held if event.values[column] is not None]
    if aggregation == "count":
        return len(values)
    if not values:
        return None
    if aggregation == "sum" and not isinstance(values[0], float):
        return sum(values) if sum(values) in LONGS else None
    if aggregation == "sum":
        return Near(math.fsum(values), 1e-9 * math.fsum(map(abs, values)))
    if aggregation == "mean":
        return Near(float(statistics.mean(map(exact, values))), 1e-9 * max(map(abs, values)))
    if aggregation == "stddev":
        return None if len(values) < 2 else Near(spread(values), 1e-6 * max(map(abs, values)) + TINY)
    return {"min": min, "max": max, "first": lambda found: found[0], "last": lambda found: found[-1]}[aggregation](
        values
    )


def exact(value: float) -> Any:
    """A fraction, so that a mean loses nothing."""
    return statistics.Fraction(value)


def spread(values: Sequence[float]) -> float:
    """The sample standard deviation, rounded once."""
    return float(statistics.stdev(map(exact, values)))


def known_us(events: Sequence[Event], t_us: int, longest_us: int, hop_us: int) -> int:
    """When a row at `t_us` was known: the greatest of it and the arrivals of what is in its longest window."""
    return max([t_us, *[event.arrived_us for event in inside(events, t_us, longest_us, hop_us)]])


def latest(events: Sequence[Event], t_us: int, columns: Sequence[str], carry_us: Mapping[str, int]) -> Any:
    """The row of latest values at `t_us` with its `known_us`; None where the key was not seen by then."""
    seen = sorted((event for event in events if event.at_us <= t_us), key=lambda event: (event.at_us, event.place))
    if not seen:
        return None
    newest, row, arrivals = seen[-1], {}, [seen[-1].at_us, seen[-1].arrived_us]
    for column in columns:
        row[column] = newest.values[column]
        if column not in carry_us:
            continue
        known = [event for event in seen if event.values[column] is not None]
        row[f"{column}_carried"] = False
        if row[column] is None and known and newest.at_us - known[-1].at_us <= carry_us[column]:
            row |= {column: known[-1].values[column], f"{column}_carried": True}
            arrivals.append(known[-1].arrived_us)
    return row | {"known_at": max(arrivals)}
