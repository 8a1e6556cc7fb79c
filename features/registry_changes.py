"""What an apply would change: the registered objects against those of the pipeline file, fact by fact. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from feast import Entity, FeatureService, FeatureView, Field, Project

from headrace.errors import UsageError

from .feast_views import DEFINITION_TAG, PIPELINE_TAG, FeastObject

ADDED, CHANGED, REMOVED = "added", "changed", "removed"
NO_TTL, DEFINITION = "for ever", "definition"
MOST_SHOWN = 100  # characters of a fact as it was and as it is; of a longer one only the name is said

# What a feature's tags say of its view, whose change is named once.
TAGS_OF_VIEW = frozenset({"group", "owner", "source", "type"})

_KINDS = {Project: "project", Entity: "entity", FeatureView: "feature view", FeatureService: "feature service"}


@dataclass(frozen=True)
class Change:
    """One object that is `added`, `changed` or `removed`; `details` says which of its facts differ, a line each."""

    kind: str
    name: str
    what: str
    details: tuple[str, ...] = ()

    @property
    def begins_anew(self) -> bool:
        """Whether the object has no past: it is new, or has another definition, which has tables of its own."""
        return self.what == ADDED or any(detail.startswith(f"{DEFINITION}: ") for detail in self.details)

    def __str__(self) -> str:
        return f"{self.what} {self.kind} {self.name}" + (f": {'; '.join(self.details)}" if self.details else "")


def changes_between(registered: Iterable[FeastObject], wanted: Iterable[FeastObject]) -> list[Change]:
    """The changes that make the registered objects the wanted ones, in the order of the wanted; removals come last.

    Of the registered ones only those of a pipeline file are removed: what others registered in the project stays.

    Raises:
        UsageError: others registered an object of the same kind and name.
    """
    present = {identity(found): found for found in registered}
    left = dict(present)
    changes = []
    for new in wanted:
        old = left.pop(identity(new), None)
        if old is not None and PIPELINE_TAG not in old.tags:
            raise UsageError(
                f"the {_KINDS[type(old)]} '{old.name}' is registered, but by no pipeline file. Give one of the two "
                "another name, or delete the registered one first: an apply touches only what applies made"
            )
        if old is None:
            changes.append(Change(*identity(new), ADDED))
        elif details := _differences(facts(old), facts(new)):
            changes.append(Change(*identity(new), CHANGED, tuple(details)))
    removed = [identity for identity, old in left.items() if PIPELINE_TAG in old.tags]
    return changes + [Change(*identity, REMOVED) for identity in removed]


def identity(found: FeastObject) -> tuple[str, str]:
    """The kind and the name of an object, which are unique in a project."""
    return _KINDS[type(found)], found.name


def facts(found: FeastObject) -> dict[str, str]:
    """All that the pipeline file says of an object, by name."""
    plain = {"description": found.description, "owner": found.owner}
    plain |= {f"tag {name}": value for name, value in found.tags.items() if name != DEFINITION_TAG}
    if isinstance(found, Project):
        return plain
    if isinstance(found, Entity):
        return plain | {"type": found.value_type.name}
    if isinstance(found, FeatureView):
        plain[DEFINITION] = found.tags.get(DEFINITION_TAG, "none")
        plain["ttl"] = str(found.ttl) if found.ttl else NO_TTL
        return plain | _fields("key", found.entity_columns) | _fields("feature", found.features)
    views = found.feature_view_projections
    return plain | {f"view {view.name}": "; ".join(map(_whole, view.features)) for view in views}


def _fields(kind: str, fields: Iterable[Field]) -> dict[str, str]:
    return {f"{kind} {field.name}": _whole(field, without=TAGS_OF_VIEW) for field in fields}


def _whole(field: Field, without: frozenset[str] = frozenset()) -> str:
    tags = [f"{name} {value}" for name, value in sorted(field.tags.items()) if name not in without]
    return ", ".join([field.name, str(field.dtype), field.description, *tags])


def _differences(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    names = list(dict.fromkeys([*old, *new]))
    return [_difference(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]


def _difference(name: str, old: str | None, new: str | None) -> str:
    if old is None or new is None:
        return f"{name} {REMOVED if new is None else ADDED}"
    if len(old) + len(new) > MOST_SHOWN:
        return f"{name} {CHANGED}"
    return f"{name}: {old} -> {new}"
