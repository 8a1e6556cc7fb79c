"""Texts and numbers that stand for instants."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from headrace.pipeline.times import EPOCH, instant_us

# What cleaning accepts as a timestamp and as a date; a test holds them against it.
TIMESTAMP_FORM = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?\Z"
DATE_FORM = r"^\d{4}-\d{2}-\d{2}\Z"
_TIMESTAMP, _DATE = re.compile(TIMESTAMP_FORM, re.ASCII), re.compile(DATE_FORM, re.ASCII)
_FARTHEST_ZONE = timedelta(hours=18)  # Spark knows no zone beyond it

DAY_US = 86_400_000_000
# The years 1 to 9999 in UTC.
FIRST_US, END_US = instant_us("0001-01-01"), instant_us("9999-12-31") + DAY_US
# Numbers from here to there are taken for instants, in a unit in which they are.
SINCE_US, BEFORE_US = instant_us("2000-01-01"), instant_us("2100-01-01")
EPOCH_UNITS_US = {"seconds": 1_000_000, "millis": 1_000, "micros": 1}


def timestamp_us(text: str) -> int | None:
    """Microseconds since 1970 of a timestamp as cleaning reads it, UTC unless it names a zone; None if it is none."""
    if not _TIMESTAMP.fullmatch(text):
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    zone = at.utcoffset()
    if zone is not None and abs(zone) > _FARTHEST_ZONE:
        return None
    found_us = ((at.replace(tzinfo=UTC) if zone is None else at) - EPOCH) // timedelta(microseconds=1)
    return found_us if FIRST_US <= found_us < END_US else None


def date_us(text: str) -> int | None:
    """Microseconds since 1970 of the midnight (UTC) that begins a date; None where it is none."""
    if not _DATE.fullmatch(text):
        return None
    try:
        return (date.fromisoformat(text) - EPOCH.date()).days * DAY_US
    except ValueError:
        return None


def epoch_unit(numbers: list[float]) -> str | None:
    """The unit (`seconds`, `millis`, `micros`) in which all `numbers` are instants of this century, if there is one."""
    for unit, unit_us in EPOCH_UNITS_US.items():
        if numbers and all(SINCE_US <= number * unit_us < BEFORE_US for number in numbers):
            return unit
    return None
