"""Whom features may describe: columns whose values come again, in one topic and in several."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .columns import Column
from .event_id import ID_NAME, PROSE_CHARACTERS
from .findings import Findings

EVENTS_EACH = 2  # a value comes again: so many events share one, on average
MANY_VALUES = 50  # a whole number of several topics that takes so many values is a name, not a measure
PRESENT_SHARE = 0.5


@dataclass(frozen=True)
class Entity:
    """An entity of one key column, with the sources in which its values come again, and what speaks for it."""

    key: str
    sources: tuple[str, ...]
    evidence: str


def find_entities(found: Sequence[Findings]) -> list[Entity]:
    """The candidates, the likeliest first: those of the most sources, then by the records' keys, then as they come."""
    typed = [(each, each.types()) for each in found]
    sharing = {
        name: [each for each, types in typed if types.get(name) == kind] for name, kind in key_types(found).items()
    }
    keys = {name: [each for each in those if _is_key(each, name, len(those))] for name, those in sharing.items()}
    ranked = sorted(
        (name for name, those in keys.items() if those),
        key=lambda name: (
            -len(keys[name]),
            -sum(each.record_key == name for each in keys[name]),
            _odd(keys[name], name),
        ),
    )
    return [_entity(name, keys[name]) for name in ranked]


def key_types(found: Sequence[Findings]) -> dict[str, str]:
    """The type that a column of each name has as a key: that of the first source, since a key has one type in all."""
    types: dict[str, str] = {}
    for each in found:
        types = each.types() | types
    return types


def entity_names(keys: Collection[str]) -> dict[str, str]:
    """A name for the entity of each key column: the column's, without `_id` where that leaves a name of its own.

    Each key stands in `keys` once.
    """
    names: dict[str, str] = {}
    for key in keys:
        short = re.sub("_+", "_", key.removesuffix("_id")).strip("_") or key
        names[key] = key if short in names.values() or (short != key and short in keys) else short
    return names


def _is_key(source: Findings, name: str, topics: int) -> bool:
    """Whether a column of a source names something that comes again in it."""
    column = source.column(name)
    if column.type not in ("string", "long") or source.event_id.columns == (name,) or _reads_time(source, name):
        return False
    if column.present < PRESENT_SHARE * len(column.values) or column.present < EVENTS_EACH * column.distinct:
        return False
    if column.type == "string":
        return _characters(column) <= PROSE_CHARACTERS * column.present
    named = bool(ID_NAME.search(name)) or name in re.split("_", source.source) or name == source.record_key
    return named or (topics > 1 and column.distinct >= MANY_VALUES)


def _reads_time(source: Findings, name: str) -> bool:
    return source.event_time.column == name


def _characters(column: Column) -> int:
    return sum(len(value) for value in column.values if value is not None)


def _odd(sources: Sequence[Findings], name: str) -> bool:
    """Whether a column says little as a key: one value only, or missing at times."""
    columns = [source.column(name) for source in sources]
    return any(column.distinct < 2 or not column.never_missing for column in columns)


def _entity(key: str, sources: Sequence[Findings]) -> Entity:
    values = {value for source in sources for value in source.column(key).values} - {None}
    events = sum(source.column(key).present for source in sources)
    where = f" of {len(sources)} topics" if len(sources) > 1 else ""
    evidence = f"{len(values):,} values in {events:,} events{where}"
    if keyed := sum(source.record_key == key for source in sources):
        evidence += f"; the record's key{f' in {keyed} of them' if len(sources) > 1 else ''}"
    return Entity(key, tuple(each.source for each in sources), evidence)
