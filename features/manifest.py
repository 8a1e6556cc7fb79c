"""The manifest beside a stored training set: what it was made from, so that it can be made again, byte by byte."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as pq

from headrace import __version__
from headrace.errors import CheckFailed, ContractError, UsageError
from headrace.pipeline import Pipeline, load_pipeline
from headrace.pipeline.definition import training_set_definition

from .training_assembly import assemble
from .training_inputs import Inputs
from .training_rows import Choice
from .training_set import TrainingSet

DATA_FILE, MANIFEST_FILE = "data.parquet", "manifest.json"
FORMAT = 1


def store(training_set: TrainingSet, folder: Path, pipeline: Pipeline, text: str | None) -> dict[str, Any]:
    """Writes the data, then the manifest, into `folder`, and gives the manifest.

    `text` is that of the pipeline file, which the manifest keeps with its checksum; None where there was none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write_data(training_set, folder / DATA_FILE)
    content = describe(training_set, pipeline, text, _sha256(folder / DATA_FILE))
    (folder / MANIFEST_FILE).write_text(json.dumps(content, indent=2) + "\n")
    return content


def describe(training_set: TrainingSet, pipeline: Pipeline, text: str | None, sha256: str) -> dict[str, Any]:
    """The manifest of a training set whose data file has the checksum `sha256`; instants in microseconds since 1970."""
    service = pipeline.training_sets[training_set.name].service
    return {
        "format": FORMAT,
        "pipeline": pipeline.pipeline,
        "training_set": training_set.name,
        "service": service,
        "choice": asdict(training_set.choice),
        "pipeline_file": None if text is None else {"sha256": hashlib.sha256(text.encode()).hexdigest(), "text": text},
        "inputs": training_set.inputs.to_json(),
        "clean": _clean_lineage(training_set.inputs, pipeline),
        "code": {"headrace": __version__, **{name: version(name) for name in ("pyarrow", "numpy", "deltalake")}},
        "data": {
            "file": DATA_FILE,
            "rows": len(training_set),
            "columns": {field.name: str(field.type) for field in training_set.table.schema},
            "sha256": sha256,
        },
    }


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest in file `path`, or in the folder `path`.

    Raises:
        UsageError: there is none, or it is not a manifest that this version reads.
    """
    path = path / MANIFEST_FILE if path.is_dir() else path
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as err:
        raise UsageError(f"{path} is not a manifest: {err}. A stored training set has one beside it") from err
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UsageError(f"{path} is not a manifest of format {FORMAT}, which this version reads")
    return content


def rebuild(manifest: Mapping[str, Any], lake: Path, folder: Path, pipeline: Pipeline | None = None) -> Path:
    """Makes the data file of a manifest again, in `folder`, and gives its path. The manifest is written beside it.

    `pipeline` is needed only where the manifest holds no text of a pipeline file.

    Raises:
        UsageError: neither the manifest nor the caller has the pipeline, or it is another than that of the manifest.
        ContractError: an input is gone; the message says which.
        CheckFailed: the bytes differ; the message says what else does.
    """
    pipeline = _pipeline_of(manifest, pipeline)
    inputs, choice = Inputs.from_json(manifest["inputs"]), Choice(**manifest["choice"])
    try:
        made = assemble(pipeline, manifest["training_set"], lake, inputs, choice)
    except ContractError as err:
        raise ContractError(
            f"the training set '{manifest['training_set']}' cannot be made again, because an input is gone: {err}"
        ) from err
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / DATA_FILE
    _write_data(made, data)
    if (found := _sha256(data)) != manifest["data"]["sha256"]:
        then = manifest["data"]
        raise CheckFailed(
            f"the training set was made again in {data}, but its bytes differ: SHA-256 {found} instead of "
            f"{then['sha256']}, {len(made)} rows instead of {then['rows']}; {_other_code(manifest)}"
        )
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest, indent=2) + "\n")
    return data


def _pipeline_of(manifest: Mapping[str, Any], given: Pipeline | None) -> Pipeline:
    file, pipeline = manifest["pipeline_file"], given
    if pipeline is None:
        if file is None:
            raise UsageError("the manifest holds no pipeline file, since the set came from a Pipeline: give it again")
        with TemporaryDirectory() as folder:
            path = Path(folder) / "pipeline.yaml"
            path.write_text(file["text"], newline="")
            pipeline = load_pipeline(path)
    name, wanted = manifest["training_set"], manifest["inputs"]["definition"]
    if name not in pipeline.training_sets or training_set_definition(pipeline, name) != wanted:
        raise UsageError(
            f"the pipeline does not define '{name}' as the manifest does ({wanted}). Give the file of then"
        )
    return pipeline


def _clean_lineage(inputs: Inputs, pipeline: Pipeline) -> dict[str, Any]:
    """The versions of clean tables that rows and groups were made from; no plan is fitted yet."""
    return {
        "plan": None,
        "rows": list(inputs.rows_read),
        "groups": {
            name: {
                "source": pipeline.features[name].source,
                "version": group.build and group.build.clean_version,
                "until_us": group.build and group.build.until_us,
            }
            for name, group in inputs.groups.items()
        },
    }


def _write_data(training_set: TrainingSet, path: Path) -> None:
    part = path.with_suffix(".part")
    pq.write_table(training_set.table, part, compression="zstd", row_group_size=100_000)
    part.replace(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _other_code(manifest: Mapping[str, Any]) -> str:
    now = {name: __version__ if name == "headrace" else version(name) for name in manifest["code"]}
    changed = [
        f"{name} {then} then and {now[name]} now" for name, then in manifest["code"].items() if now[name] != then
    ]
    return ", ".join(changed) or "versions of the code are the same"
