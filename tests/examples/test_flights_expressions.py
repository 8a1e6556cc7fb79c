"""What Spark makes of the expressions of pipeline.yaml is what the replay computed when it stamped the events."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import headrace.examples.flights
from headrace.examples.flights.events import SOURCES
from headrace.pipeline import load_pipeline

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from headrace.examples.flights.events import Events

FILE = Path(headrace.examples.flights.__file__).with_name("pipeline.yaml")
EVERY = 400


@pytest.fixture(scope="module")
def pipeline():
    return load_pipeline(FILE)


def frame_of(spark: SparkSession, events: Events, columns: set[str]) -> tuple[DataFrame, np.ndarray]:
    """Some rows with the columns named, times as Spark's timestamps, and which rows they are."""
    rows = np.arange(0, len(events), EVERY)
    taken = {name: events.columns[name][rows] for name in sorted(columns)}
    times = [name for name, values in taken.items() if values.dtype.kind == "M"]
    plain = {name: values.astype("int64") if name in times else values for name, values in taken.items()}
    frame = spark.createDataFrame(pd.DataFrame({"row": np.arange(len(rows)), **plain}))
    return frame.withColumns({name: frame[name].cast("timestamp") for name in times}), rows


def evaluate(frame: DataFrame, sql: str) -> list[object]:
    return [row.value for row in frame.selectExpr("row", f"{sql} as value").orderBy("row").collect()]


@pytest.mark.parametrize("source", SOURCES)
def test_the_event_time_of_the_file_is_the_one_of_the_replay(source, spark, pipeline, events):
    event_at = pipeline.sources[source].event_at
    frame, rows = frame_of(spark, events[source], set(event_at.columns))
    assert evaluate(frame, f"unix_seconds({event_at.sql})") == events[source].event_at_s[rows].tolist()


def test_a_training_row_is_asked_two_hours_ahead_and_knows_new_yorks_calendar(spark, pipeline, events):
    training_set = pipeline.training_sets["late15"]
    scheduled = events["flight_scheduled"]
    frame, rows = frame_of(spark, scheduled, {"scheduled_departure_at", "scheduled_arrival_at", "distance"})
    departs = pd.Series(scheduled.columns["scheduled_departure_at"][rows]).dt.tz_localize("UTC")
    local = departs.dt.tz_convert("America/New_York")
    block = pd.Series(scheduled.columns["scheduled_arrival_at"][rows]).dt.tz_localize("UTC") - departs
    asked = evaluate(frame, f"unix_seconds({training_set.rows.at.sql})")
    assert asked == [round(departure.timestamp()) - 7_200 for departure in departs]
    extra = {name: evaluate(frame, column.value.sql) for name, column in training_set.extra.items()}
    assert extra == {
        "distance": scheduled.columns["distance"][rows].tolist(),
        "local_hour": local.dt.hour.tolist(),
        "weekday": local.dt.weekday.tolist(),
        "month": local.dt.month.tolist(),
        "block_min": (block.dt.total_seconds() / 60).tolist(),
    }


def test_late_is_fifteen_minutes_or_more(spark, pipeline, events):
    late = pipeline.sources["flight_arrived"].derive["late15"].value
    frame, rows = frame_of(spark, events["flight_arrived"], {"arr_delay"})
    assert evaluate(frame, late.sql) == (events["flight_arrived"].columns["arr_delay"][rows] >= 15).tolist()
