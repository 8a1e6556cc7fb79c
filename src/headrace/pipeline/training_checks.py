"""What must hold between a training set, the sources of its rows and label, and its service."""

from __future__ import annotations

from collections.abc import Iterator

from .column_types import ColumnType, spoken
from .declared import RESERVED_COLUMNS, Fault, Place
from .feature_checks import Parts
from .source import Source
from .source_checks import bind
from .times import iso
from .training import TrainingSet

Faults = Iterator[Fault]

ROW_COLUMNS = frozenset({"row_id", "at", "label", "label_known_at", "split"})  # what a training row has of its own


def check_training_set(place: Place, training_set: TrainingSet, parts: Parts) -> Faults:
    """Yields what is wrong in one training set, its expressions aside; places are paths in the file."""
    rows, outcome = training_set.rows, training_set.label
    if training_set.service not in parts.services:
        yield Fault.unknown((*place, "service"), "service", training_set.service, parts.services)
    for key, name in (("rows", rows.source), ("label", outcome.source)):
        if name not in parts.sources:
            yield Fault.unknown((*place, key, "source"), "source", name, parts.sources)
        elif parts.sources[name].table is not None:
            yield Fault(
                (*place, key, "source"),
                f"'{name}' is a table",
                "Rows and labels come from events: a source with a topic",
            )
    if rows.source in parts.sources:
        yield from _check_keys(place, training_set, parts)
        yield from _check_by(place, training_set, parts)
    yield from _check_extra(place, training_set)
    yield from _check_names(place, training_set, parts)
    yield from _check_split((*place, "split"), training_set)


def bind_training_set(
    training_set: TrainingSet, parts: Parts, faults: list[Fault], place: Place, name: str
) -> TrainingSet:
    """The training set with checked expressions and its name; what is wrong with them is added to `faults`."""
    bound = training_set
    if (source := parts.sources.get(training_set.rows.source)) is not None:
        columns = readable_columns(source)
        at = bind(training_set.rows.at, columns, "timestamp", (*place, "rows", "at"), faults)
        extra = {
            key: derived.model_copy(
                update={"value": bind(derived.value, columns, derived.type, (*place, "extra", key, "value"), faults)}
            )
            for key, derived in training_set.extra.items()
        }
        bound = bound.model_copy(update={"rows": bound.rows.model_copy(update={"at": at}), "extra": extra})
    label = training_set.label
    if (source := parts.sources.get(label.source)) is not None:
        columns = readable_columns(source)
        value = bind(label.value, columns, label.type, (*place, "label", "value"), faults)
        known_at = bind(label.known_at, columns, "timestamp", (*place, "label", "known_at"), faults)
        bound = bound.model_copy(update={"label": label.model_copy(update={"value": value, "known_at": known_at})})
    bound._name = name
    return bound


def readable_columns(source: Source) -> dict[str, ColumnType]:
    """What rows and labels may read of an event: its columns as they were sent, derived ones, and its two clocks."""
    return source.row_columns() | {"event_at": "timestamp", "arrived_at": "timestamp"}


def _check_keys(place: Place, training_set: TrainingSet, parts: Parts) -> Faults:
    service = parts.services.get(training_set.service)
    row_columns = parts.sources[training_set.rows.source].row_columns()
    told: set[str] = set()
    for group_name in service.features if service else ():
        group = parts.features.get(group_name)
        entity, source = (parts.entities.get(group.entity), parts.sources.get(group.source)) if group else (None, None)
        for key in entity.keys if entity else ():
            wanted = source.row_columns().get(key) if source else None
            if key in told or wanted is None or row_columns.get(key) == wanted:
                continue
            told.add(key)
            has = f"has no column '{key}'" if key not in row_columns else f"has '{key}' as {spoken(row_columns[key])}"
            hint = f"'{group_name}' is looked up by '{key}' ({wanted}); declare or derive it there"
            yield Fault((*place, "rows", "source"), f"the source '{training_set.rows.source}' {has}", hint)


def _check_by(place: Place, training_set: TrainingSet, parts: Parts) -> Faults:
    rows, label = training_set.rows, training_set.label
    if label.source not in parts.sources:
        return
    left, right = parts.sources[rows.source].row_columns(), parts.sources[label.source].row_columns()
    for at, name in enumerate(label.by):
        here = (*place, "label", "by", at)
        for source, columns in ((rows.source, left), (label.source, right)):
            if name not in columns:
                yield Fault.unknown(here, "column", name, columns, of=source)
        if name in left and name in right and left[name] != right[name]:
            yield Fault(
                here,
                f"'{name}' is {spoken(left[name])} in '{rows.source}' and {spoken(right[name])} in '{label.source}'",
                "Both need one type",
            )
        elif left.get(name) == "double":
            yield Fault(here, f"'{name}' is a double, which cannot identify a row", "Use strings or longs")


def _check_extra(place: Place, training_set: TrainingSet) -> Faults:
    for name in training_set.extra:
        if name in RESERVED_COLUMNS or name in ROW_COLUMNS:
            yield Fault(
                (*place, "extra", name),
                f"the name '{name}' is reserved",
                f"A row has {', '.join(sorted(ROW_COLUMNS))} of its own",
            )
        if "__" in name:
            yield Fault(
                (*place, "extra", name),
                f"the name '{name}' has two underscores in a row",
                "They part group and column: group__column",
            )


def _check_names(place: Place, training_set: TrainingSet, parts: Parts) -> Faults:
    service = parts.services.get(training_set.service)
    groups = [group for name in (service.features if service else ()) if (group := parts.features.get(name))]
    entities = [entity for group in groups if (entity := parts.entities.get(group.entity))]
    keys = dict.fromkeys(key for entity in entities for key in entity.keys)
    for name in training_set.extra:
        if name in keys:
            yield Fault(
                (*place, "extra", name),
                f"the name '{name}' is a key of the service '{training_set.service}'",
                "A row has the keys anyway; choose another name, or leave it out",
            )
    for key in keys:
        if key in ROW_COLUMNS:
            yield Fault(
                (*place, "service"),
                f"the service is asked by '{key}', a name that rows have of their own",
                f"A row has {', '.join(sorted(ROW_COLUMNS))}; derive the key under another name",
            )


def _check_split(place: Place, training_set: TrainingSet) -> Faults:
    split = training_set.split
    if split.train.until_us + split.embargo_us >= split.test.until_us:
        ends = iso(split.train.until_us + split.embargo_us)
        yield Fault(
            (*place, "test", "until"),
            "no time is left for the test",
            f"Training and the embargo end at {ends}; test ends later",
        )
