"""The verbs about the pipeline file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .output import Result, table


def check(file: Annotated[Path, typer.Argument(help="The pipeline file.")]) -> Result:
    """Validate a pipeline file; each error names the line, what was found and what is legal."""
    from headrace.pipeline import load_pipeline

    pipeline = load_pipeline(file)
    shown = table(
        ["source", "from", "columns", "definition"],
        [
            (name, f"topic {s.topic}" if s.topic else f"table {s.table}", len(s.columns), pipeline.definition(name))
            for name, s in pipeline.sources.items()
        ],
    )
    data = {
        "pipeline": pipeline.pipeline,
        "sources": {name: pipeline.definition(name) for name in pipeline.sources},
        "features": sorted(pipeline.features),
        "services": sorted(pipeline.services),
        "training_sets": sorted(pipeline.training_sets),
    }
    return Result(data, shown)


def schema() -> Result:
    """Print the JSON Schema of a pipeline file, for editors."""
    from headrace.pipeline import Pipeline

    found = Pipeline.json_schema()
    return Result(found, json.dumps(found, indent=2))
