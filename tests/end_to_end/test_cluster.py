"""The jobs on a Spark cluster, by spark-submit, make the tables that they make on one machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.delta_rows import comparable
from support.equal_tables import unequal
from support.flights_lake import PIPELINE, FlightsLake, land_flights
from support.rooms import REPOSITORY
from support.spark_submit import build_zip, submit

from headrace.examples.flights.reference import write_reference_tables
from headrace.features.spec import group_spec
from headrace.infra.spark.cluster import start, stop
from headrace.pipeline import load_pipeline
from headrace.pipeline.definition import training_set_definition
from headrace.settings import load_settings
from headrace.tables import group_tables, rows_table, source_tables

pytestmark = [pytest.mark.spark, pytest.mark.prove, pytest.mark.timeout(3_600)]

SOURCES = ("flight_scheduled", "flight_departed", "flight_arrived", "weather_observed", "planes")
GROUPS = ("airport_departures", "route_arrivals", "airport_weather", "aircraft_facts")
JOBS = {
    "clean_batch": [f"--source={source}" for source in SOURCES],
    "build_features": [*(f"--group={group}" for group in GROUPS), "--until=2013-01-04"],
    "build_rows": ["--training-set=late15"],
}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip that spark-submit is given."""
    return build_zip(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A cluster of two workers: its folder, and the address of its master."""
    folder = tmp_path_factory.mktemp("cluster")
    try:
        yield folder, start(folder).master
    finally:
        stop(folder)


def run_jobs(lake: Path, *, master: str, package: Path) -> None:
    """Cleans the lake and builds from it, each job by a spark-submit of its own."""
    write_reference_tables(load_settings({"lake": lake}, environment={}))
    for job, options in JOBS.items():
        said = submit(
            REPOSITORY / "jobs" / f"{job}.py",
            [f"--pipeline={PIPELINE}", f"--lake={lake}", "--json-lines", *options],
            master=master,
            package=package,
            log=lake / "log",
        )
        assert json.loads(said.splitlines()[-1])["event"] == "result"


def built_tables(lake: Path) -> dict[str, Path]:
    """The tables that are built from clean ones."""
    pipeline = load_pipeline(PIPELINE)
    specs = {group: group_spec(pipeline, group) for group in GROUPS}
    groups = {name: group_tables(lake, "flights", name, spec.definition).features for name, spec in specs.items()}
    return groups | {"late15": rows_table(lake, "flights", "late15", training_set_definition(pipeline, "late15")).path}


def test_the_package_of_a_submitted_job_is_the_zip(package: Path, tmp_path: Path):
    script = tmp_path / "where.py"
    script.write_text("import headrace\nprint(headrace.__file__)\n")
    said = submit(script, [], master="local[1]", package=package, log=tmp_path / "log")
    assert "headrace.zip" in said


def test_two_workers_make_the_tables_of_one_machine(package: Path, cluster: tuple[Path, str], tmp_path: Path):
    commits = dict.fromkeys(SOURCES[:-1], 2)
    here: FlightsLake = land_flights(tmp_path / "here", days=3, seed=7, commits=commits)
    there = here.copy(tmp_path / "there")
    folder, master = cluster
    run_jobs(here.folder, master="local[2]", package=package)
    run_jobs(there.folder, master=master, package=package)
    for number in (1, 2):  # each worker ran an executor of each job
        assert len(list((folder / "work" / str(number)).glob("app-*/*/stderr"))) == len(JOBS)
    pipeline = load_pipeline(PIPELINE)
    for source in SOURCES:
        ours, theirs = (
            source_tables(lake.folder, "flights", source, pipeline.definition(source)) for lake in (here, there)
        )
        # the two reference tables have ids of their own, so rows of planes are compared without their places
        different = differing_facts(ours.clean, theirs.clean) if source == "planes" else unequal(ours, theirs)
        assert different == {}, source
    ours_built, theirs_built = built_tables(here.folder), built_tables(there.folder)
    for name, table in ours_built.items():
        rows = comparable(table)
        assert rows
        assert rows == comparable(theirs_built[name]), name


def differing_facts(ours: Path, theirs: Path) -> dict[str, str]:
    """What two clean tables say differently, the ids of their topics aside."""
    mine, other = (
        [tuple(pair for pair in row if pair[0] != "_topic_id") for row in comparable(path)] for path in (ours, theirs)
    )
    return {} if mine == other else {"clean": f"{len(mine)} and {len(other)} rows"}
