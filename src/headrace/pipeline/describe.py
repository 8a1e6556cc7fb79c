"""A pipeline in words, for `headrace pipeline check`."""

from __future__ import annotations

from collections.abc import Iterator

from .definition import source_definition
from .feature import FeatureGroup
from .model import Pipeline
from .source import Source
from .times import UNIT_US, iso
from .training import TrainingSet


def describe(pipeline: Pipeline) -> str:
    """What a pipeline declares, one line a part."""
    return "\n".join(_lines(pipeline))


def _lines(pipeline: Pipeline) -> Iterator[str]:
    yield f"{pipeline.pipeline}: {pipeline.description}" if pipeline.description else pipeline.pipeline
    blocks = {
        "sources": {name: _source(source) for name, source in pipeline.sources.items()},
        "entities": {name: ", ".join(entity.keys) for name, entity in pipeline.entities.items()},
        "features": {name: _group(group, pipeline) for name, group in pipeline.features.items()},
        "services": {name: f"{len(service.features)} groups" for name, service in pipeline.services.items()},
        "training sets": {name: _training_set(part) for name, part in pipeline.training_sets.items()},
    }
    for block, parts in blocks.items():
        if parts:
            yield f"{block} ({len(parts)})"
            yield from (f"  {name}: {text}" for name, text in parts.items())


def _source(source: Source) -> str:
    origin = f"topic {source.topic}" if source.topic else f"table {source.table}"
    cleaned = f", cleans {', '.join(source.treated())}" if source.treated() else ""
    fitted = "".join(f", {column} needs a plan ({rule})" for column, rule in source.fitted_rules().items())
    watched = f", watches the drift of {', '.join(source.watched())}" if source.drift else ""
    said = f"{origin}, {len(source.row_columns())} columns{cleaned}{fitted}{watched}"
    return f"{said}, definition {source_definition(source)}"


def _group(group: FeatureGroup, pipeline: Pipeline) -> str:
    count = len(group.feature_columns(pipeline.sources[group.source]))
    over = ""
    if group.hop_us is not None:
        hop = (
            f"{group.hop_us // UNIT_US['m']}m"
            if group.hop_us % UNIT_US["m"] == 0
            else f"{group.hop_us // UNIT_US['s']}s"
        )
        over = f" over {', '.join(map(str, group.windows))}, hop {hop}"
    return f"{count} features of {group.entity} from {group.source}{over}"


def _training_set(training_set: TrainingSet) -> str:
    train, test = iso(training_set.split.train.until_us), iso(training_set.split.test.until_us)
    rows, label = training_set.rows, training_set.label
    said = f"rows of {rows.source} at {rows.at}, label {label.value} of {label.source}"
    return f"{said}, train until {train}, test until {test}"
