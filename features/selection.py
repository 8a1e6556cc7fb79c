"""Selections: versions of the decision which features of a service are given out, and which of them holds. Pure.

A selection is made for a service as it is declared, by its groups and its `prune` block: the newest that was made for
the present declaration holds, unless one is pinned. Where none was ever made, and under number 0, nothing is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from headrace.errors import UsageError
from headrace.pipeline import Pipeline
from headrace.pipeline.definition import service_definition

from .redundancy import Dropped

EVERYTHING = 0  # the number of the selection that leaves nothing out; it is always there
UNNUMBERED = -1  # a selection that is not stored yet


@dataclass(frozen=True)
class Selection:
    """One decision about a service: what it was made for and from, and the features that stay and go, in order.

    Rows are those of `training_set` whose instant is in [from_us, to_us), made from the table versions `inputs`.
    `constant` are features that had no two different values there, of which nothing can be said: they stay.
    """

    service: str
    version: int
    definition: str
    measure: str
    above: float
    from_us: int
    to_us: int
    training_set: str
    rows: int
    inputs: Mapping[str, Any]
    kept: tuple[str, ...]
    dropped: tuple[Dropped, ...]
    constant: tuple[str, ...]
    code: str
    created_at_us: int

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {**asdict(self), "kept": list(self.kept), "constant": list(self.constant)}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Selection:
        """What `to_json` gave.

        Raises:
            TypeError, KeyError: it is something else.
        """
        dropped = tuple(Dropped(**one) for one in found["dropped"])
        return cls(**{**found, "kept": tuple(found["kept"]), "dropped": dropped, "constant": tuple(found["constant"])})


@dataclass(frozen=True)
class Selections:
    """All selections of one service, oldest first, and the number of the pinned one; `where` is for messages."""

    versions: tuple[Selection, ...] = ()
    pinned: int | None = None
    where: str = ""

    def numbers(self) -> str:
        """The numbers there are, as a message lists them."""
        return ", ".join(map(str, [EVERYTHING, *(found.version for found in self.versions)]))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON, without `where`."""
        return {"pinned": self.pinned, "versions": [found.to_json() for found in self.versions]}

    @classmethod
    def from_json(cls, found: Mapping[str, Any], where: str = "") -> Selections:
        """What `to_json` gave."""
        return cls(tuple(Selection.from_json(one) for one in found["versions"]), found["pinned"], where)


def choose(pipeline: Pipeline, service: str, known: Selections, asked: int | None = None) -> Selection | None:
    """The selection that holds for `service`: the one `asked`, else the pinned, else the newest; None: all features.

    Raises:
        UsageError: there is none of the number asked or pinned, or what should hold was made for another declaration.
    """
    declared = pipeline.services.get(service)
    if declared is None or (declared.prune is None and asked is None):
        return None
    number = known.pinned if asked is None else asked
    if number is not None:
        return None if number == EVERYTHING else _numbered(pipeline, service, known, number)
    definition = service_definition(pipeline, service)
    fitting = [found for found in known.versions if found.definition == definition]
    if known.versions and not fitting:
        raise UsageError(misfit(known.versions[-1]))
    return fitting[-1] if fitting else None


def _numbered(pipeline: Pipeline, service: str, known: Selections, number: int) -> Selection:
    for found in known.versions:
        if found.version == number:
            if found.definition != service_definition(pipeline, service):
                raise UsageError(misfit(found))
            return found
    raise UsageError(f"the service '{service}' has no selection {number}{known.where}. There are: {known.numbers()}")


def misfit(found: Selection) -> str:
    """The words for a selection that was made for another declaration of its service."""
    name = found.service
    return (
        f"selection {found.version} was made for the service '{name}' as it was declared then; its groups, or how it "
        f"is pruned, have changed since. Decide anew: headrace prune -p FILE {name}; until then all features are given "
        f"out by: headrace selection pin -p FILE {name} {EVERYTHING}"
    )


def kept_by(selection: Selection | None) -> tuple[str, ...] | None:
    """The features that stay; None: all."""
    return None if selection is None else selection.kept


def known_of(service: str, versions: Iterable[Selection], pins: Mapping[str, int]) -> Selections:
    """What is known of one service among the selections of a pipeline."""
    own = sorted((found for found in versions if found.service == service), key=lambda found: found.version)
    return Selections(tuple(own), pins.get(service))
