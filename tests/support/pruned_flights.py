"""What pruning does to the model of the flights: the same rows with all features, and with those that stay."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.examples.flights.model import train_and_evaluate
from headrace.features import TrainingClient
from headrace.features.pruning import prune
from headrace.features.selection import Selection
from headrace.pipeline import Pipeline, load_pipeline
from headrace.settings import Settings, load_settings


def linked_lake(lake: Path, folder: Path) -> Settings:
    """Settings of a lake that has the tables of the flights in `lake`, and decisions of its own."""
    own = folder / "lake" / "flights"
    own.mkdir(parents=True)
    for kind in ("clean", "features", "rows"):
        (own / kind).symlink_to(lake / "flights" / kind)
    return load_settings({"lake": folder / "lake", "home": folder / "home"}, environment={})


def pruned_until(file: Path, to: str, folder: Path) -> Pipeline:
    """The pipeline in `file` with another end of the interval on which its service is pruned."""
    text = file.read_text()
    declared = "fit: {from: 2013-01-01, to: 2013-10-01}}"
    assert text.count(declared) == 1
    (folder / "pipeline.yaml").write_text(text.replace(declared, f"fit: {{from: 2013-01-01, to: {to}}}}}"))
    return load_pipeline(folder / "pipeline.yaml")


@dataclass(frozen=True)
class Compared:
    """A selection, and the area under the ROC curve with all features and with those that it leaves."""

    selection: Selection
    all_auc: float
    pruned_auc: float

    @property
    def share_gone(self) -> float:
        """The part of the features that went."""
        gone, stay = len(self.selection.dropped), len(self.selection.kept)
        return gone / (gone + stay)


def compare(pipeline: Pipeline, settings: Settings, **parts: Any) -> Compared:
    """Prunes `late15`, and trains the model of the demo on both; `parts` say where rows are split and end."""
    selection = prune(pipeline, "late15", settings)
    return Compared(
        selection,
        _auc(pipeline, settings, selection=0, **parts),
        _auc(pipeline, settings, selection=None, **parts),
    )


def _auc(pipeline: Pipeline, settings: Settings, **choice: Any) -> float:
    client = TrainingClient(pipeline, settings)
    train, test = (client.training_set("late15", split=part, **choice) for part in ("train", "test"))
    numbers = train.to_numpy().columns
    return train_and_evaluate(train.table, test.table, label=train.label, numbers=numbers)[1].auc
