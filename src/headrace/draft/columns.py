"""From the fields of documents to columns: the type that nearly all values have, and what speaks for it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from headrace.pipeline.column_types import ColumnType
from headrace.pipeline.column_values import LONG_LIMIT
from headrace.pipeline.declared import NAME_PATTERN, RESERVED_COLUMNS

from .instants import date_us, timestamp_us

FIT_SHARE = 0.95  # a column has the type of at least this share of its values; what does not fit is quarantined
MAX_COLUMNS = 100  # of one source; those that most documents have

Kind = Literal["string", "long", "double", "boolean", "timestamp", "date", "object", "list", "too large"]


@dataclass(frozen=True)
class Column:
    """A field that can be a column.

    `values` has one value a document, None where it is missing, null or not of the type: text as str, numbers as int
    or float, timestamps and dates as microseconds since 1970. `unfit` counts values of another kind.
    """

    name: str
    type: ColumnType
    values: Sequence[Any] = field(repr=False)
    unfit: int = 0

    @property
    def present(self) -> int:
        """The documents that have a value of the type."""
        return len(self.values) - self.values.count(None)

    @property
    def never_missing(self) -> bool:
        """Whether every document has a value, of whatever kind."""
        return self.present + self.unfit == len(self.values)

    @property
    def distinct(self) -> int:
        """How many different values it has."""
        return len(set(self.values) - {None})


@dataclass(frozen=True)
class NoColumn:
    """A field that cannot be declared, and why. Its text is the sender's: not to be shown as it is."""

    name: str
    why: str
    present: int


def read_columns(objects: Sequence[Mapping[str, Any]]) -> tuple[list[Column], list[NoColumn]]:
    """The fields of all documents, in the order in which they first appear: columns, and what cannot be one."""
    present = Counter(name for each in objects for name, value in each.items() if value is not None)
    first_seen = dict.fromkeys(name for each in objects for name in each)
    columns: list[Column] = []
    left: list[NoColumn] = []
    for name in first_seen:
        found = _field(name, [each.get(name) for each in objects], present[name])
        if isinstance(found, Column):
            columns.append(found)
        else:
            left.append(found)
    kept = {each.name for each in sorted(columns, key=lambda each: -present[each.name])[:MAX_COLUMNS]}
    left += [
        NoColumn(each.name, f"more than {MAX_COLUMNS} columns", present[each.name])
        for each in columns
        if each.name not in kept
    ]
    return [each for each in columns if each.name in kept], left


def _field(name: str, values: Sequence[Any], present: int) -> Column | NoColumn:
    if not re.fullmatch(NAME_PATTERN, name):
        return NoColumn(name, "the name cannot be declared: a column has a-z, 0-9 and _, at most 63", present)
    if name in RESERVED_COLUMNS:
        return NoColumn(name, "the name is reserved: Headrace adds event_at, arrived_at and known_at", present)
    if not present:
        return NoColumn(name, "always null", present)
    kinds = [None if value is None else kind_of(value) for value in values]
    counts = Counter(each for each in kinds if each is not None)
    kind, fitting = _commonest(counts)
    if fitting < FIT_SHARE * present:
        told = ", ".join(f"{kind} {count:,}" for kind, count in counts.most_common())
        return NoColumn(name, f"values of several kinds: {told}", present)
    if kind in ("object", "list", "too large"):
        return NoColumn(name, _not_declarable(kind), present)
    typed = [_as(kind, value, found) for value, found in zip(values, kinds, strict=True)]
    return Column(name, kind, typed, present - fitting)  # type: ignore[arg-type]  # the kinds that are types are left


def kind_of(value: Any) -> Kind:
    """The kind of one value that is not null; texts in the form of a timestamp or a date are of these kinds."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "long" if -LONG_LIMIT <= value < LONG_LIMIT else "double" if abs(value) < 10**308 else "too large"
    if isinstance(value, float):
        return "double" if abs(value) != float("inf") else "too large"
    if isinstance(value, str):
        return "timestamp" if timestamp_us(value) is not None else "date" if date_us(value) is not None else "string"
    return "object" if isinstance(value, dict) else "list"


def _as(kind: Kind, value: Any, found: Kind | None) -> Any:
    """A value that is `found` as one of `kind`, None where it is none. A long is a double, too, and a time is text."""
    if kind == "string":
        return value if isinstance(value, str) else None
    if kind == "double":
        return float(value) if found in ("double", "long") else None
    if found != kind:
        return None
    return {"timestamp": timestamp_us, "date": date_us}.get(kind, _unchanged)(value)


def _unchanged(value: Any) -> Any:
    return value


def _commonest(counts: Mapping[Kind, int]) -> tuple[Kind, int]:
    """The kind that most values are, and how many; one that takes in another counts with it, if need be."""
    widened = Counter(counts)
    texts = {kind: counts.get(kind, 0) for kind in ("string", "timestamp", "date")}
    if max(texts["timestamp"], texts["date"]) < FIT_SHARE * sum(texts.values()):
        widened["string"] = sum(texts.values())
    if counts.get("double"):
        widened["double"] = counts["double"] + counts.get("long", 0)
    return max(widened.items(), key=lambda pair: pair[1])


def _not_declarable(kind: str) -> str:
    if kind == "too large":
        return "numbers beyond a double"
    return f"{'an object' if kind == 'object' else 'a list'}: no type of a column. It stays in raw"
