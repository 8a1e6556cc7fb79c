"""A pipeline file as Feast objects: an entity a key column, a feature view a group, a feature service a service.

Pure: nothing is registered here. Feast's project has the pipeline's name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, Project, PushSource
from feast.types import from_value_type

from headrace.pipeline import Pipeline

from .feast_source import FEAST_TYPES, DeltaSource, RegisteredGroup
from .selection import Selection, kept_by
from .spec import GroupSpec, group_spec, service_spec

PIPELINE_TAG, DEFINITION_TAG, KEYS_TAG, SOURCE_TAG, SELECTION_TAG = (
    "headrace.pipeline",  # who registered it: only objects with this tag are ever removed
    "headrace.definition",
    "headrace.keys",
    "headrace.source",
    "headrace.selection",  # of a service that is pruned: the number of the selection that holds
)
NO_OWNER = "unowned"

FeastObject = Project | Entity | FeatureView | FeatureService


def feast_objects(pipeline: Pipeline, selections: Mapping[str, Selection]) -> list[FeastObject]:
    """All objects of a pipeline file: the project, entities, feature views, feature services; services with the
    features of their `selections`, those that have none with all.
    """
    specs = [group_spec(pipeline, name) for name in pipeline.features]
    entities = _entities(pipeline.pipeline, specs)
    views = {spec.name: _view(pipeline.pipeline, spec, [entities[key] for key in spec.keys]) for spec in specs}
    services = [_service(pipeline, name, views, selections.get(name)) for name in pipeline.services]
    return [_project(pipeline), *entities.values(), *views.values(), *services]


def _project(pipeline: Pipeline) -> Project:
    name = pipeline.pipeline
    return Project(
        name=name,
        description=pipeline.description or f"the features of {name}",
        owner=pipeline.owner or NO_OWNER,
        tags={PIPELINE_TAG: name},
    )


def _entities(pipeline: str, specs: Sequence[GroupSpec]) -> dict[str, Entity]:
    kinds: dict[str, str] = {}
    users: dict[str, list[str]] = {}
    for spec in specs:
        for key, kind in spec.keys.items():
            kinds[key] = kind  # the same in all groups, which the pipeline file sees to
            users.setdefault(key, [])
            if spec.entity not in users[key]:
                users[key].append(spec.entity)
    return {
        key: Entity(
            name=key,
            join_keys=[key],
            value_type=FEAST_TYPES[kind],
            description=f"{key} ({kind}): a key of {', '.join(users[key])}",
            owner=next(spec.owner or NO_OWNER for spec in specs if key in spec.keys),
            tags={PIPELINE_TAG: pipeline},
        )
        for key, kind in kinds.items()
    }


def _view(pipeline: str, spec: GroupSpec, entities: list[Entity]) -> FeatureView:
    owner = spec.owner or NO_OWNER
    tags = {
        PIPELINE_TAG: pipeline,
        DEFINITION_TAG: spec.definition,
        KEYS_TAG: ",".join(spec.keys),
        SOURCE_TAG: spec.group.source,
    }
    group = RegisteredGroup(pipeline, spec.name, spec.definition, dict(spec.keys), spec.features)
    table = DeltaSource(group=group, description=f"the tables of {spec.name}", tags=tags, owner=owner)
    keys = [_field(key, kind, f"a key of {spec.entity}", {"type": kind}) for key, kind in spec.keys.items()]
    return FeatureView(
        name=spec.name,
        entities=entities,
        schema=[*keys, *(_feature(spec, name) for name in spec.features)],
        source=PushSource(name=spec.name, batch_source=table, description=table.description, tags=tags, owner=owner),
        ttl=timedelta(0) if spec.ttl_us is None else timedelta(microseconds=spec.ttl_us),
        online=True,
        description=spec.description,
        owner=owner,
        tags=tags,
    )


def _feature(spec: GroupSpec, name: str) -> Field:
    kind, column = spec.features[name], spec.columns[name].column
    tags = {"group": spec.name, "owner": spec.owner or NO_OWNER, "type": kind, "source": spec.group.source}
    declared = spec.source.columns.get(column or "")
    if declared is not None and declared.unit:
        tags["unit"] = declared.unit
    return _field(name, kind, _what_it_says(spec, name), tags)


def _what_it_says(spec: GroupSpec, name: str) -> str:
    feature, source = spec.columns[name], spec.group.source
    if feature.column is None:
        text = f"number of {source} events"
    elif feature.aggregation is None:
        text = f"latest {feature.column} of {source}"
    else:
        text = f"{feature.aggregation} of {feature.column} of {source}"
    if feature.window is not None:
        text += f" in the last {feature.window.text}"
    declared = spec.source.columns.get(feature.column or "") or spec.source.derive.get(feature.column or "")
    return f"{text}: {declared.description}" if declared is not None and declared.description else text


def _field(name: str, kind: str, description: str, tags: dict[str, str]) -> Field:
    return Field(name=name, dtype=from_value_type(FEAST_TYPES[kind]), description=description, tags=tags)


def _service(
    pipeline: Pipeline, name: str, views: dict[str, FeatureView], selection: Selection | None
) -> FeatureService:
    spec, owner = service_spec(pipeline, name, kept_by(selection)), pipeline.owner or NO_OWNER
    given = {group.name: list(spec.served(group)) for group in spec.groups}
    tags = {PIPELINE_TAG: pipeline.pipeline, "owner": owner}  # Feast's page of a service shows only its tags
    if selection is not None:
        tags[SELECTION_TAG] = str(selection.version)
    return FeatureService(
        name=name,
        features=[views[name] if selection is None else views[name][names] for name, names in given.items() if names],
        description=spec.description or f"{', '.join(group.name for group in spec.groups)} together",
        owner=owner,
        tags=tags,
    )
