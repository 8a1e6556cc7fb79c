"""The types of columns, and how Spark and people call them."""

from __future__ import annotations

from typing import Literal

ColumnType = Literal["string", "long", "double", "boolean", "timestamp", "date"]

SQL_TYPES: dict[str, str] = {
    "string": "STRING",
    "long": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP_LTZ",
    "date": "DATE",
}
NUMBERS = ("long", "double")

_SPOKEN = {
    "string": "text (string)",
    "long": "a whole number (long)",
    "double": "a number (double)",
    "boolean": "true or false (boolean)",
    "timestamp": "a timestamp",
    "date": "a date",
    "interval": "a length of time (interval)",
    "null": "always null",
}


def spoken(name: str | None) -> str:
    """A type in the words of a message."""
    return _SPOKEN.get(str(name), str(name))
