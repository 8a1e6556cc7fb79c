"""Holds: the file, the verb that releases, and the example of the page."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from support.rooms import REPOSITORY
from support.shop import shop, write_shop
from typer.testing import CliRunner

from headrace.cli.app import app
from headrace.errors import ContractError
from headrace.holds import Failure, Hold, read_hold, write_hold
from headrace.pipeline import load_pipeline
from headrace.pipeline.expectations import CHECKS
from headrace.tables import source_tables

HOLD = Hold({("ID", 0): 41, ("ID", 1): 7}, 12, [Failure("few", "0.4", "at least 0.5")], 1_357_000_000_000_000)


@pytest.fixture
def hold_file(tmp_path) -> Path:
    return source_tables(tmp_path / "lake", "shop", "orders", shop().definition("orders")).hold


def release(folder: Path, source: str = "orders"):
    pipeline = write_shop(folder / "shop.yaml")
    options = ["--pipeline", str(pipeline), "--lake", str(folder / "lake"), "--json"]
    return CliRunner().invoke(app, ["release", source, *options])


def test_what_is_held_is_read_as_it_was_written(hold_file):
    assert read_hold(hold_file) is None
    write_hold(hold_file, HOLD)
    assert read_hold(hold_file) == HOLD
    assert [file.name for file in hold_file.parent.iterdir()] == [hold_file.name]


def test_the_message_names_source_reason_number_and_both_ways_out():
    assert str(HOLD.error("orders")) == (
        "source 'orders' is held since 2013-01-01T00:26:40Z: few: found 0.4, expected at least 0.5. Nothing of these "
        "12 records was written; raw has them. Let them through: headrace release -p FILE orders; or refuse them: "
        "headrace drop -p FILE orders"
    )


@pytest.mark.parametrize("content", ["", "{}", '{"last": 1}', "[]", '{"last": [], "rows": 0, "failures": [{}]}'])
def test_a_file_of_another_kind_is_named(hold_file, content):
    hold_file.parent.mkdir(parents=True)
    hold_file.write_text(content)
    with pytest.raises(ContractError, match=r"does not say what is held.*Delete it"):
        read_hold(hold_file)


def test_release_lets_what_is_held_through_and_says_what(tmp_path, hold_file):
    write_hold(hold_file, HOLD)
    answer = release(tmp_path)
    assert (answer.exit_code, json.loads(answer.stdout)["records"]) == (0, 12)
    found = read_hold(hold_file)
    assert found is not None
    assert found.released


def test_release_without_a_hold_or_of_no_source_is_wrong_usage(tmp_path):
    nothing, unknown = release(tmp_path), release(tmp_path, "order")
    assert (nothing.exit_code, unknown.exit_code) == (2, 2)
    assert "nothing of source 'orders' is held" in nothing.stdout + nothing.stderr
    assert "Did you mean: orders?" in unknown.stdout + unknown.stderr


def test_the_example_of_the_page_is_legal_in_the_flights_pipeline(tmp_path):
    page = (REPOSITORY / "docs" / "expectations.md").read_text()
    yaml = YAML()
    wanted = yaml.load(page.partition("```yaml\n")[2].partition("```")[0])["sources"]["flight_departed"]["expect"]
    declared = yaml.load(Path(str(files("headrace.examples.flights") / "pipeline.yaml")))
    declared["sources"]["flight_departed"]["expect"] = wanted
    with (tmp_path / "pipeline.yaml").open("w") as file:
        yaml.dump(declared, file)
    checked = load_pipeline(tmp_path / "pipeline.yaml").sources["flight_departed"].expect
    assert {each.check for each in checked.values()} == set(CHECKS) - {"not_null"}
