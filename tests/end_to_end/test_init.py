"""What `headrace init` writes runs, from landing to the online store, without a line of it corrected by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from support.machine_topic import Sent, reading, send_readings
from support.topic import Topic
from typer.testing import CliRunner

from headrace.cli.app import app
from headrace.examples.flights.events import SOURCES
from headrace.examples.flights.options import ReplayOptions
from headrace.examples.flights.replay import replay
from headrace.features import OnlineClient
from headrace.ingestion import LandingSettings, land
from headrace.jobs import build_features
from headrace.outcomes import count_outcome
from headrace.pipeline import Pipeline, load_pipeline
from headrace.settings import load_settings
from headrace.tables import source_tables

PREFIX = "first."
READINGS = "machine-readings"
CLOCK = "2024-03-01T11:00:00Z"  # an hour after the last reading
BY_HAND = Path(__file__).parents[2] / "examples" / "flights" / "pipeline.yaml"
CORRECTIONS: dict[str, str] = {}  # what a person has to change in a drafted file before it runs: nothing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@dataclass(frozen=True)
class World:
    """A broker with a day of the flights, and the topic made by hand."""

    address: str
    flights: dict[str, int]
    readings: Sent


@pytest.fixture(scope="module")
def world(broker, tmp_path_factory) -> World:
    folder = tmp_path_factory.mktemp("replay")
    asked = ReplayOptions(brokers=broker, journal=folder / "journal", topic_prefix=PREFIX, days=1)
    result = replay(asked, lambda done, total: None)
    sources = json.loads(result.expected_file.read_text())["sources"]
    Topic(PREFIX + READINGS, broker, folder / "lake").create(partitions=2)
    sent = send_readings(broker, PREFIX + READINGS)
    return World(broker, {name: sources[name]["clean"] for name in SOURCES}, sent)


def headrace(*arguments: object) -> dict[str, Any]:
    """Runs a verb in this process: its line for machines."""
    answer = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    assert answer.exit_code == 0, answer.output
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def drafted(world: World, folder: Path, topics: Sequence[str], sample: int) -> Path:
    """A file that `headrace init` wrote, with the corrections made."""
    file = folder / "first.yaml"
    asked = [f"--topic={topic}" for topic in topics]
    places = ("--brokers", world.address, "--topic-prefix", PREFIX)
    headrace("init", "first", *asked, "--sample", sample, "--out", file, *places)
    text = file.read_text()
    for found, corrected in CORRECTIONS.items():
        text = text.replace(found, corrected)
    file.write_text(text)
    assert sorted(headrace("pipeline", "check", file)["sources"]) == sorted(load_pipeline(file).sources)
    return file


def run_chain(file: Path, folder: Path, world: World, run_here: Callable[..., int]) -> Pipeline:
    """Lands, cleans, builds, applies and publishes what the file declares."""
    pipeline, lake = load_pipeline(file), folder / "lake"
    settings = LandingSettings(brokers=world.address, lake=lake, session_timeout_s=6.0)
    land([PREFIX + topic for topic in pipeline.topics.values()], settings=settings, until_end=True)
    places = [f"--pipeline={file}", f"--lake={lake}"]
    assert run_here("clean_batch", [*places, f"--topic-prefix={PREFIX}"]) == 0
    assert build_features.main(places) == 0
    headrace("apply", *places, f"--home={folder}")
    published = headrace("materialize", *places, f"--home={folder}", f"--clock={CLOCK}")["groups"]
    assert set(published) == set(pipeline.features)
    return pipeline


def outcome(pipeline: Pipeline, folder: Path, source: str) -> dict[str, Any]:
    tables = source_tables(folder / "lake", pipeline.pipeline, source, pipeline.definition(source))
    return dict(count_outcome(tables))


def check_readings(pipeline: Pipeline, folder: Path, sent: Sent) -> None:
    source = pipeline.sources["machine_readings"]
    assert source.event_id == ("machine", "order")
    assert str(source.event_at) == "timestamp"
    assert set(source.columns) & {"deviceId", "place", "tags", "mixed", "unused"} == set()
    found = outcome(pipeline, folder, "machine_readings")
    assert (found["clean"], found["duplicates"]) == (sent.events, {"exact": sent.copies, "conflict": 0})
    assert found["quarantine"] == sent.rejected
    keys = {entity.keys[0]: "EWR" for entity in pipeline.entities.values()} | {"machine": "m-3"}
    settings = load_settings({"home": folder, "lake": folder / "lake", "clock": CLOCK})
    with OnlineClient(pipeline, settings=settings) as online:
        values = online.vector("first", keys).values
    ours = [reading(number)["value"] for number in range(3, sent.events, 8)]
    assert values["machine_readings_by_machine__events_2_count_24h"] == len(ours)
    assert values["machine_readings_by_machine__value_mean_24h"] == pytest.approx(fmean(ours))


def check_flights(pipeline: Pipeline, folder: Path, source: str, clean: int) -> None:
    """As a person has declared it, and every event clean."""
    by_hand, found = load_pipeline(BY_HAND).sources[source], pipeline.sources[source]
    assert found.event_id == by_hand.event_id
    assert str(found.event_at).replace("1 day", "24 hours") == str(by_hand.event_at)
    assert {name: column.type for name, column in found.columns.items()} == {
        name: column.type for name, column in by_hand.columns.items()
    }
    result = outcome(pipeline, folder, source)
    assert (result["records"], result["clean"], result["unknown_fields"]) == (clean, clean, 0)


@pytest.mark.spark
@pytest.mark.xdist_group("spark")
def test_a_file_for_three_topics_runs_to_the_online_store_as_it_was_written(world, spark, run_here, tmp_path):
    file = drafted(world, tmp_path, [READINGS, "flight_departed", "weather_observed"], 10_000)
    pipeline = run_chain(file, tmp_path, world, run_here)
    check_readings(pipeline, tmp_path, world.readings)
    for source in ("flight_departed", "weather_observed"):
        check_flights(pipeline, tmp_path, source, world.flights[source])


@pytest.mark.prove
@pytest.mark.spark
@pytest.mark.xdist_group("spark")
@pytest.mark.parametrize("topic", [*SOURCES, READINGS])
def test_a_file_for_each_topic_alone_runs_to_the_online_store_as_it_was_written(
    world, spark, run_here, tmp_path, topic
):
    pipeline = run_chain(drafted(world, tmp_path, [topic], 10_000), tmp_path, world, run_here)
    (source,) = pipeline.sources
    if topic == READINGS:
        check_readings(pipeline, tmp_path, world.readings)
    else:
        check_flights(pipeline, tmp_path, source, world.flights[topic])


def test_a_small_sample_of_each_topic_is_enough_for_its_id_and_time(world, tmp_path):
    pipeline = load_pipeline(drafted(world, tmp_path, SOURCES, 90))
    by_hand = load_pipeline(BY_HAND)
    for name, source in pipeline.sources.items():
        assert source.event_id == by_hand.sources[name].event_id
        assert str(source.event_at).replace("1 day", "24 hours") == str(by_hand.sources[name].event_at)
    assert pipeline.entities["origin"].keys == ("origin",)
    assert {group.entity for group in pipeline.features.values()} == {"origin"}
