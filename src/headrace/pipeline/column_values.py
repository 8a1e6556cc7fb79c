"""Whether a value that the file states is one of a column's type."""

from __future__ import annotations

from .column_types import spoken
from .declared import found
from .times import INSTANT_HINT, date_days, instant_us

LONG_LIMIT = 2**63

VALUE_HINTS = {
    "string": "Put it into quotes",
    "long": "Write a whole number, without quotes",
    "double": "Write a number, without quotes",
    "boolean": "Write true or false, without quotes",
    "timestamp": INSTANT_HINT,
    "date": "Write a date such as 2013-01-01",
}


def misfit(value: object, column_type: str) -> str | None:
    """Why `value` is not one of `column_type`; None where it is. Timestamps and dates are written as text."""
    if column_type == "boolean":
        fits = isinstance(value, bool)
    elif column_type == "long":
        fits = isinstance(value, int) and not isinstance(value, bool) and -LONG_LIMIT <= value < LONG_LIMIT
    elif column_type == "double":
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    else:
        fits = isinstance(value, str) and (column_type == "string" or _is_time(value, column_type))
    return None if fits else f"{found(value)} is not {spoken(column_type)}"


def _is_time(text: str, column_type: str) -> bool:
    try:
        instant_us(text) if column_type == "timestamp" else date_days(text)
    except ValueError:
        return False
    return True
