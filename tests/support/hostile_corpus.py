"""The hostile values in every place of a record, with what must become of each record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from headrace.pipeline import Pipeline

from .hostile_judge import COLUMNS, REQUIRED, Verdict, judge
from .hostile_values import hostile_values, large_values
from .raw_lake import Record

SOURCE: dict[str, Any] = {
    "topic": "hostile",
    "event_id": ["id"],
    "event_at": "at",
    "late": {"after": "6d", "action": "keep"},
    "columns": {name: {"type": kind, "required": name in REQUIRED} for name, kind in COLUMNS.items()},
    "derive": {"square": {"type": "long", "value": "n * n"}, "ratio": {"type": "double", "value": "x / n"}},
}

# The members of a record's document, each of which may be replaced by a hostile value; `{}` is the record's offset.
MEMBERS = {
    "id": b'"r{}"',
    "at": b'"2013-01-01T10:15:00Z"',
    "n": b"7",
    "x": b"2.5",
    "flag": b"true",
    "day": b'"2013-01-01"',
    "text": b'"t"',
    "more": b"0",
}


@dataclass(frozen=True)
class Hostile:
    """One record of the corpus: where the hostile value stands in it, and what must become of the record."""

    place: str
    hostile: bytes
    record: Record
    verdict: Verdict


def pipeline() -> Pipeline:
    """The pipeline whose one source reads the corpus."""
    return Pipeline(pipeline="hostile", sources={"things": SOURCE})


@cache
def corpus() -> list[Hostile]:
    """All records, by offset."""
    drawn = enumerate(_drawn())
    found = [(place, hostile, make(offset)) for offset, (place, hostile, make) in drawn]
    return [Hostile(place, hostile, record, judge(record.value)) for place, hostile, record in found]


def _drawn() -> Iterator[tuple[str, bytes, Callable[[int], Record]]]:
    for value in hostile_values():
        for place in MEMBERS:
            yield place, value, _member(place, value)
        yield "nested", value, _member("more", b'{"deep":[{"er":' + value + b"}]}")
        yield "name", value, _named(value)
        yield "whole", value, _whole(value)
        yield "key", value, lambda offset, value=value: Record(_document(offset), offset, key=value)
        yield "header", value, _header(value)
    for value in large_values():
        yield "whole", value, _whole(value)
        yield "text", value, _member("text", value)
        yield "nested", value, _member("more", b"[" + value + b"]")
    yield "whole", b"", lambda offset: Record(None, offset)


def _document(offset: int, **members: bytes) -> bytes:
    filled = MEMBERS | members
    return (
        b"{"
        + b",".join(b'"%s":%s' % (name.encode(), text) for name, text in filled.items()).replace(
            b'"r{}"', b'"r%d"' % offset
        )
        + b"}"
    )


def _member(name: str, value: bytes) -> Callable[[int], Record]:
    return lambda offset: Record(_document(offset, **{name: value}), offset)


def _named(value: bytes) -> Callable[[int], Record]:
    """The value in the place of a member's name, where only a text may stand."""
    return lambda offset: Record(_document(offset)[:-1] + b"," + value + b":1}", offset)


def _whole(value: bytes) -> Callable[[int], Record]:
    return lambda offset: Record(value, offset)


def _header(value: bytes) -> Callable[[int], Record]:
    name = value[:1_000].decode("utf-8", "replace")
    return lambda offset: Record(_document(offset), offset, headers=((name, value),))
