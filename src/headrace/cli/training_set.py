"""The verb `training-set`: a training set and its manifest as files, or made again from a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, cast

import typer

from headrace.errors import UsageError
from headrace.settings import load_settings

from .options import Home, Lake
from .output import Result, spoken_warnings, step

Name = Annotated[str | None, typer.Argument(metavar="[NAME]", help="The training set.")]
PipelineOption = Annotated[Path | None, typer.Option("--pipeline", "-p", help="The pipeline file.")]
Out = Annotated[Path, typer.Option(help="Folder for data.parquet and manifest.json.")]
Split = Annotated[str | None, typer.Option(metavar="train|test", help="Only this part.")]
SplitAt = Annotated[
    str | None, typer.Option("--split-at", metavar="TIME", help="With --split, instead of the file's train.until.")
]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Instead of the file's test.until.")]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="event|knowledge", help="knowledge: only what had arrived. (default: event)"),
]
WithUnlabelled = Annotated[bool, typer.Option("--with-unlabelled", help="Rows without a label, too.")]
Selection = Annotated[
    int | None,
    typer.Option(metavar="N", help="The features of this selection; 0: all. (default: the one that holds)"),
]
Rebuild = Annotated[Path | None, typer.Option(metavar="MANIFEST", help="Make the set of this manifest again.")]


def training_set(
    out: Out,
    name: Name = None,
    pipeline: PipelineOption = None,
    split: Split = None,
    split_at: SplitAt = None,
    until: Until = None,
    as_of: AsOf = None,
    with_unlabelled: WithUnlabelled = False,
    selection: Selection = None,
    rebuild: Rebuild = None,
    home: Home = None,
    lake: Lake = None,
) -> Result:
    """Write a training set as data.parquet, with a manifest of all that it was made from; or make one again."""
    settings = load_settings({"home": home, "lake": lake})
    if rebuild is not None:
        if name or with_unlabelled or any(choice is not None for choice in (split, split_at, until, as_of, selection)):
            raise UsageError("--rebuild takes everything from the manifest. Leave out the name and the choice of rows")
        return _rebuilt(rebuild, settings.lake, out, pipeline)
    if name is None or pipeline is None:
        raise UsageError("say which training set of which file (`headrace training-set NAME -p FILE`), or --rebuild")
    from headrace.features.training import TrainingClient

    with step("training-set"), spoken_warnings("training-set"):
        client = TrainingClient(pipeline, settings)
        made = client.training_set(
            name,
            split=cast("Literal['train', 'test'] | None", split),
            split_at=split_at,
            until=until,
            as_of=cast("Literal['event', 'knowledge']", "event" if as_of is None else as_of),
            with_unlabelled=with_unlabelled,
            selection=selection,
        )
        manifest = client.store(made, out)
    return _result(manifest, out)


def _rebuilt(manifest_file: Path, lake: Path, out: Path, pipeline: Path | None) -> Result:
    from headrace.features import manifest
    from headrace.pipeline import load_pipeline

    content = manifest.read_manifest(manifest_file)
    with step("training-set"):
        manifest.rebuild(content, lake, out, None if pipeline is None else load_pipeline(pipeline))
    return _result(content, out)


def _result(manifest: dict[str, Any], out: Path) -> Result:
    data = manifest["data"]
    selection = (manifest["inputs"].get("selection") or {}).get("version")
    columns = f"{len(data['columns'])} columns" + (f" of selection {selection}" if selection else "")
    shown = f"{out / data['file']}: {data['rows']:,} rows, {columns}, SHA-256 {data['sha256']}"
    found = {"folder": str(out), "training_set": manifest["training_set"], "selection": selection, **data}
    return Result(found, shown)
