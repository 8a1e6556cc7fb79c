"""A small lake of the flights, made up: an hourly row of each group for two entities, and rows to train on."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headrace.features.spec import GroupSpec
from headrace.pipeline.times import instant_us

from .feature_lake import HOUR_US, FeatureLake
from .rooms import REPOSITORY

FIRST_US = instant_us("2013-01-10T00:00:00Z")
UNTIL_US = instant_us("2013-02-01T00:00:00Z")
HOURS = 21 * 24
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


def trainer_lake(folder: Path) -> FeatureLake:
    """The lake in `<folder>/lake`, with the flights' pipeline file as `<folder>/pipeline.yaml`."""
    text = (REPOSITORY / "examples" / "flights" / "pipeline.yaml").read_text()
    lake = FeatureLake(folder, text, "pipeline.yaml")
    chance = random.Random(13)
    for group in lake.pipeline.features:
        lake.build(group, feature_rows(lake.spec(group), chance), until_us=UNTIL_US)
    lake.training_rows(training_rows(chance), "late15")
    return lake


def feature_rows(spec: GroupSpec, chance: random.Random) -> Iterator[dict[str, Any]]:
    for hour in range(HOURS):
        for number in range(2):
            values = {name: VALUES[kind](chance) for name, kind in spec.features.items()}
            yield {key: KEYS[key][number] for key in spec.keys} | values | {"event_at": FIRST_US + hour * HOUR_US}


def training_rows(chance: random.Random) -> Iterator[dict[str, Any]]:
    for number in range(600):
        at_us = FIRST_US + number * HOUR_US * HOURS // 600
        keys = {key: values[number % 2] for key, values in KEYS.items()}
        extra = {"distance": 1400.0, "local_hour": number % 24, "weekday": number % 7, "month": 1, "block_min": 227.0}
        label = {"label": chance.random() < 0.3, "label_known_at": at_us + 5 * HOUR_US}
        yield {"row_id": f"f{number}", "at": at_us, **keys, **extra, **label}
