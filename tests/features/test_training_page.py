"""docs/training.md, block by block, in one folder, on a small lake of the flights."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from support.feature_lake import HOUR_US, FeatureLake
from support.rooms import REPOSITORY

from headrace.pipeline.times import instant_us

PAGE = REPOSITORY / "docs" / "training.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)

FIRST_US = instant_us("2013-01-10T00:00:00Z")
UNTIL_US = instant_us("2013-02-01T00:00:00Z")
KEYS = {
    "origin": ["EWR", "JFK"],
    "carrier": ["UA", "B6"],
    "dest": ["IAH", "BQN"],
    "tailnum": ["N1", "N2"],
}
VALUES = {
    "long": lambda chance: chance.randrange(50),
    "double": lambda chance: chance.gauss(10, 30),
    "boolean": lambda chance: chance.random() < 0.3,
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    text = (REPOSITORY / "examples" / "flights" / "pipeline.yaml").read_text()
    lake = FeatureLake(tmp_path_factory.mktemp("trainer"), text, "pipeline.yaml")
    chance = random.Random(13)
    for group in lake.pipeline.features:
        lake.build(group, feature_rows(lake.spec(group), chance), until_us=UNTIL_US)
    lake.training_rows(training_rows(chance), "late15")
    return lake


def feature_rows(spec, chance):
    """A row an hour for each of two entities."""
    for hour in range(21 * 24):
        for number in range(2):
            values = {name: VALUES[kind](chance) for name, kind in spec.features.items()}
            yield {key: KEYS[key][number] for key in spec.keys} | values | {"event_at": FIRST_US + hour * HOUR_US}


def training_rows(chance):
    for number in range(600):
        at_us = FIRST_US + number * HOUR_US * 21 * 24 // 600
        keys = {key: values[number % 2] for key, values in KEYS.items()}
        extra = {"distance": 1400.0, "local_hour": number % 24, "weekday": number % 7, "month": 1, "block_min": 227.0}
        label = {"label": chance.random() < 0.3, "label_known_at": at_us + 5 * HOUR_US}
        yield {"row_id": f"f{number}", "at": at_us, **keys, **extra, **label}


def run_shell(text, folder):
    """Runs the headrace commands of a block, by the interpreter of the test."""
    for line in text.splitlines():
        if line.startswith("headrace "):
            command = [sys.executable, "-m", *line.split()]
            answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            assert answer.returncode == 0, answer.stderr
        else:
            assert line == "pip install '.[features]'"


def test_every_block_of_the_page_does_what_it_says(lake, monkeypatch, capsys):
    monkeypatch.chdir(lake.folder)
    names = {}
    for language, text in BLOCKS:
        if language == "toml":
            Path("headrace.toml").write_text(text)
        elif language == "sh":
            run_shell(text, lake.folder)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                exec(compile(text, str(PAGE), "exec"), names)  # noqa: S102  # the page's own code
    said = capsys.readouterr().out
    assert "rows to learn from" in said
    assert "PRESENT" in said
    assert Path("rebuilt/data.parquet").read_bytes() == Path("late15-train/data.parquet").read_bytes()
    assert Path("from-the-shell/data.parquet").read_bytes() == Path("late15-train/data.parquet").read_bytes()


def test_the_page_shows_python_and_the_command_line():
    assert {language for language, _ in BLOCKS} == {"python", "sh", "toml"}
