"""Latest values against a loop: ties by place, nulls, and what is carried over them, in each build of several."""

from __future__ import annotations

import pytest
from support.drawn_events import drawn, histories, instants
from support.event_lake import EventLake, Key, in_session
from support.feature_oracle import Event, latest

S = 1_000_000
COLUMNS = ("x", "n", "flag", "text", "seen", "day")
CARRY_US = {"x": 10 * S, "text": 3 * S, "flag": S}
GROUP = {"latest": COLUMNS, "carry": {"x": "10s", "text": "3s", "flag": "1s"}}
BASE_US = -20 * S  # the events lie on both sides of 1970
UNTIL_US = (BASE_US + 15 * S, BASE_US + 16 * S + 1, BASE_US + 30 * S)
SEED, KEYS = 5, 150
KOLKATA = {"spark.sql.session.timeZone": "Asia/Kolkata", "spark.sql.shuffle.partitions": "5"}
NOTHING = dict.fromkeys(COLUMNS)


def draw_cases() -> dict[Key, list[Event]]:
    """By key, events whose ages are often a whole number of seconds, or beside it."""
    found = drawn(histories(instants(BASE_US, S, 32 * S), [0, 1, -S, 7 * S], builds=3), KEYS, SEED)
    return {("", number): events for number, events in enumerate(found)}


def test_three_builds_with_late_events_give_what_a_loop_gives_after_each_of_them(spark, tmp_path):
    cases, lake = draw_cases(), EventLake(tmp_path, last=GROUP)
    for number, until_us in enumerate(UNTIL_US):
        lake.clean((key, event) for key, events in cases.items() for event in events if event.build == number)
        lake.build(spark, "last", until_us)
        found, fresh = lake.newest("last"), [row for row in lake.rows("last") if row["event_at"] > until_us]
        assert fresh == [], "rows of the future"
        for key, events in cases.items():
            judge(key, [event for event in events if event.build <= number], until_us, found.get(key, {}))
    check_that_nothing_is_written_in_vain(lake, cases)


def judge(key, events, until_us, rows):
    """All rows of one key; between them nothing changes, so the newest one holds at every instant."""
    said = f"seed {SEED}, key {key}, until {until_us}: {events}"
    points = {event.at_us for event in events if event.at_us <= until_us}
    assert set(rows) == points, said
    for t_us in sorted({at_us for point in points for at_us in (point - 1, point, point + 1, point + 4 * S)}):
        at_us = max((point for point in points if point <= t_us), default=None)
        wanted = latest(events, t_us, COLUMNS, CARRY_US) if t_us <= until_us else None
        if wanted is not None:
            assert {name: rows[at_us][name] for name in wanted} == wanted, f"at {t_us}: {said}"


def check_that_nothing_is_written_in_vain(lake, cases):
    """Rows that an earlier build had written come again only for keys with late events, each once in a build."""
    builds = {}
    for row in lake.rows("last"):
        builds.setdefault(row["_created_at"], []).append((row["name"], row["branch"], row["event_at"]))
    late = {
        key
        for key, events in cases.items()
        for event in events
        if event.build and event.at_us <= UNTIL_US[event.build - 1]
    }
    earlier: set[tuple[object, ...]] = set()
    for written in builds.values():
        assert len(written) == len(set(written))
        assert {place[:2] for place in earlier.intersection(written)} <= late
        earlier.update(written)


def event(at_us: int, offset: int, build: int = 0, delay_us: int = 0, **values: object) -> Event:
    return Event(at_us, at_us + delay_us, (0, 0, offset), NOTHING | values, build)


FIRST = {
    "exactly": [event(0, 0, x=1.5), event(10 * S, 1)],
    "beyond": [event(0, 0, x=1.5), event(10 * S + 1, 1)],
    "the null came late": [event(0, 0, x=1.5)],
    "tie": [event(5, 2, n=2, delay_us=3), event(5, 1, x=1.0, n=1, delay_us=900)],
    "the loser came late": [event(0, 0, x=1.0), event(5, 9), event(7, 10)],
}
SECOND = {"the null came late": [event(10 * S, 1)], "the loser came late": [event(5, 1, x=2.0)]}


@pytest.fixture(scope="module")
def built(spark, tmp_path_factory):
    """By name of the key and instant: the rows after two builds until the same instant, the second with late events.

    The session has another time zone and number of shuffle partitions.
    """
    lake, session = EventLake(tmp_path_factory.mktemp("latest"), last=GROUP), in_session(spark, KOLKATA)
    for events in (FIRST, SECOND):
        lake.clean(((name, 1), found) for name, of_key in events.items() for found in of_key)
        lake.build(session, "last", 20 * S)
    return {name: rows for (name, _), rows in lake.newest("last").items()}


def test_a_value_is_carried_up_to_the_declared_age_and_not_a_microsecond_further(built):
    assert [built["exactly"][10 * S][name] for name in ("x", "x_carried")] == [1.5, True]
    assert [built["the null came late"][10 * S][name] for name in ("x", "x_carried")] == [1.5, True]
    assert [built["beyond"][10 * S + 1][name] for name in ("x", "x_carried")] == [None, False]
    assert list(built["exactly"]) == [0, 10 * S]  # no row where the carried value grows too old


def test_of_two_events_at_one_instant_the_last_by_place_is_the_row_and_the_other_one_is_the_last_known(built):
    (row,) = built["tie"].values()
    assert (row["n"], row["x"], row["x_carried"], row["known_at"]) == (2, 1.0, True, 905)


def test_a_late_event_that_is_not_the_last_of_its_instant_changes_what_is_carried(built):
    assert {at_us: row["x"] for at_us, row in built["the loser came late"].items()} == {0: 1.0, 5: 2.0, 7: 2.0}
