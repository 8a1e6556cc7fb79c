"""What must become of a record, in plain Python, by the words of docs/quarantine.md; it shares no code with the jobs.

Grammar and text are those of Python's own `json` module with what it tolerates taken away: NaN and Infinity, lone
surrogates, a name that stands twice. The limits are those that the page states.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

MAX_BYTES = 8 * 2**20
MAX_DEPTH = 999
MAX_NUMBER = 1_000  # characters
MAX_NAME = 50_000  # characters

ARRIVED_AT = datetime(2013, 1, 1, 10, 15, tzinfo=UTC)

# What the corpus declares of its source: column, type.
COLUMNS = {
    "id": "string",
    "at": "timestamp",
    "n": "long",
    "x": "double",
    "flag": "boolean",
    "day": "date",
    "text": "string",
}
REQUIRED = ("id", "at")

_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?"
    r"(?:(Z)|([+-])([0-9]{2}):([0-9]{2}))?"
)
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")


@dataclass(frozen=True)
class Number:
    """A number as it was written."""

    text: str


@dataclass(frozen=True)
class Verdict:
    """A reason, or the values of an event by column, and the names that nobody declared."""

    reason: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


class _Rejected(Exception):
    """Carries the reason."""


def judge(value: bytes | None) -> Verdict:
    """What must become of a record that arrived at `ARRIVED_AT` with this value."""
    try:
        document = _document(value)
        for name in REQUIRED:
            if document.get(name) is None:
                raise _Rejected("missing_field")
        values = {name: _typed(document.get(name), kind) for name, kind in COLUMNS.items()}
    except _Rejected as rejected:
        return Verdict(reason=str(rejected))
    if values["at"] > ARRIVED_AT + timedelta(hours=1):
        return Verdict(reason="in_the_future")
    return Verdict(values=values | _derived(values), unknown=tuple(sorted(document.keys() - COLUMNS.keys())))


def _derived(values: Mapping[str, Any]) -> dict[str, Any]:
    n, x = values["n"], values["x"]
    square = None if n is None or not -(2**63) <= n * n < 2**63 else n * n
    return {"square": square, "ratio": None if n is None or x is None or n == 0 else x / float(n)}


def _document(value: bytes | None) -> dict[str, Any]:
    if value is None:
        raise _Rejected("tombstone")
    if len(value) > MAX_BYTES:
        raise _Rejected("too_large")
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as err:
        raise _Rejected("invalid_utf8") from err
    document = read_json(text)
    if not isinstance(document, dict):
        raise _Rejected("not_an_object")
    return document


def read_json(text: str) -> Any:
    """The one JSON document that `text` is, with numbers as they were written; else `_Rejected`."""
    if _depth(text) > MAX_DEPTH:
        raise _Rejected("invalid_json")
    hooks = {"object_pairs_hook": _object, "parse_constant": _constant, "parse_int": _number, "parse_float": _number}
    try:
        with _deep_recursion():
            document = json.loads(text, **hooks)
            _refuse_lone_surrogates(document)
    except ValueError as err:
        raise _Rejected("invalid_json") from err
    return document


def _depth(text: str) -> int:
    depth = deepest = 0
    for bracket in re.findall(r"[\[\]{}]", re.sub(r'"(?:[^"\\]|\\.)*"', "", text, flags=re.DOTALL)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs) or any(len(name) > MAX_NAME for name in found):
        raise ValueError("a name twice, or a very long one")
    return found


def _constant(name: str) -> None:
    raise ValueError(name)


def _number(text: str) -> Number:
    if len(text) > MAX_NUMBER:
        raise ValueError("a very long number")
    return Number(text)


def _refuse_lone_surrogates(document: Any) -> None:
    waiting = [document]
    while waiting:
        found = waiting.pop()
        if isinstance(found, str):
            found.encode()  # UnicodeEncodeError is a ValueError
        elif isinstance(found, dict):
            waiting += [*found, *found.values()]
        elif isinstance(found, list):
            waiting += found


@contextmanager
def _deep_recursion() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _typed(sent: Any, kind: str) -> Any:
    if sent is None:
        return None
    found = {
        "string": _text,
        "long": _long,
        "double": _double,
        "boolean": _boolean,
        "timestamp": _timestamp,
        "date": _date,
    }[kind](sent)
    if found is None:
        raise _Rejected("wrong_type")
    return found


def _text(sent: Any) -> str | None:
    return sent if isinstance(sent, str) else None


def _long(sent: Any) -> int | None:
    """A whole number of 64 bits, without an exponent and of at most 38 digits."""
    if not isinstance(sent, Number) or re.search("[eE]", sent.text):
        return None
    whole = Decimal(sent.text)
    if whole != whole.to_integral_value() or not -(2**63) <= whole < 2**63:
        return None
    return int(whole) if sum(map(str.isdigit, sent.text)) <= 38 else None


def _double(sent: Any) -> float | None:
    if not isinstance(sent, Number):
        return None
    found = float(sent.text)
    return found if abs(found) != float("inf") else None


def _boolean(sent: Any) -> bool | None:
    return sent if isinstance(sent, bool) else None


def _timestamp(sent: Any) -> datetime | None:
    """ISO 8601 with four digits of the year, in UTC unless it says otherwise; the years 1 to 9999 of UTC."""
    match = _TIME.fullmatch(sent) if isinstance(sent, str) else None
    if match is None:
        return None
    *parts, fraction, _zulu, sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    if int(minutes or 0) > 59 or offset > timedelta(hours=18):
        return None
    try:
        local = datetime(*(int(part or 0) for part in parts), int(f"{fraction or 0:0<6}"[:6]), tzinfo=UTC)
        return local - offset if sign == "+" else local + offset
    except (ValueError, OverflowError):
        return None


def _date(sent: Any) -> date | None:
    match = _DATE.fullmatch(sent) if isinstance(sent, str) else None
    try:
        return date(*map(int, match.groups())) if match else None
    except ValueError:
        return None
