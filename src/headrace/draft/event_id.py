"""Which columns identify an event: candidates of one to three columns, weighed by what speaks for each."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from .columns import Column
from .documents import Documents

ID_TYPES = ("string", "long", "timestamp", "date")
UNIQUE_SHARE = 0.98  # of the documents with an id have one of their own; the rest may be conflicting copies
PRESENT_SHARE = 0.98  # of the documents have one; the others are quarantined (null_event_id)
MAX_PARTS = 3
MAX_CANDIDATES = 12  # columns that are combined: 12 give 298 combinations
PROSE_CHARACTERS = 64
ID_NAME = re.compile(r"(^|_)(id|uuid|guid|key|no|nr|number|code|ref)$")


@dataclass(frozen=True)
class EventId:
    """A choice: `distinct` ids in `complete` documents that have one. `follows_key`: the column that the record's key
    repeats, where it is part of the id. `is_guess`: nothing tells the events apart well enough.
    """

    columns: tuple[str, ...]
    distinct: int
    complete: int
    follows_key: str | None
    is_guess: bool = False


def choose_event_id(documents: Documents, columns: Sequence[Column]) -> EventId | None:
    """The likeliest event id; None where no column can identify anything.

    It is the cheapest of all combinations that are unique in nearly all documents: each column costs 1, each hundredth
    of the documents that share their id 0.5, instants alone 1.5, prose 0.5, and leaving out the column that the
    record's key repeats 1; one column by the name of an id is 0.75 cheaper. Of equally cheap ones the first in the
    documents.
    """
    key = key_column(documents, columns)
    prose = {column.name for column in columns if _is_prose(column)}
    usable = _usable(documents, columns, key, prose)
    found = [
        (_cost(choice, parts, key, prose), choice) for parts in _combinations(usable) if (choice := _unique(parts, key))
    ]
    if found:
        return min(found, key=lambda pair: pair[0])[1]
    if not usable:
        return None
    distinct, complete = count_ids(usable)
    names = tuple(each.name for each in usable)
    return EventId(names, distinct, complete, key if key in names else None, is_guess=True)


def key_column(documents: Documents, columns: Sequence[Column]) -> str | None:
    """The column whose text every record's key is, if there is one; of several the one with the most values."""
    found = [column for column in columns if column.type in ("string", "long") and _repeats_key(documents, column)]
    return max(found, key=lambda column: column.distinct).name if found else None


def count_ids(parts: Sequence[Column]) -> tuple[int, int]:
    """The different ids, and the documents that have one: those with a value in every part."""
    ids = [each for each in zip(*(part.values for part in parts), strict=True) if None not in each]
    return len(set(ids)), len(ids)


def _repeats_key(documents: Documents, column: Column) -> bool:
    pairs = zip(documents.records, column.values, strict=True)
    told = [(record.key, value) for record, value in pairs if record.key is not None and value is not None]
    same = sum(key == str(value).encode(errors="replace") for key, value in told)
    return same > 0 and same >= PRESENT_SHARE * len(documents)


def _usable(documents: Documents, columns: Sequence[Column], key: str | None, prose: Collection[str]) -> list[Column]:
    """Columns that may be part of an id, in the order of the documents; the likeliest where there are too many."""
    fit = [column for column in columns if column.type in ID_TYPES and column.present >= PRESENT_SHARE * len(documents)]
    likeliest = sorted(
        fit, key=lambda column: (column.name != key, not ID_NAME.search(column.name), column.name in prose)
    )
    kept = {column.name for column in likeliest[:MAX_CANDIDATES]}
    return [column for column in fit if column.name in kept]


def _combinations(usable: Sequence[Column]) -> Iterator[tuple[Column, ...]]:
    """Those that can be unique at all: an id takes no more values than the product of what its parts take."""
    distinct = {column.name: column.distinct for column in usable}
    for size in range(1, MAX_PARTS + 1):
        for parts in combinations(usable, size):
            ids = 1
            for part in parts:
                ids *= distinct[part.name]
            if ids >= UNIQUE_SHARE * PRESENT_SHARE * len(parts[0].values):
                yield parts


def _unique(parts: Sequence[Column], key: str | None) -> EventId | None:
    distinct, complete = count_ids(parts)
    if complete < PRESENT_SHARE * len(parts[0].values) or distinct < UNIQUE_SHARE * complete:
        return None
    names = tuple(part.name for part in parts)
    return EventId(names, distinct, complete, key if key in names else None)


def _cost(choice: EventId, parts: Sequence[Column], key: str | None, prose: Collection[str]) -> float:
    cost = len(parts) + 50 * (1 - choice.distinct / choice.complete)
    cost += 1.5 if all(part.type in ("timestamp", "date") for part in parts) else 0.0
    cost += 0.5 * sum(part.name in prose for part in parts)
    cost += 1.0 if key is not None and choice.follows_key is None else 0.0
    return cost - (0.75 if len(parts) == 1 and ID_NAME.search(parts[0].name) else 0.0)


def _is_prose(column: Column) -> bool:
    texts = [value for value in column.values if isinstance(value, str)]
    return sum(map(len, texts)) > PROSE_CHARACTERS * len(texts)
