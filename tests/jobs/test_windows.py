"""Windows against a loop: every change point, every value between them, and each build of several.

Two of the shapes are built in sessions with another time zone and another number of shuffle partitions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from support.drawn_events import drawn, histories, instants
from support.event_lake import EventLake, in_session
from support.feature_oracle import Event, change_points, floor, folded, inside, known_us

S = 1_000_000
EVERY = ("count", "sum", "mean", "min", "max", "stddev", "first", "last")
SOME_OF_DOUBLES = {"events": "events", "x": ("mean", "stddev", "last")}
ALL_OF_DOUBLES = {"events": "events", "x": EVERY}
ALL_OF_LONGS = {"events": "events", "n": EVERY, "flag": ("count", "mean", "first", "last")}
ALL_OTHERS = {
    "text": ("count", "min", "max", "first", "last"),
    "seen": ("min", "max", "first", "last"),
    "day": ("min", "max", "first", "last"),
    "flag": ("first", "last"),
}
KOLKATA = {"spark.sql.session.timeZone": "Asia/Kolkata", "spark.sql.shuffle.partitions": "5"}
ST_JOHNS = {"spark.sql.session.timeZone": "America/St_Johns", "spark.sql.shuffle.partitions": "1"}
NAMES = ("", "a", "é/1", "a b")


@dataclass(frozen=True)
class Shape:
    """A group, the instant from which its events lie, how often and in which session it is built, for how many keys."""

    aggregate: dict[str, Any]
    windows: tuple[str, ...]
    hop: str
    base_us: int
    builds: int
    keys: int
    seed: int
    session: Mapping[str, str] = field(default_factory=dict)

    @property
    def windows_us(self) -> dict[str, int]:
        units = {"s": S, "m": 60 * S, "h": 3_600 * S}
        return {window: int(window[:-1]) * units[window[-1]] for window in self.windows}

    @property
    def hop_us(self) -> int:
        return int(self.hop[:-1]) * S

    @property
    def longest_us(self) -> int:
        return max(self.windows_us.values())

    def cases(self) -> dict[tuple[str, int], list[Event]]:
        """By key, the events that Hypothesis drew for it."""
        at_us = instants(self.base_us, self.hop_us, 2 * self.longest_us)
        delays_us = [0, 1, -S, 3 * self.hop_us, self.longest_us]
        found = drawn(histories(at_us, delays_us, self.builds), self.keys, self.seed)
        return {(NAMES[number % len(NAMES)], number - 3): events for number, events in enumerate(found)}

    @property
    def until_us(self) -> list[int]:
        """The instants of the builds. Some events and many expiries come after the last."""
        middle = self.base_us + self.longest_us
        end = self.base_us + 2 * self.longest_us + self.hop_us
        return [middle, *[middle + self.hop_us + 1][: self.builds - 2], end]


SHAPES = {
    "several windows": Shape(SOME_OF_DOUBLES, ("2s", "6s", "10s"), "1s", 1_357_035_300 * S, 3, 120, seed=1),
    "a window as long as its hop": Shape(ALL_OF_LONGS, ("5s",), "5s", -12 * S, 3, 100, seed=2),
    "a hop far smaller than its windows": Shape(
        ALL_OF_DOUBLES, ("1m", "2h"), "4s", -2_208_988_800 * S, 2, 80, seed=3, session=KOLKATA
    ),
    "the first year": Shape(ALL_OTHERS, ("3s", "90s"), "3s", -62_135_596_600 * S, 2, 60, seed=4, session=ST_JOHNS),
}
each_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


@each_shape
def test_builds_with_late_events_give_what_a_loop_gives_after_each_of_them(spark, tmp_path, shape):
    cases, lake = shape.cases(), EventLake(tmp_path, w=group_of(shape))
    session = in_session(spark, shape.session)
    written = 0
    for number, until_us in enumerate(shape.until_us):
        new = [(key, event) for key, events in cases.items() for event in events if event.build == number]
        lake.clean([*new, *without_a_key(shape)] if number == 0 else new)
        lake.build(session, "w", until_us)
        seen = {key: [event for event in events if event.build <= number] for key, events in cases.items()}
        found = lake.newest("w")
        assert set(found) <= set(cases), "a null key has rows"
        for key, events in seen.items():
            judge(shape, key, events, until_us, found.get(key, {}))
        written = check_written(lake, shape, seen, number, written)


def judge(shape: Shape, key: Any, events: list[Event], until_us: int, rows: dict[int, dict[str, Any]]) -> None:
    """All rows of one key, and what is read from them at many instants."""
    said = f"seed {shape.seed}, key {key}, until {until_us}: {events}"
    points = change_points(events, list(shape.windows_us.values()), shape.hop_us, until_us)
    assert set(rows) == points, said
    for t_us in sorted({at for point in points | asked(shape, events) for at in (point - 1, point, point + 1)}):
        if t_us > until_us:
            continue
        at_us = max((point for point in points if point <= t_us), default=None)
        assert (at_us is not None) == any(event.at_us < t_us for event in events), said
        if at_us is not None:
            row, wanted = rows[at_us], expected(shape, events, t_us)
            assert wanted == {name: row[name] for name in wanted}, f"at {t_us}: {said}"
            assert rows[at_us]["known_at"] == known_us(events, at_us, shape.longest_us, shape.hop_us), said


def expected(shape: Shape, events: list[Event], t_us: int) -> dict[str, Any]:
    """Every feature at one instant, by the loop."""
    found = {}
    for window, window_us in shape.windows_us.items():
        held = inside(events, t_us, window_us, shape.hop_us)
        for column, wanted in shape.aggregate.items():
            if wanted == "events":
                found[f"{column}_count_{window}"] = len(held)
                continue
            for aggregation in wanted:
                found[f"{column}_{aggregation}_{window}"] = folded(aggregation, held, column)
    return found


def asked(shape: Shape, events: list[Event]) -> set[int]:
    """Instants beside those of change: the events' own, ends of hops, and some between."""
    return {
        at_us
        for event in events
        for at_us in (event.at_us, floor(event.at_us, shape.hop_us), event.at_us + shape.longest_us // 3)
    }


def check_written(lake: EventLake, shape: Shape, seen: dict[Any, list[Event]], number: int, before: int) -> int:
    """A build writes no instant twice; an earlier one again only where a late event is in the window, or made it."""
    rows = lake.rows("w")
    fresh = [(row["name"], row["branch"], row["event_at"]) for row in rows[before:]]
    assert len(fresh) == len(set(fresh))
    assert {row["_created_at"] for row in rows[:before]}.isdisjoint(row["_created_at"] for row in rows[before:])
    wanted = set()
    after_us = shape.until_us[number - 1] if number else None
    for key, events in seen.items():
        late = [event for event in events if event.build == number and after_us and event.at_us < after_us]
        own = change_points(late, list(shape.windows_us.values()), shape.hop_us, shape.until_us[number])
        for at_us in change_points(events, list(shape.windows_us.values()), shape.hop_us, shape.until_us[number]):
            touched = at_us in own or inside(late, at_us, shape.longest_us, shape.hop_us)
            if after_us is None or at_us > after_us or touched:
                wanted.add((*key, at_us))
    assert set(fresh) == wanted
    return len(rows)


def group_of(shape: Shape) -> dict[str, Any]:
    return {"aggregate": shape.aggregate, "windows": list(shape.windows), "hop": shape.hop}


def without_a_key(shape: Shape) -> list[Any]:
    """Events that take no part: a key of theirs is null."""
    values = dict.fromkeys(("x", "n", "flag", "text", "seen", "day"))
    event = Event(shape.base_us, shape.base_us, (0, 0, 99), values)
    return [((None, 1), event), (("a", None), event), ((None, None), event)]
