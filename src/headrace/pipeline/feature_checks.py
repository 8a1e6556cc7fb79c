"""What must hold between entities, feature groups, services and the sources that they read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from .column_types import NUMBERS, spoken
from .declared import RESERVED_COLUMNS, Fault, Place
from .feature import EVENTS, Entity, FeatureGroup, Prune, Service
from .source import Source
from .source_checks import check_interval
from .times import UNIT_US

Faults = Iterator[Fault]

KEY_TYPES = ("string", "long")
ORDERED = (*NUMBERS, "timestamp", "date", "string")


class Parts(Protocol):
    """The parts of a pipeline that features refer to."""

    sources: dict[str, Source]
    entities: dict[str, Entity]
    features: dict[str, FeatureGroup]
    services: dict[str, Service]


def check_features(parts: Parts) -> Faults:
    """Yields what is wrong in entities, features and services; places are paths in the file."""
    for name, entity in parts.entities.items():
        yield from _check_entity(("entities", name), entity)
    key_types: dict[str, tuple[str, str]] = {}
    for name, group in parts.features.items():
        yield from _check_group(("features", name), name, group, parts, key_types)
    yield from dict.fromkeys(_treated_keys(parts))
    for name, service in parts.services.items():
        yield from _check_service(("services", name), service, parts)


def _check_entity(place: Place, entity: Entity) -> Faults:
    for at, key in enumerate(entity.keys):
        if key in entity.keys[:at]:
            yield Fault((*place, "keys", at), f"'{key}' is listed twice", "Keep one")
        if key in RESERVED_COLUMNS:
            yield Fault((*place, "keys", at), f"the name '{key}' is reserved", "A key is a column of the sources")


def _check_group(
    place: Place, name: str, group: FeatureGroup, parts: Parts, key_types: dict[str, tuple[str, str]]
) -> Faults:
    if "__" in name or name.endswith("_"):
        yield Fault(
            place,
            f"the name '{name}' has two underscores in a row or one at its end",
            "They part group and column: group__column",
        )
    entity, source = parts.entities.get(group.entity), parts.sources.get(group.source)
    if entity is None:
        yield Fault.unknown((*place, "entity"), "entity", group.entity, parts.entities)
    if source is None:
        yield Fault.unknown((*place, "source"), "source", group.source, parts.sources)
    yield from _check_kind(place, group)
    yield from _check_windows(place, group)
    if source is None:
        return
    if entity is not None:
        yield from _check_keys(place, group, entity, source, key_types)
    yield from _check_clock(place, group, source)
    yield from _check_aggregates(place, group, source)
    yield from _check_latest(place, group, source)
    yield from _check_feature_names(place, group, source, entity)


def _check_kind(place: Place, group: FeatureGroup) -> Faults:
    if bool(group.aggregate) == bool(group.latest):
        what = "both 'aggregate' and 'latest'" if group.aggregate else "neither 'aggregate' nor 'latest'"
        yield Fault(place, f"a feature group has {what}", "A group has one of them; make two groups of it")
        return
    alien = ("windows", "hop") if group.latest else ("carry",)
    for key in alien:
        if getattr(group, "carry_us" if key == "carry" else key):
            kind = "latest values" if group.latest else "aggregates"
            yield Fault((*place, key), f"'{key}' has no meaning for {kind}", "Leave it out")
    if group.aggregate and not group.windows:
        yield Fault(place, "'windows' is missing here", "Say how far back aggregates look: windows: [1h, 24h]")


def _check_windows(place: Place, group: FeatureGroup) -> Faults:
    if not group.aggregate or not group.windows:
        return
    for at, window in enumerate(group.windows):
        if any(window.us == earlier.us for earlier in group.windows[:at]):
            yield Fault((*place, "windows", at), f"the window {window} is listed twice", "Keep one")
    hop_us = group.hop_us
    if hop_us is None:
        yield Fault(
            (*place, "windows"),
            "no whole number of minutes divides all windows",
            "State a 'hop' that does, such as 30s",
        )
        return
    for window in group.windows:
        if window.us % hop_us:
            yield Fault(
                (*place, "hop" if group.hop else "windows"),
                f"the hop {_minutes(hop_us)} does not divide the window {window}",
                "A hop divides all windows",
            )
    longest_us = max(window.us for window in group.windows) + hop_us
    if group.ttl_us is not None and group.ttl_us < longest_us:
        yield Fault(
            (*place, "ttl"),
            f"the ttl is shorter than the longest window and a hop ({_minutes(longest_us)})",
            "Make it at least that, or leave it out",
        )


def _minutes(us: int) -> str:
    return f"{us // UNIT_US['m']}m" if us % UNIT_US["m"] == 0 else f"{us // UNIT_US['s']}s"


def _check_keys(
    place: Place, group: FeatureGroup, entity: Entity, source: Source, key_types: dict[str, tuple[str, str]]
) -> Faults:
    columns = source.row_columns()
    for key in entity.keys:
        if key not in columns:
            yield Fault(
                (*place, "source"),
                f"the source '{group.source}' has no column '{key}', a key of '{group.entity}'",
                "Declare it, derive it, or choose another entity",
            )
            continue
        if columns[key] not in KEY_TYPES:
            yield Fault(
                (*place, "entity"),
                f"the key '{key}' is {spoken(columns[key])}",
                "Keys are strings or longs; derive one with a cast",
            )
        first_type, first_source = key_types.setdefault(key, (columns[key], group.source))
        if columns[key] != first_type:
            yield Fault(
                (*place, "source"),
                f"the key '{key}' is {spoken(columns[key])} here and {spoken(first_type)} in '{first_source}'",
                "A key has one type in all sources; derive one with a cast",
            )


def _treated_keys(parts: Parts) -> Faults:
    """A fault for each group; a row of training or a question online could not find what a treated key stands for."""
    for group in parts.features.values():
        entity, source = parts.entities.get(group.entity), parts.sources.get(group.source)
        for key in entity.keys if entity and source else ():
            if source and key in source.treated():
                block = ("clean", key) if key in source.clean else ("joint_outliers",)
                yield Fault(
                    ("sources", group.source, *block),
                    f"'{key}' is a key of '{group.entity}', and a key is not treated",
                    "Who asks has it as it was sent. Derive a key of another name, such as coalesce(key, 'none')",
                )


def _check_clock(place: Place, group: FeatureGroup, source: Source) -> Faults:
    if source.event_at is not None or source.topic is not None:
        return
    if group.aggregate:
        yield Fault(
            (*place, "aggregate"),
            f"the table '{group.source}' has no event_at, so windows have no meaning",
            "Use 'latest'",
        )
    for key, used in (("ttl", group.ttl_us), ("carry", group.carry_us)):
        if used:
            yield Fault(
                (*place, key), f"the table '{group.source}' has no event_at, so its rows hold for ever", "Leave it out"
            )


def _check_aggregates(place: Place, group: FeatureGroup, source: Source) -> Faults:
    columns = source.clean_columns()
    for name, wanted in group.aggregate.items():
        at = (*place, "aggregate", name)
        if wanted == EVENTS:
            if name in columns:
                yield Fault(
                    at,
                    f"'{name}' is a column of '{group.source}', and here it counts events",
                    "Choose a name that is no column",
                )
        elif name not in columns:
            yield Fault.unknown(at, "column", name, columns, of=group.source)
        else:
            yield from _check_aggregations(at, wanted, columns[name])


def _check_aggregations(place: Place, wanted: str | tuple[str, ...], column_type: str) -> Faults:
    legal = {
        "sum": NUMBERS,
        "stddev": NUMBERS,
        "mean": (*NUMBERS, "boolean"),
        "min": ORDERED,
        "max": ORDERED,
    }
    for at, aggregation in enumerate(wanted):
        if aggregation in legal and column_type not in legal[aggregation]:
            hint = f"'{aggregation}' is for: {', '.join(legal[aggregation])}"
            yield Fault((*place, at), f"there is no {aggregation} of {spoken(column_type)}", hint)


def _check_latest(place: Place, group: FeatureGroup, source: Source) -> Faults:
    columns = source.clean_columns()
    for at, name in enumerate(group.latest):
        if name not in columns:
            yield Fault.unknown((*place, "latest", at), "column", name, columns, of=group.source)
        if name in group.latest[:at]:
            yield Fault((*place, "latest", at), f"'{name}' is listed twice", "Keep one")
    for name in group.carry_us if group.latest else ():
        if name not in group.latest:
            yield Fault.unknown((*place, "carry", name), "latest column", name, group.latest)


def _check_feature_names(place: Place, group: FeatureGroup, source: Source, entity: Entity | None) -> Faults:
    keys = entity.keys if entity else ()
    for name, feature in group.feature_columns(source).items():
        block = "latest" if group.latest else "aggregate"
        inner = (group.latest.index(str(feature.column)),) if group.latest and feature.column in group.latest else ()
        at = (*place, block, *inner)
        if name in keys:
            yield Fault(at, f"the feature '{name}' is a key of '{group.entity}'", "A key is no feature; leave it out")
        elif group.latest and name != feature.column and name in group.latest:
            yield Fault(at, f"'{name}' clashes with the flag of the carried '{feature.column}'", "Rename the column")


def _check_service(place: Place, service: Service, parts: Parts) -> Faults:
    groups = parts.features
    for at, name in enumerate(service.features):
        if name not in groups:
            yield Fault.unknown((*place, "features", at), "feature group", name, groups)
        if name in service.features[:at]:
            yield Fault((*place, "features", at), f"'{name}' is listed twice", "Keep one")
    if service.prune:
        yield from check_interval((*place, "prune", "fit"), service.prune.fit)
        yield from _check_hand((*place, "prune"), service.prune, set(_features_of(service, parts)))


def _features_of(service: Service, parts: Parts) -> Iterator[str]:
    """The full names of the features of a service, of those groups that are whole."""
    for name in service.features:
        group = parts.features.get(name)
        source = group and parts.sources.get(group.source)
        if group and source:
            yield from (f"{name}__{column}" for column in group.feature_columns(source))


def _check_hand(place: Place, prune: Prune, features: set[str]) -> Faults:
    for block in ("keep", "drop"):
        listed = getattr(prune, block)
        for at, name in enumerate(listed):
            if name not in features:
                yield Fault.unknown((*place, block, at), "feature", name, features)
            if name in listed[:at]:
                yield Fault((*place, block, at), f"'{name}' is listed twice", "Keep one")
    for name in prune.drop:
        if name in prune.keep:
            yield Fault((*place, "drop", prune.drop.index(name)), f"'{name}' is also under 'keep'", "Keep one")
    if features and features <= set(prune.drop):
        yield Fault((*place, "drop"), "every feature of the service is dropped", "Leave some")
