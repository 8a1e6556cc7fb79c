"""What docs/operations.md says of metrics, options and words is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.rooms import REPOSITORY
from typer.testing import CliRunner

from headrace.cli.app import app
from headrace.errors import CheckFailed, HeadraceError, PositionLost, UsageError
from headrace.ingestion import LandingSettings
from headrace.ingestion.endpoints import Endpoints
from headrace.ingestion.flush import FlushReason
from headrace.ingestion.metrics import registry_of
from headrace.ingestion.observer import Observer
from headrace.ingestion.standing import PartitionState, Standing
from headrace.ingestion.state_file import SILENT_AFTER_S, WRITE_INTERVAL_S
from headrace.ingestion.stopped import LOOK_AGAIN_S
from headrace.ingestion.tally import Rebalance, Trouble
from headrace.settings import Settings

PAGE = (REPOSITORY / "docs" / "operations.md").read_text()
SETTINGS = LandingSettings(brokers="b:1", lake=Path("/lake"), metrics_port=0)


def table_of(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its head."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0] if heading else PAGE.split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def real_metrics() -> dict[str, tuple[str, ...]]:
    """Each metric of ours as it is scraped, with its labels where it has samples."""
    observer = Observer()
    observer.board.standing = Standing(at_s=1.0, joined=True)
    families = registry_of(observer, SETTINGS).collect()
    names = {each.name + ("_total" if each.type == "counter" else ""): each for each in families}
    return {
        name: tuple(getattr(each, "_labelnames", ()))
        for name, each in names.items()
        if name.startswith("headrace_land_")
    }


def test_every_metric_is_there_with_its_labels_and_no_other():
    told = {cells[0].strip("`"): tuple(filter(None, cells[1].split(", "))) for cells in table_of("Metrics")}
    assert told == real_metrics()


def test_every_metric_that_an_alert_asks_for_exists():
    asked = {
        name for cells in table_of("What to do on an alert") for name in re.findall(r"headrace_land_\w+", cells[0])
    }
    assert len(asked) > 6
    assert asked <= real_metrics().keys()


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("headrace_land_partitions", PartitionState),
        ("headrace_land_commits_total", FlushReason),
        ("headrace_land_rebalances_total", Rebalance),
        ("headrace_land_troubles_total", Trouble),
    ],
)
def test_the_words_of_a_label_are_all_told(metric, words):
    (text,) = [cells[2] for cells in table_of("Metrics") if cells[0] == f"`{metric}`"]
    assert re.findall(r"`(\w+)`", text) == [word.value for word in words]


def test_every_option_is_one_of_land_and_every_setting_a_setting():
    options = [cells[0].strip("`") for cells in table_of("")]
    shown = CliRunner().invoke(app, ["land", "--help"], env={"COLUMNS": "200"}).output
    assert len(options) > 5
    assert [option for option in options if option not in shown] == []
    settings = {cells[1].strip("`"): cells[2] for cells in table_of("") if cells[1]}
    defaults = {name: Settings.model_fields[name].default for name in settings}
    told = {None: "none"}
    assert {name: told.get(each, getattr(each, "value", each)) for name, each in defaults.items()} == {
        name: int(text) if text.isdigit() else text for name, text in settings.items()
    }


def test_the_exit_codes_are_the_real_ones():
    assert [cells[0] for cells in table_of("Exit codes")] == ["0", "1", "2", "3"]
    assert (HeadraceError.exit_code, UsageError.exit_code, PositionLost.exit_code) == (1, 2, 3)
    assert CheckFailed.exit_code == PositionLost.exit_code


def test_the_paths_are_those_that_are_served():
    with Endpoints(SETTINGS, Observer()) as endpoints:
        served = set(endpoints._server.answers)
    assert {cells[0].strip("`") for cells in table_of("Health")} == served


def test_the_seconds_are_the_real_ones():
    assert f"came by within {SETTINGS.alive_within_s:g} s" in PAGE
    assert f"session timeout ({SETTINGS.session_timeout_s:g} s)" in PAGE
    assert f"looked at again every {LOOK_AGAIN_S:g} s" in PAGE
    assert f"says nothing for {SILENT_AFTER_S:g} s" in PAGE
    assert (WRITE_INTERVAL_S, "every two seconds" in PAGE) == (2.0, True)
