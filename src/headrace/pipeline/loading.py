"""From a file to a pipeline."""

from __future__ import annotations

from pathlib import Path

from headrace.errors import PipelineError

from .declared import Fault, found
from .model import Pipeline, UnplacedError
from .yaml_lines import Document, YamlFault, read_yaml


def load_pipeline(path: Path) -> Pipeline:
    """Reads and checks a pipeline file.

    Raises:
        PipelineError: the file is not there, is not YAML, or says something that cannot be: the first thing that is
            wrong, in the order of the file. `others` has the rest.
    """
    try:
        content = path.read_bytes()
    except OSError as err:
        raise PipelineError(
            str(path), 1, f"the file cannot be read: {err.strerror}", "Give the path of a pipeline file"
        ) from err
    try:
        document = read_yaml(content)
    except YamlFault as fault:
        raise PipelineError(str(path), fault.line, fault.problem, fault.hint) from None
    if not isinstance(document.value, dict):
        hint = "A pipeline file begins with 'pipeline: NAME' and 'sources:'"
        raise PipelineError(str(path), 1, f"found {found(document.value)} instead of a mapping", hint)
    try:
        return Pipeline(**document.value)
    except UnplacedError as err:
        raise _placed(path, document, err.faults) from None


def _placed(path: Path, document: Document, faults: list[Fault]) -> PipelineError:
    placed = sorted(((document.line(fault.place), fault) for fault in faults), key=lambda pair: pair[0])
    errors = [PipelineError(str(path), line, fault.problem, fault.hint) for line, fault in placed]
    errors[0].others = tuple(errors[1:])
    return errors[0]
