"""What a feature group and a service are as tables and as names: derived from the pipeline file, and from nothing else.

A group's table has the entity's keys, `event_at`, `known_at` and `_created_at`, then the features. Where groups meet
(training sets, vectors, answers), a feature is called `{group}__{column}`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from headrace.errors import UsageError, near_names
from headrace.pipeline import FeatureColumn, FeatureGroup, Pipeline, Source
from headrace.pipeline.definition import group_definition
from headrace.tables import CREATED_AT, EVENT_AT, KNOWN_AT

SEPARATOR = "__"


@dataclass(frozen=True)
class GroupSpec:
    """One feature group: whom it describes, its columns in order, and how long a row holds."""

    name: str
    description: str
    owner: str
    definition: str
    entity: str
    keys: Mapping[str, str]  # name to type (string or long), in the entity's order
    columns: Mapping[str, FeatureColumn]
    ttl_us: int | None
    group: FeatureGroup
    source: Source

    @property
    def features(self) -> dict[str, str]:
        """Name to type of the features, in order."""
        return {name: column.type for name, column in self.columns.items()}

    def table_columns(self) -> dict[str, str]:
        """Name to type of the columns of the group's tables. Keys and clocks come first, so that files keep their
        statistics.
        """
        return {**self.keys, EVENT_AT: "timestamp", KNOWN_AT: "timestamp", CREATED_AT: "timestamp", **self.features}

    def full_name(self, column: str) -> str:
        """What the feature `column` is called where groups meet."""
        return f"{self.name}{SEPARATOR}{column}"


@dataclass(frozen=True)
class ServiceSpec:
    """Feature groups that are served together; `kept` are the full names of the features that pruning left, None: all.

    The groups are whole, as their tables and packed rows are; `features` and `served` say what is given out.
    """

    name: str
    description: str
    groups: tuple[GroupSpec, ...]
    kept: frozenset[str] | None = None

    @property
    def keys(self) -> dict[str, str]:
        """Name to type of all keys that a row must have, in the order in which groups need them."""
        return {key: kind for group in self.groups for key, kind in group.keys.items()}

    @property
    def features(self) -> dict[str, str]:
        """Full name to type of the features given out: the columns of a training set or a vector, in order."""
        return {group.full_name(name): kind for group in self.groups for name, kind in self.served(group).items()}

    def served(self, group: GroupSpec) -> dict[str, str]:
        """Name to type of the features of `group` that are given out, in order."""
        return {name: kind for name, kind in group.features.items() if self._is_kept(group.full_name(name))}

    def _is_kept(self, feature: str) -> bool:
        return self.kept is None or feature in self.kept


def group_spec(pipeline: Pipeline, name: str) -> GroupSpec:
    """The feature group `name`.

    Raises:
        UsageError: there is none of this name; the message lists the nearest.
    """
    if name not in pipeline.features:
        raise UsageError(f"there is no feature group '{name}'. Did you mean: {near_names(name, pipeline.features)}?")
    group = pipeline.features[name]
    source = pipeline.sources[group.source]
    types = source.row_columns()
    return GroupSpec(
        name=name,
        description=group.description
        or f"{group.entity}: {'latest values' if group.latest else 'aggregates'} of {group.source}",
        owner=group.owner or source.owner or pipeline.owner or "",
        definition=group_definition(pipeline, name),
        entity=group.entity,
        keys={key: types[key] for key in pipeline.entities[group.entity].keys},
        columns=group.feature_columns(source),
        ttl_us=group.ttl_us,
        group=group,
        source=source,
    )


def service_spec(pipeline: Pipeline, name: str, kept: Iterable[str] | None = None) -> ServiceSpec:
    """The service `name`, with the features `kept` (full names; None: all).

    Raises:
        UsageError: there is none of this name; the message lists the nearest.
    """
    if name not in pipeline.services:
        raise UsageError(f"there is no service '{name}'. Did you mean: {near_names(name, pipeline.services)}?")
    service = pipeline.services[name]
    return ServiceSpec(
        name=name,
        description=service.description or "",
        groups=tuple(group_spec(pipeline, group) for group in service.features),
        kept=None if kept is None else frozenset(kept),
    )
