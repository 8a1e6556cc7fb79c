"""The fitted rules of the flights on the real data: what they find, and what they leave alone."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from support.treatment_oracle import as_lists

from headrace.jobs.fitting import fit_plan
from headrace.jobs.treatment import treat
from headrace.pipeline import load_pipeline
from headrace.plans import PlanVersion, bind
from headrace.plans.columnar import ARROW_TYPES, treat_rows

FILE = Path(str(files("headrace.examples.flights") / "fitted.yaml"))
OCTOBER_S = 1_380_585_600


def table_of(events, source) -> pa.Table:
    """The events of a source as Arrow, in the declared types."""
    columns = {}
    for name, column in source.columns.items():
        values = events.columns[name]
        values = values.astype("datetime64[us]") if values.dtype.kind == "M" else values
        columns[name] = pa.array(values, from_pandas=True).cast(ARROW_TYPES[column.type])
    return pa.table({**columns, "number": pa.array(range(len(events.event_at_s)), pa.int64())})


@pytest.fixture(scope="module")
def sources():
    return load_pipeline(FILE).sources


def fitted_on_nine_months(spark, events, source) -> PlanVersion:
    inside = pa.array(events.event_at_s < OCTOBER_S)
    plan = fit_plan(spark.createDataFrame(table_of(events, source).filter(inside).drop_columns(["number"])), source)
    return PlanVersion(source.name, 1, 0, "", None, None, {}, "", plan)


@pytest.fixture(scope="module")
def weather(spark, events, sources):
    """The treatment of the weather by a plan of January to September, and all reports of the year as it treats them."""
    source = sources["weather_observed"]
    treatment = bind(source, fitted_on_nine_months(spark, events["weather_observed"], source))
    return treatment, treat_rows(table_of(events["weather_observed"], source), treatment)


@pytest.mark.slow
def test_the_one_broken_wind_sensor_is_found_and_no_gale_is(weather):
    treated = weather[1]
    found = treated.filter(treated["wind_speed_outlier"])
    assert found.num_rows == 1
    assert found["origin"].to_pylist() == ["EWR"]
    assert round(found["wind_speed_original"][0].as_py(), 2) == 1048.36
    assert found["wind_speed"].to_pylist() == [None]
    assert round(pc.max(treated["wind_speed"]).as_py(), 1) == 42.6
    assert pc.sum(treated["wind_gust_outlier"]).as_py() == 0


@pytest.mark.slow
def test_pressure_is_the_median_of_its_airport_and_the_flag_stays(weather):
    treated = weather[1]
    missing = treated.filter(treated["pressure_missing"])
    assert missing.num_rows == 2_729
    assert treated["pressure"].null_count == 0
    assert len(set(zip(missing["origin"].to_pylist(), missing["pressure"].to_pylist(), strict=True))) == 3
    assert treated["wind_dir"].null_count == pc.sum(treated["wind_dir_missing"]).as_py() == 460


@pytest.mark.slow
def test_spark_treats_every_report_of_the_year_as_numpy_does(spark, events, sources, weather):
    treatment, by_numpy = weather
    rows = spark.createDataFrame(table_of(events["weather_observed"], sources["weather_observed"]))
    by_spark = treat(rows, treatment).orderBy("number").toArrow()
    assert as_lists(by_spark) == as_lists(by_numpy.drop_columns(["_reason"]))


@pytest.mark.slow
def test_long_delays_are_drawn_in_and_none_is_dropped(spark, events, sources):
    source = sources["flight_departed"]
    version = fitted_on_nine_months(spark, events["flight_departed"], source)
    sent = table_of(events["flight_departed"], source)
    treated = treat_rows(sent, bind(source, version))
    assert treated.num_rows == 328_521
    assert treated["dep_delay_original"].equals(sent["dep_delay"])
    assert treated["_reason"].null_count == treated.num_rows
    share = np.mean(treated["dep_delay_outlier"].to_numpy())
    assert 0.003 < share < 0.008
    bounds = {group.key[0]: group.value for group in version.plan.columns["dep_delay"].outliers.bounds.groups}
    assert set(bounds) == {"EWR", "JFK", "LGA"}
    assert all(-30 < found.low < -10 and 180 < found.high < 320 for found in bounds.values())
    assert pc.max(treated["dep_delay"]).as_py() == max(found.high for found in bounds.values())
