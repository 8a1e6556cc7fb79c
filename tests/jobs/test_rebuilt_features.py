"""Features after their source was switched to another rebuild: built anew beside, never from the rows of both."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from support.event_lake import EventLake
from support.feature_oracle import Event

from headrace.errors import Superseded, UsageError
from headrace.features.group_rows import latest_build_of
from headrace.rebuilds import Standing, write_standing

HOUR_US = 3_600_000_000
DAY_US = 1_356_998_400_000_000  # 2013-01-01
GROUP = {"aggregate": {"events": {"count": "events"}, "x": ["sum"]}, "windows": ["1h"], "hop": "30m"}
KEY = ("EWR", 1)


class Death(Exception):
    """The end of a run at a step."""


def event(hour: float, offset: int, x: float) -> tuple[tuple[str, int], Event]:
    at_us = DAY_US + int(hour * HOUR_US)
    return KEY, Event(at_us, at_us + 1_000, (0, 0, offset), {"x": x})


FIRST = [event(1, 0, 1.0), event(2, 1, 1000.0), event(3, 2, 3.0)]  # the second is an outlier by another plan
AGAIN = [event(1, 0, 1.0), event(3, 2, 3.5)]
LATER = [event(4, 3, 4.0)]
UNTIL_US = DAY_US + 6 * HOUR_US


def switch(lake: EventLake, number: int) -> None:
    write_standing(lake.source.rebuilds, lake.source.definition, Standing(number))


def built_from_nothing(spark: SparkSession, folder: Path, until_us: int, *commits) -> dict:
    """The oracle: one build of these events in a lake of their own."""
    lake = EventLake(folder, sales=GROUP)
    for events in commits:
        lake.clean(events)
    lake.build(spark, "sales", until_us)
    return comparable(lake)


def comparable(lake: EventLake) -> dict:
    return {
        key: {at: {name: value for name, value in row.items() if name != "_created_at"} for at, row in rows.items()}
        for key, rows in lake.newest("sales").items()
    }


def test_they_are_built_anew_beside_and_are_those_of_a_build_from_nothing(spark: SparkSession, tmp_path: Path):
    lake = EventLake(tmp_path / "lake", sales=GROUP)
    lake.clean([event(5, 9, 9.0)])
    write_standing(lake.source.rebuilds, lake.source.definition, Standing(2))
    lake.clean(AGAIN)  # computed before the build of the others, as by a rebuild that took its time
    switch(lake, 1)
    lake.clean(FIRST)
    began_with = lake.source
    lake.build(spark, "sales", UNTIL_US)
    first, old = lake.tables("sales").features, comparable(lake)
    switch(lake, 2)

    with pytest.raises(Superseded, match="switched to its rebuild 2"):
        lake.builder(spark).build(lake.spec("sales"), lake.tables("sales"), began_with, UNTIL_US)
    with pytest.raises(UsageError, match="a build never goes back"):
        lake.build(spark, "sales", UNTIL_US - 1)
    dying = lake.builder(spark, die_at("after_commit"))
    with pytest.raises(Death):
        dying.build(lake.spec("sales"), lake.tables("sales"), lake.source, UNTIL_US)
    assert (lake.tables("sales").features, comparable(lake)) == (first, old)

    lake.clean(LATER)
    done = lake.build(spark, "sales", UNTIL_US + HOUR_US)
    assert done.table == lake.tables("sales").features.name == first.name[:-1] + "2"
    assert latest_build_of(lake.tables("sales").features).clean_table == lake.source.clean.name
    oracle = built_from_nothing(spark, tmp_path / "again", UNTIL_US + HOUR_US, AGAIN, LATER)
    assert comparable(lake) == oracle != old

    switch(lake, 1)
    assert lake.build(spark, "sales", UNTIL_US + HOUR_US).table == first.name
    oracle = built_from_nothing(spark, tmp_path / "back", UNTIL_US + HOUR_US, [event(5, 9, 9.0)], FIRST)
    assert comparable(lake) == oracle


def die_at(step: str):
    def on_step(passed: str) -> None:
        if passed == step:
            raise Death(step)

    return on_step
