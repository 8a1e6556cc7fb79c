"""The demo as a user runs it, with defects: every count as predicted, and nothing doubled when its steps come again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.command_line import run

DAYS, DEFECTS, SEED = 2, 0.01, 11
VARIANT = "days2-defects0.01-seed11-published"

pytestmark = [pytest.mark.slow, pytest.mark.spark]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("a new user's folder")


@pytest.fixture(scope="module")
def demo(folder, broker):
    """The first run: what it said."""
    options = ["--days", DAYS, "--defects", DEFECTS, "--seed", SEED, "--order", "published", "--brokers", broker]
    code, found, stderr = run("demo", *options, folder=folder)
    assert (code, found.get("balances"), found.get("wrong_predictions")) == (0, True, {}), stderr
    return options, found


@pytest.fixture(scope="module")
def pipeline_and_lake(demo):
    _, found = demo
    return [
        "--pipeline",
        found["places"]["pipeline file"],
        "--lake",
        found["places"]["lake"],
        "--topic-prefix",
        f"{VARIANT}.",
    ]


def books(found: dict) -> dict[str, dict]:
    return {name: source["cleaning"] for name, source in found["sources"].items()}


def test_the_demo_accounts_for_every_record_and_every_defect(demo):
    _, found = demo
    expected = json.loads((Path(found["places"]["journal"]) / "expected.json").read_text())["sources"]
    assert set(books(found)) == set(expected)
    for name, source in found["sources"].items():
        assert source["landing"]["journal"] == source["landing"]["raw"] == expected[name]["records"]
        assert source["cleaning"]["clean"] == expected[name]["clean"]
        assert source["cleaning"]["duplicates"] == sum(expected[name]["duplicates"].values()) > 0
        assert source["cleaning"]["quarantine"] == sum(expected[name]["quarantine"].values()) > 0


def test_landing_and_cleaning_again_doubles_nothing(demo, pipeline_and_lake, folder, broker):
    _, first = demo
    code, landed, stderr = run("land", *pipeline_and_lake, "--brokers", broker, "--until-end", folder=folder)
    assert (code, set(landed["rows"].values())) == (0, {0}), stderr
    code, cleaned, stderr = run("clean", *pipeline_and_lake, folder=folder)
    assert code == 0, stderr
    assert {source["clean"] for source in cleaned["sources"].values()} == {0}
    journal = first["places"]["journal"]
    code, audited, stderr = run("audit", *pipeline_and_lake, "--journal", journal, folder=folder)
    assert code == 0, stderr
    assert books(audited) == books(first)


def test_a_stream_after_the_batch_finds_everything_placed(pipeline_and_lake, folder):
    code, found, stderr = run("clean", "weather_observed", *pipeline_and_lake, "--stream", "--until-end", folder=folder)
    assert code == 0, stderr
    placed = found["sources"]["weather_observed"]
    assert (placed["clean"], placed["duplicates"], placed["quarantine"]) == (0, 0, 0)


def test_a_wrong_source_is_answered_by_the_job_with_the_exit_code_of_usage(pipeline_and_lake, folder):
    code, found, _ = run("clean", "wether_observed", *pipeline_and_lake, folder=folder)
    assert (code, found["error"]) == (2, "UsageError")
    assert "Did you mean: weather_observed?" in found["message"]


def test_a_wrong_date_is_answered_by_the_job_with_the_exit_code_of_usage(pipeline_and_lake, folder):
    code, found, _ = run("clean", *pipeline_and_lake, "--from", "2013-02-30", folder=folder)
    assert (code, found["error"]) == (2, "UsageError")
    assert "'2013-02-30' is not an ISO 8601 date or time" in found["message"]


def test_status_shows_no_lag_and_the_rows_that_were_landed(demo, folder, broker):
    _, found = demo
    code, state, _ = run("status", "--brokers", broker, "--lake", found["places"]["lake"], folder=folder)
    assert code == 0
    assert len(state["lag"]) == 10
    assert {lag["lag"] for lag in state["lag"]} == {0}
    raw = {
        name.removeprefix("raw/"): table["rows"] for name, table in state["tables"].items() if name.startswith("raw/")
    }
    assert raw == {source["topic"]: source["landing"]["raw"] for source in found["sources"].values()}


def test_a_lander_that_is_told_to_stop_says_its_result_and_exits_with_0(pipeline_and_lake, folder, broker):
    command = [sys.executable, "-m", "headrace", "land", *pipeline_and_lake, "--brokers", broker, "--json"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as lander:
        line = next(line for line in lander.stderr if "landed" in line)
        lander.send_signal(signal.SIGTERM)
        stdout, stderr = lander.communicate(timeout=30)
    assert "landed 0 rows" in line
    assert lander.returncode == 0, stderr
    assert set(json.loads(stdout)["rows"].values()) == {0}
