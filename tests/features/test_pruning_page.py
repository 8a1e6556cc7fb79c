"""docs/pruning.md: its commands exist with their options, and its example is a legal service."""

from __future__ import annotations

import re
import shlex

import pytest
from support.rooms import REPOSITORY
from typer.testing import CliRunner

from headrace.cli.app import app
from headrace.pipeline import load_pipeline

PAGE = (REPOSITORY / "docs" / "pruning.md").read_text()
COMMANDS = [line.partition("#")[0].strip() for line in re.findall(r"^    headrace (.+)$", PAGE, re.MULTILINE)]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_the_options_that_the_page_shows(command):
    answer = CliRunner().invoke(app, [*shlex.split(command), "--help"])
    assert answer.exit_code == 0, answer.output


def test_the_example_is_a_legal_service(tmp_path):
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    text = (REPOSITORY / "examples" / "flights" / "pipeline.yaml").read_text()
    services = text[text.index("\nservices:") : text.index("\ntraining_sets:")]
    (tmp_path / "pipeline.yaml").write_text(text.replace(services, f"\n{example}"))
    declared = load_pipeline(tmp_path / "pipeline.yaml").services["late15"].prune
    assert (declared.measure, declared.above) == ("pearson", 0.95)
    assert (declared.keep, declared.drop) == (("airport_weather__temp",), ("airport_weather__wind_dir",))
    assert len(COMMANDS) == 5
