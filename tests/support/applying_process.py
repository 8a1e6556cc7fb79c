"""A process that applies the pipeline file `bank.yaml`, then an entity of its own in each of some applies of Feast.

    python -m support.applying_process FOLDER NAME

It says that it is ready by the file `NAME.ready`, and begins when `go` is there.
"""

from __future__ import annotations

import sys
from pathlib import Path

from feast import Entity, ValueType

from headrace.features.registry import apply_pipeline, feature_store

from .eventually import eventually
from .feast_lake import FeastLake

APPLIES = 5


def main(folder: Path, name: str) -> None:
    lake = FeastLake(folder / name)
    settings = lake.settings().model_copy(update={"home": folder / "home"})
    (folder / f"{name}.ready").touch()
    eventually((folder / "go").exists)
    apply_pipeline(lake.pipeline, settings)
    store = feature_store(lake.pipeline, settings)
    for number in range(APPLIES):
        store.apply(Entity(name=f"{name}{number}", join_keys=[f"{name}{number}"], value_type=ValueType.STRING))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
