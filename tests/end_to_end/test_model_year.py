"""The whole way over the whole year: the model is as good as the honest features allow, and no better."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command_line import run
from support.flights_oracle import FlightsOracle
from support.pruned_flights import compare, linked_lake
from support.training_judge import differing_rows

from headrace.features import TrainingClient
from headrace.pipeline import load_pipeline
from headrace.settings import load_settings

pytestmark = [pytest.mark.prove, pytest.mark.spark, pytest.mark.timeout(7_200)]

EVENTS, FLIGHTS = 1_027_013, 336_776
ROWS, SEED = 2_000, 20131001


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, broker: str):
    """The demo over the year, without defects: what it said."""
    code, found, stderr = run("demo", "--brokers", broker, folder=tmp_path_factory.mktemp("year"), timeout_s=7_000)
    assert code == 0, stderr
    print(found["seconds"], found["features"], found["model"], found["online"])
    return found


def test_the_year_ends_with_an_honest_model_and_equal_answers(demo):
    assert sum(source["landing"]["raw"] for source in demo["sources"].values()) == EVENTS
    assert demo["balances"]
    assert 0.735 <= demo["model"]["auc"] <= 0.755  # beyond it, something of the future is in the features
    assert (demo["online"]["different_values"], demo["online"]["different_predictions"]) == (0, 0)


def test_training_rows_of_the_year_are_those_of_the_published_files(demo):
    places = demo["places"]
    client = TrainingClient(places["pipeline file"], load_settings({"lake": places["lake"]}, environment={}))
    table = client.training_set("late15", with_unlabelled=True).to_arrow()
    assert table.num_rows == FLIGHTS
    assert differing_rows(table, FlightsOracle(), rows=ROWS, seed=SEED) == {}


def test_pruning_takes_a_tenth_of_the_features_and_the_model_ranks_as_well(demo, tmp_path):
    places = demo["places"]
    settings = linked_lake(Path(places["lake"]), tmp_path)
    found = compare(load_pipeline(Path(places["pipeline file"])), settings)
    print(found.all_auc, found.pruned_auc, [(out.feature, out.kept, out.r) for out in found.selection.dropped])
    assert found.all_auc == pytest.approx(demo["model"]["auc"], abs=1e-3)
    assert abs(found.pruned_auc - found.all_auc) <= 0.003
    assert found.share_gone >= 0.1
