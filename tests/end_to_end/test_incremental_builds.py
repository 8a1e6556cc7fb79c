"""Many small builds, some of them killed, make the table that one large build makes."""

from __future__ import annotations

import random
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from support.cleaning_process import run_job
from support.event_lake import EventLake, Key
from support.feature_oracle import Event, inside

from headrace.pipeline.times import iso

pytestmark = pytest.mark.spark

S = 1_000_000
STEP_US = 60 * S  # between builds
HOP_US = 60 * S
WINDOWS_US = {"10m": 600 * S}
GROUPS = {
    "recent": {
        "aggregate": {"events": {"count": "events"}, "x": ["sum", "mean", "last"], "n": ["max"]},
        "windows": list(WINDOWS_US),
        "hop": "1m",
    },
    "last": {"latest": ["x", "n", "flag"], "carry": {"x": "3m"}},
}
BASE_US = 1_357_035_300 * S
COMMITS = {"locked": 0, "computed": 0, "after_commit": 1}  # of a build that is killed at this step
KEYS, ORDERLY = 10, 5  # keys from the second number on never have late events
LATE_FROM = 4  # the first build that meets late events
REPLAYED_AT = 7  # the build that meets rows which were rejected at first
EVENTS = 25  # between two builds

Events = list[tuple[Key, Event]]


class Feed:
    """Draws events in order of arrival; of keys that are not orderly, one in five is late once late events begin."""

    def __init__(self, seed: int) -> None:
        self._draw, self._offset = random.Random(seed), 100

    def arriving(self, build: int) -> Events:
        """The events that arrive before build `build` and after the one before it."""
        after_us = BASE_US + build * STEP_US
        found = [self._next(self._draw.randint(after_us + 1, after_us + STEP_US), build) for _ in range(EVENTS)]
        return found + (self._replayed() if build == REPLAYED_AT else [])

    def _next(self, arrived_us: int, build: int) -> tuple[Key, Event]:
        draw, key, self._offset = self._draw, self._draw.randrange(KEYS), self._offset + 1
        is_late = build >= LATE_FROM and key < ORDERLY and draw.randrange(5) == 0
        at_us = max(arrived_us - draw.randrange(12 * STEP_US), BASE_US) if is_late else arrived_us
        return ("key", key), Event(at_us, arrived_us, (0, 0, self._offset), self._values())

    def _replayed(self) -> Events:
        """Rows that were rejected when they arrived: old instants, arrivals and places, in a new clean version."""
        early = [(key, BASE_US + key * STEP_US) for key in range(ORDERLY)]
        return [(("key", key), Event(at_us, at_us, (0, 0, key), self._values())) for key, at_us in early]

    def _values(self) -> dict[str, Any]:
        draw = self._draw
        return {
            "x": draw.choice([None, round(draw.uniform(-9, 9), 2)]),
            "n": draw.choice([None, draw.randrange(9)]),
            "flag": draw.choice([None, True, False]),
        }


def kill_a_build(lake: EventLake, step: str, until_us: int, log: Path) -> None:
    """A build of `recent` by a process that dies at `step`, having committed what it says and nothing else."""
    table = lake.tables("recent").features
    before = DeltaTable(table).version()
    options = [f"--pipeline={lake.write_file()}", f"--lake={lake.folder}", f"--until={iso(until_us)}", "--group=recent"]
    exit_code = run_job("support.killed_build", [step, *options], log=log)
    assert exit_code == -signal.SIGKILL, f"ended with {exit_code} and not at {step}: {log.read_text()}"
    assert DeltaTable(table).version() - before == COMMITS[step]


def build_in_steps(spark: Any, lake: EventLake, seed: int, builds: int, kills: Mapping[int, str], log: Path) -> Events:
    """Builds `recent` every minute and `last` every fifth one; gives the events that both have seen."""
    feed, everything = Feed(seed), Events()
    for number in range(builds):
        until_us = BASE_US + (number + 1) * STEP_US
        events = feed.arriving(number)
        lake.clean(events)
        everything += events
        if number in kills:
            kill_a_build(lake, kills[number], until_us, log)
        built = lake.build(spark, "recent", until_us)
        assert (built.rows == 0) == (kills.get(number) == "after_commit"), built
        if number % 5 == 4:
            lake.build(spark, "last", until_us)
    return everything


def check_equal(many: EventLake, one: EventLake, group: str, everything: Events) -> None:
    """Tables are equal when the rows that hold are: floats nearly, all else exactly."""
    ours, theirs = many.newest(group), one.newest(group)
    assert {key: set(rows) for key, rows in ours.items()} == {key: set(rows) for key, rows in theirs.items()}
    for key, rows in theirs.items():
        events = [event for of_key, event in everything if of_key == key]
        for at_us, row in rows.items():
            for name, value in row.items():
                found = ours[key][at_us][name]
                near = pytest.approx(value, rel=0, abs=tolerance(name, events, at_us))
                assert name == "_created_at" or found == near, (key, at_us, name)


def tolerance(name: str, events: list[Event], at_us: int) -> float:
    """How far two folds of the same doubles may lie apart."""
    column, _, rest = name.partition("_")
    aggregation, _, window = rest.partition("_")
    if column != "x" or aggregation not in ("sum", "mean"):
        return 0.0
    sizes = [abs(event.values["x"] or 0.0) for event in inside(events, at_us, WINDOWS_US[window], HOP_US)]
    return 1e-9 * (sum(sizes) if aggregation == "sum" else max(sizes, default=0.0))


def rows_a_change_point(lake: EventLake, keys: range) -> float:
    """How many rows were written for each distinct (key, event_at) of these keys."""
    points = [(row["branch"], row["event_at"]) for row in lake.rows("recent") if row["branch"] in keys]
    return len(points) / len(set(points))


def prove(spark: Any, folder: Path, seed: int, builds: int, kills: Mapping[int, str]) -> None:
    """Steps against one build, and the figures of both kinds of keys."""
    many, one = (EventLake(folder / name, **GROUPS) for name in ("many", "one"))
    everything = build_in_steps(spark, many, seed, builds, kills, folder / "builds.log")
    one.clean(everything)
    for group in GROUPS:
        one.build(spark, group, BASE_US + builds * STEP_US)
        check_equal(many, one, group, everything)
    in_order, late = (rows_a_change_point(many, keys) for keys in (range(ORDERLY, KEYS), range(ORDERLY)))
    print(f"seed {seed}: {builds} builds, {len(kills)} kills, {len(everything):,} events; rows per change point")
    print(f"{in_order:.3f} for keys in order, {late:.3f} for keys of which a fifth of the events is late")
    assert in_order <= 1.2
    assert rows_a_change_point(one, range(KEYS)) == 1.0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_builds_of_which_two_were_killed_make_the_table_of_one_build(spark, tmp_path):
    prove(spark, tmp_path, seed=10, builds=10, kills={5: "computed", 8: "after_commit"})


@pytest.mark.prove
@pytest.mark.timeout(1_800)
def test_thirty_builds_of_which_three_were_killed_make_the_table_of_one_build(spark, tmp_path):
    prove(spark, tmp_path, seed=30, builds=30, kills={8: "locked", 15: "computed", 23: "after_commit"})


@pytest.mark.prove
@pytest.mark.timeout(3_600)
def test_a_hundred_builds_of_which_nine_were_killed_make_the_table_of_one_build(spark, tmp_path):
    kills = dict(zip(range(10, 100, 10), 3 * list(COMMITS), strict=True))
    prove(spark, tmp_path, seed=100, builds=100, kills=kills)
