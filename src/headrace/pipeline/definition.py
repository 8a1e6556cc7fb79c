"""Fingerprints: what must be rebuilt when the file changes, and what need not.

A source's definition is what makes its rows what they are: event id, event time, column names and types, derived
columns, the clean block and joint rules. Descriptions, owners, units, admission rules (`required`, `one_of`,
`between`, `late`, `unknown_fields`, `expect`), `drift`, `fit` and the topic's name are not part of it; nor is a
fitted plan.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .cleaning import ColumnCleaning, Constant
from .feature import FeatureGroup
from .source import Derived, Source
from .times import instant_us

if TYPE_CHECKING:
    from .model import Pipeline

FINGERPRINT_CHARS = 12

_NOTHING = object()
_ADDED_LATER = {"side": "both", "transform": None}
_FOR_PEOPLE = {"description", "owner", "unit"}


def source_definition(source: Source) -> str:
    """The fingerprint of a source. The order of columns, and how the file is laid out, do not matter."""
    return _fingerprint(
        {
            "event_id": source.event_id,
            "event_at": source.event_at and source.event_at.canonical,
            "columns": {name: column.type for name, column in source.columns.items()},
            "derive": _derived(source.derive),
            "clean": {name: _cleaning(cleaning, source.columns[name].type) for name, cleaning in source.clean.items()},
            **_joint(source),
        }
    )


def source_rules(source: Source) -> str:
    """The fingerprint of all that decides what becomes of a record: the definition, and the rules of admission."""
    return _fingerprint(_without_words(source.model_dump(mode="json")))


def group_definition(pipeline: Pipeline, name: str) -> str:
    """The fingerprint of a feature group: its own block, the keys of its entity, and the definition of its source."""
    group = pipeline.features[name]
    return _fingerprint(
        {
            "keys": pipeline.entities[group.entity].keys,
            "source": [group.source, source_definition(pipeline.sources[group.source])],
            **_group(group),
        }
    )


def training_set_definition(pipeline: Pipeline, name: str) -> str:
    """The fingerprint of a training set: its own block, and the definitions of its sources and its service's groups.

    Which features of the service are then left out is not part of it: rows have all that is needed for any choice.
    """
    training_set = pipeline.training_sets[name]
    rows, label, split = training_set.rows, training_set.label, training_set.split
    service = pipeline.services[training_set.service]
    return _fingerprint(
        {
            "rows": [rows.source, rows.at.canonical],
            "label": [label.source, label.by, label.type, label.value.canonical, label.known_at.canonical],
            "extra": _derived(training_set.extra),
            "split_us": [split.train.until_us, split.test.until_us, split.embargo_us],
            "sources": {source: source_definition(pipeline.sources[source]) for source in {rows.source, label.source}},
            "groups": {group: group_definition(pipeline, group) for group in service.features},
        }
    )


def service_definition(pipeline: Pipeline, name: str) -> str:
    """The fingerprint of what decides which features of a service are alike: its groups, in order, and its pruning."""
    service = pipeline.services[name]
    prune = service.prune
    by_hand = {} if prune is None else {"keep": sorted(prune.keep), "drop": sorted(prune.drop)}
    return _fingerprint(
        {
            "groups": [[group, group_definition(pipeline, group)] for group in service.features],
            "prune": prune and {**prune.model_dump(), **by_hand},
        }
    )


def _without_words(found: Any) -> Any:
    if isinstance(found, Mapping):
        return {name: _without_words(value) for name, value in found.items() if name not in _FOR_PEOPLE}
    return [_without_words(value) for value in found] if isinstance(found, list) else found


def _derived(columns: Mapping[str, Derived]) -> dict[str, list[str]]:
    return {name: [derived.type, derived.value.canonical] for name, derived in columns.items()}


def _group(group: FeatureGroup) -> dict[str, Any]:
    return {
        "aggregate": {
            name: sorted(wanted) if isinstance(wanted, tuple) else wanted for name, wanted in group.aggregate.items()
        },
        "windows": sorted((window.us, window.text) for window in group.windows),
        "hop_us": group.hop_us,
        "latest": sorted(group.latest),
        "ttl_us": group.ttl_us,
        "carry_us": group.carry_us,
    }


def _cleaning(cleaning: ColumnCleaning, column_type: str) -> dict[str, Any]:
    rules = {part: _rule(rule) for part in ("outliers", "missing") if (rule := getattr(cleaning, part)) is not None}
    if isinstance(cleaning.missing, Constant):
        rules["missing"]["value"] = _constant(cleaning.missing.value, column_type)
    return rules


def _rule(rule: Any) -> dict[str, Any]:
    """A rule as it is declared. Keys that came later are left out at their defaults: no table is rebuilt for them."""
    return {name: value for name, value in rule.model_dump().items() if _ADDED_LATER.get(name, _NOTHING) != value}


def _joint(source: Source) -> dict[str, Any]:
    rules = {
        name: {**rule.model_dump(), "columns": sorted(rule.columns)} for name, rule in source.joint_outliers.items()
    }
    return {"joint_outliers": rules} if rules else {}


def _constant(value: Any, column_type: str) -> Any:
    if column_type == "timestamp":
        return instant_us(value)
    return float(value) if column_type == "double" else value


def _fingerprint(content: dict[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:FINGERPRINT_CHARS]
