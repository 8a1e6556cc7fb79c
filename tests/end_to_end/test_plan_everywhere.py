"""One plan, fitted on January to September: batch, stream and NumPy give the same values; no later month has a say."""

from __future__ import annotations

import json
import shutil
from importlib.resources import files
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from support.flights_lake import land_flights
from support.plans import read_sorted
from support.treatment_oracle import as_lists

from headrace.ingestion.raw_columns import RAW_SCHEMA
from headrace.jobs import fit_plan
from headrace.lake import Query
from headrace.pipeline import load_pipeline
from headrace.plans.columnar import treat_rows
from headrace.plans.row import body_of
from headrace.plans.stored import read_treatment, read_versions
from headrace.tables import raw_table, source_tables

pytestmark = [pytest.mark.prove, pytest.mark.timeout(7_200)]

FILE = Path(str(files("headrace.examples.flights") / "fitted.yaml"))
SEED, DAYS = 7, 130
SOURCES = ("flight_departed", "weather_observed")
OCTOBER = "2013-10-01"


def options(lake: Path, sources=SOURCES) -> list[str]:
    return [f"--pipeline={FILE}", f"--lake={lake}", *[f"--source={source}" for source in sources]]


def clean_rows(lake: Path, name: str) -> pa.Table:
    """The clean rows of a source with all that treatment makes, in the order of the event id."""
    pipeline = load_pipeline(FILE)
    source = pipeline.sources[name]
    path = source_tables(lake, pipeline.pipeline, name, pipeline.definition(name)).clean
    return read_sorted(path, [*source.clean_columns(), "_plan"], source.event_id)


def treated_in_memory(lake: Path, name: str, clean: pa.Table) -> pa.Table:
    pipeline = load_pipeline(FILE)
    source = pipeline.sources[name]
    sent = {column: f"{column}_original" if column in source.treated() else column for column in source.row_columns()}
    rows = pa.table({column: clean[kept] for column, kept in sent.items()})
    return treat_rows(rows, read_treatment(pipeline, name, lake)).select(clean.column_names)


def test_one_plan_gives_the_same_values_by_batch_stream_and_numpy_on_a_hundred_thousand_rows(tmp_path, run_here):
    batch, stream = tmp_path / "batch", tmp_path / "stream"
    land_flights(batch, days=DAYS, seed=SEED, commits={"flight_departed": 8, "weather_observed": 4})
    assert fit_plan.main(options(batch)) == 0
    shutil.copytree(batch, stream)
    assert run_here("clean_batch", options(batch)) == 0
    assert run_here("clean_stream", [*options(stream), "--until-end", "--max-files=1"]) == 0
    rows = 0
    for name in SOURCES:
        found = clean_rows(batch, name)
        rows += found.num_rows
        assert as_lists(clean_rows(stream, name)) == as_lists(found), name
        assert as_lists(treated_in_memory(batch, name, found)) == as_lists(found), name
    assert rows >= 100_000
    print(f"seed {SEED}: {rows:,} rows with equal values by batch, stream and NumPy")


def test_changed_months_after_the_window_leave_the_plan_byte_for_byte(tmp_path, run_here):
    name = "weather_observed"
    first, other = tmp_path / "first", tmp_path / "other"
    land_flights(first, days=365, seed=SEED, commits={name: 3})
    changed = change_later_months(first, other, name)
    for lake in (first, other):
        assert fit_plan.main(options(lake, [name])) == 0
    plans = [read_versions(lake, "flights_fitted", name)[0].plan for lake in (first, other)]
    assert changed > 6_000
    assert body_of(plans[0]) == body_of(plans[1])
    assert all(group.value.high < 100 for group in plans[0].columns["wind_speed"].outliers.bounds.groups)
    print(f"seed {SEED}: {changed:,} reports changed, the same plan of {len(body_of(plans[0])):,} bytes")


def change_later_months(lake: Path, other: Path, name: str) -> int:
    """Writes another raw table whose reports from October on say ten times as much; gives how many were changed."""
    table = Query({"raw": DeltaTable(raw_table(lake, name))}).table("SELECT * FROM raw").cast(RAW_SCHEMA)
    values, changed = [], 0
    for value in table["value"].to_pylist():
        try:
            report = json.loads(value)
            later = report["observed_at"] >= OCTOBER
        except (ValueError, KeyError, TypeError):
            later = False
        if later:
            changed += 1
            report = {key: part * 10 if isinstance(part, float) else part for key, part in report.items()}
        values.append(json.dumps(report).encode() if later else value)
    at = table.schema.get_field_index("value")
    write_deltalake(raw_table(other, name), table.set_column(at, "value", pa.array(values, pa.binary())))
    return changed
