"""The manifest beside a stored training set: what it was made from, so that it can be made again, byte by byte."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as pq

from headrace import __version__
from headrace.errors import CheckFailed, ContractError, MachineError, PipelineError, UsageError
from headrace.pipeline import Pipeline, load_pipeline
from headrace.pipeline.definition import training_set_definition

from .manifest_shape import shape_fault
from .training_assembly import assemble
from .training_inputs import Inputs
from .training_rows import Choice
from .training_set import TrainingSet

DATA_FILE, MANIFEST_FILE = "data.parquet", "manifest.json"
DIFFERING_FILE = "data.differs.parquet"  # what was made again, and is not what it was
FORMAT = 1


def store(training_set: TrainingSet, folder: Path, pipeline: Pipeline, text: str | None) -> dict[str, Any]:
    """Writes the data, then the manifest, into `folder`, and gives the manifest.

    `text` is that of the pipeline file, which the manifest keeps with its checksum; None where there was none. A
    manifest that was there goes first, so that at no moment one lies beside data of another.

    Raises:
        UsageError: the folder cannot be made.
        MachineError: it cannot be written.
    """
    part = _write_part(training_set, folder)
    content = describe(training_set, pipeline, text, _sha256(part))
    (folder / MANIFEST_FILE).unlink(missing_ok=True)
    part.replace(folder / DATA_FILE)
    _write_manifest(content, folder)
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
        UsageError: there is none, it is not a manifest that this version reads, or it is damaged.
    """
    path = path / MANIFEST_FILE if path.is_dir() else path
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as err:
        raise UsageError(f"{path} is not a manifest: {err}. A stored training set has one beside it") from err
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UsageError(f"{path} is not a manifest of format {FORMAT}, which this version reads")
    if fault := shape_fault(content):
        raise UsageError(f"{path} is no whole manifest: {fault}. Take the one that was written with the training set")
    return content


def rebuild(manifest: Mapping[str, Any], lake: Path, folder: Path, pipeline: Pipeline | None = None) -> Path:
    """Makes the data file of a manifest (`read_manifest`) again, in `folder`, and gives its path. The manifest is
    written beside it.

    `pipeline` is needed only where the manifest holds no text of a pipeline file.

    Raises:
        UsageError: neither the manifest nor the caller has the pipeline, or it is another than that of the manifest.
        ContractError: an input is gone; the message says which.
        CheckFailed: the bytes differ; the message says what else does, and where they are. What was there stays.
        MachineError: the folder cannot be written.
    """
    pipeline = _pipeline_of(manifest, pipeline)
    inputs, choice = Inputs.from_json(manifest["inputs"]), Choice(**manifest["choice"])
    try:
        made = assemble(pipeline, manifest["training_set"], lake, inputs, choice)
    except ContractError as err:
        raise ContractError(
            f"the training set '{manifest['training_set']}' cannot be made again, because an input is gone: {err}"
        ) from err
    part = _write_part(made, folder)
    if (found := _sha256(part)) != manifest["data"]["sha256"]:
        then, differing = manifest["data"], part.replace(folder / DIFFERING_FILE)
        raise CheckFailed(
            f"the training set was made again in {differing}, but its bytes differ: SHA-256 {found} instead of "
            f"{then['sha256']}, {len(made)} rows instead of {then['rows']}; {_other_code(manifest)}"
        )
    data = part.replace(folder / DATA_FILE)
    _write_manifest(manifest, folder)
    return data


def _pipeline_of(manifest: Mapping[str, Any], given: Pipeline | None) -> Pipeline:
    file, pipeline = manifest["pipeline_file"], given
    if pipeline is None:
        if file is None:
            raise UsageError("the manifest holds no pipeline file, since the set came from a Pipeline: give it again")
        pipeline = _pipeline_from(file["text"])
    name, wanted = manifest["training_set"], manifest["inputs"]["definition"]
    if name not in pipeline.training_sets or training_set_definition(pipeline, name) != wanted:
        raise UsageError(
            f"the pipeline does not define '{name}' as the manifest does ({wanted}). Give the file of then"
        )
    service = pipeline.services[pipeline.training_sets[name].service]
    if lacking := sorted(set(service.features) - set(manifest["inputs"]["groups"])):
        raise UsageError(f"the manifest pins no tables of '{lacking[0]}', which '{name}' is made of: it is not whole")
    return pipeline


def _pipeline_from(text: str) -> Pipeline:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "pipeline.yaml"
        path.write_bytes(text.encode())
        try:
            return load_pipeline(path)
        except PipelineError as err:
            raise UsageError(
                f"this version does not read the pipeline file in the manifest: line {err.line}: {err.problem}. "
                "Make the set again with the version that made it (`code` in the manifest), or give a file with -p"
            ) from err


def _clean_lineage(inputs: Inputs, pipeline: Pipeline) -> dict[str, Any]:
    """The versions of clean tables that rows and groups were made from; a clean row says which plan treated it."""
    return {
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


def _write_part(training_set: TrainingSet, folder: Path) -> Path:
    """The data in `folder`, under a name that nobody reads."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise UsageError(f"the folder {folder} cannot be made: {err}. Name another") from err
    part = folder / DATA_FILE.replace(".parquet", ".part")
    try:
        pq.write_table(training_set.table, part, compression="zstd", row_group_size=100_000)
    except OSError as err:
        raise MachineError(f"{part} cannot be written: {err}. What was in the folder is as it was") from err
    return part


def _write_manifest(content: Mapping[str, Any], folder: Path) -> None:
    part = folder / MANIFEST_FILE.replace(".json", ".part")
    part.write_text(json.dumps(content, indent=2) + "\n")
    part.replace(folder / MANIFEST_FILE)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _other_code(manifest: Mapping[str, Any]) -> str:
    now = {name: _version(name) for name in manifest["code"]}
    changed = [
        f"{name} {then} then and {now[name]} now" for name, then in manifest["code"].items() if now[name] != then
    ]
    return ", ".join(changed) or "versions of the code are the same"


def _version(package: str) -> str:
    try:
        return __version__ if package == "headrace" else version(package)
    except PackageNotFoundError:
        return "none"
