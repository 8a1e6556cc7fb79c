"""The verb `prune`: which features of a service say what another says; the decision is stored as a version."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.markup import escape

from headrace.pipeline import load_pipeline
from headrace.settings import load_settings

from .options import Home, Lake, LockWait, PipelineFile
from .output import Result, spoken_warnings, step
from .selection import as_data, selection_table, summary

ServiceName = Annotated[str, typer.Argument(metavar="SERVICE", help="The service whose features are compared.")]
TrainingSet = Annotated[
    str | None,
    typer.Option("--training-set", metavar="NAME", help="Whose rows, where several training sets have the service."),
]


def prune(
    pipeline: PipelineFile,
    service: ServiceName,
    training_set: TrainingSet = None,
    home: Home = None,
    lake: Lake = None,
    lock_wait_s: LockWait = None,
) -> Result:
    """Find features of a service that say what another says, on its training rows, and leave them out from now on."""
    from headrace.features.pruning import prune as decide
    from headrace.features.selections_table import read_selections

    settings = load_settings({"home": home, "lake": lake, "lock_wait_s": lock_wait_s})
    declared = load_pipeline(pipeline)
    with step("prune"), spoken_warnings("prune"):
        found = decide(declared, service, settings, training_set)
    pinned = read_selections(settings.lake, declared.pipeline, service).pinned
    lines = [summary(found), *_what_now(pipeline, service, found.version, pinned)]
    return Result({**as_data(found), "pinned": pinned}, Group(selection_table(found), "", *map(escape, lines)))


def _what_now(pipeline: Path, service: str, version: int, pinned: int | None) -> list[str]:
    if pinned is not None:
        return [
            f"Selection {pinned} stays in use: it is pinned. To use this one: "
            f"headrace selection pin -p {pipeline} {service} {version}"
        ]
    return [
        "Training sets have these features from now on, Feast's service after `headrace apply`, and clients that are "
        "opened after the next `headrace materialize`."
    ]
