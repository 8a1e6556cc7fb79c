"""A modest start: counts and means of each source by its likeliest entity, over two windows."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from statistics import median
from typing import Any

from headrace.pipeline.times import UNIT_US

from .entities import Entity, entity_names, key_types
from .event_id import ID_NAME
from .event_time import instant_of
from .findings import Findings

MAX_MEANS = 4
# The time between two events of an entity up to which these windows hold some; beyond, the last.
WINDOWS = ((UNIT_US["h"], ("1h", "24h")), (UNIT_US["d"], ("24h", "7d")), (None, ("7d", "28d")))
MAX_NAME_CHARACTERS = 60


@dataclass(frozen=True)
class Group:
    """A feature group to be. `is_derived`: the key is a constant, as no column can be one."""

    name: str
    source: str
    entity: str
    key: str
    count_name: str
    means: tuple[str, ...]
    windows: tuple[str, ...]
    evidence: str
    decide: str | None = None
    is_derived: bool = False


def first_groups(found: Sequence[Findings], entities: Sequence[Entity]) -> list[Group]:
    """One group for each source, by the likeliest entity that comes again in it, or else in others.

    Where it names none, by a part of its event id, or by a constant where that has no legal key.
    """
    types = key_types(found)
    everything = next(name for name in _names("everything") if name not in types)
    keys = [_likeliest(source, entities, types) or _any_key(source, types) or everything for source in found]
    names = entity_names(dict.fromkeys([*(entity.key for entity in entities), *keys]))
    shared = {entity.key for entity in entities}
    barred = shared | set(keys)
    return [
        _group(source, names[key], key, barred, is_entity=key in shared, is_derived=key == everything)
        for source, key in zip(found, keys, strict=True)
    ]


def _likeliest(source: Findings, entities: Sequence[Entity], types: dict[str, str]) -> str | None:
    here = [entity.key for entity in entities if source.source in entity.sources]
    own = source.types()
    elsewhere = [e.key for e in entities if own.get(e.key) == types[e.key] and source.event_id.columns != (e.key,)]
    return next(iter([*here, *elsewhere]), None)


def _any_key(source: Findings, types: dict[str, str]) -> str | None:
    """A part of the event id that can be a key, and has not another type elsewhere."""
    parts = [source.column(name) for name in source.event_id.columns]
    return next((p.name for p in parts if p.type in ("string", "long") and types[p.name] == p.type), None)


def _group(
    source: Findings, entity: str, key: str, barred: Collection[str], *, is_entity: bool, is_derived: bool
) -> Group:
    gap_us = _typical_gap_us(source, None if is_derived else key)
    windows = next(names for most_us, names in WINDOWS if most_us is None or (gap_us is not None and gap_us <= most_us))
    taken = {column.name for column in source.columns}
    return Group(
        name=re.sub("_+", "_", f"{source.source}_by_{entity}"[:MAX_NAME_CHARACTERS]).rstrip("_"),
        source=source.source,
        entity=entity,
        key=key,
        count_name=next(name for name in _names("events") if name not in taken),
        means=_means(source, barred),
        windows=windows,
        evidence=_told(gap_us, entity),
        decide=None if is_entity else "whom do features describe? No column's values come again in the sample",
        is_derived=is_derived,
    )


def _names(first: str) -> Iterator[str]:
    yield first
    yield from (f"{first}_{number}" for number in count(2))


def _means(source: Findings, barred: Collection[str]) -> tuple[str, ...]:
    """The first columns that are measures: numbers, and yes or no, that are neither keys nor times."""
    no_measure = {*barred, *source.event_id.columns, source.event_time.column, *source.source.split("_")}
    measures = [
        column.name
        for column in source.columns
        if column.type in ("double", "long", "boolean")
        and column.name not in no_measure
        and not ID_NAME.search(column.name)
        and instant_of(column) is None
    ]
    return tuple(measures[:MAX_MEANS])


def _typical_gap_us(source: Findings, key: str | None) -> float | None:
    """The median time between two events of one entity (of all, without a key) that follow one another in a partition
    of the sample."""
    instant = instant_of(source.column(source.event_time.column))
    keys = [""] * len(source.documents) if key is None else source.column(key).values
    last: dict[tuple[int, Any], int] = {}
    gaps: list[int] = []
    for record, at_us, value in zip(source.documents.records, instant.values if instant else (), keys, strict=True):
        if at_us is None or value is None:
            continue
        place = (record.partition, value)
        if place in last:
            gaps.append(abs(at_us - last[place]))
        last[place] = at_us
    return median(gaps) if gaps else None


def _told(gap_us: float | None, entity: str) -> str:
    if gap_us is None:
        return f"no {entity} has two events in the sample"
    unit, word = next(
        ((u, word) for u, word in (("d", "d"), ("h", "h"), ("m", "min")) if gap_us >= UNIT_US[u]), ("s",) * 2
    )
    return f"half of the events of one {entity} come within {gap_us / UNIT_US[unit]:.3g} {word} of the one before"
