"""Durations (`90s`, `5m`, `1h`, `7d`), instants (ISO 8601, UTC unless they say otherwise) and half-open intervals."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

UNIT_US = {"s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
LONGEST_US = 36_500 * UNIT_US["d"]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_DURATION = re.compile(r"([1-9][0-9]{0,9})([smhd])")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?")
DURATION_HINT = "Write a whole number and a unit: 90s, 5m, 1h or 7d"
INSTANT_HINT = "Write ISO 8601, such as 2013-01-01 or 2013-01-01T10:15:00Z"


@dataclass(frozen=True)
class Duration:
    """A length of time, with the text that the user wrote (it becomes part of feature names)."""

    text: str
    us: int

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Reads `90s`, `5m`, `1h` or `7d`.

        Raises:
            ValueError: `text` is no such duration, or is longer than a hundred years.
        """
        match = _DURATION.fullmatch(text)
        if not match or (us := int(match[1]) * UNIT_US[match[2]]) > LONGEST_US:
            raise ValueError(f"'{text}' is not a duration of at most 36500d")
        return cls(text, us)

    def __str__(self) -> str:
        return self.text


def instant_us(text: str) -> int:
    """Microseconds since 1970-01-01T00:00:00Z of an ISO 8601 date or time; UTC where it names no offset.

    Raises:
        ValueError: `text` is not such a time.
    """
    if not _INSTANT.fullmatch(text):
        raise ValueError(f"'{text}' is not an ISO 8601 time")
    at = datetime.fromisoformat(text)
    aware = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return (aware - EPOCH) // timedelta(microseconds=1)


def date_days(text: str) -> int:
    """Days since 1970-01-01 of a date `YYYY-MM-DD`.

    Raises:
        ValueError: `text` is not such a date.
    """
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        raise ValueError(f"'{text}' is not a date")
    return (date.fromisoformat(text) - EPOCH.date()).days


def iso(at_us: int) -> str:
    """The instant as ISO 8601 with its offset, as short as it can be: `2013-01-01T10:15:00Z`."""
    return (EPOCH + timedelta(microseconds=at_us)).isoformat().replace("+00:00", "Z")


def _duration(value: object) -> Duration:
    if isinstance(value, Duration):
        return value
    try:
        return Duration.parse(value if isinstance(value, str) else "")
    except ValueError as err:
        raise PydanticCustomError("duration", "is not a duration", {"hint": DURATION_HINT}) from err


def _duration_us(value: object) -> int:
    return _duration(value).us


def _instant_us(value: object) -> int:
    if isinstance(value, datetime):
        value = value.isoformat()
    try:
        return instant_us(value if isinstance(value, str) else "")
    except ValueError as err:
        raise PydanticCustomError("instant", "is not a time", {"hint": INSTANT_HINT}) from err


_DURATION_SCHEMA = {"type": "string", "pattern": "^[1-9][0-9]{0,9}[smhd]$", "examples": ["90s", "5m", "1h", "7d"]}
_INSTANT_SCHEMA = {
    "type": "string",
    "pattern": rf"^{_INSTANT.pattern}$",
    "examples": ["2013-01-01", "2013-01-01T10:15:00Z"],
}

DurationField = Annotated[Duration, BeforeValidator(_duration), WithJsonSchema(_DURATION_SCHEMA)]
DurationUs = Annotated[int, BeforeValidator(_duration_us), WithJsonSchema(_DURATION_SCHEMA)]
InstantUs = Annotated[int, BeforeValidator(_instant_us), WithJsonSchema(_INSTANT_SCHEMA)]
