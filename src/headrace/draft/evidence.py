"""What speaks for a column, in the words of a comment."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from headrace.log_lines import printable
from headrace.pipeline.times import EPOCH, iso

from .columns import Column, NoColumn
from .event_id import EventId

FEW_VALUES = 10
EVENTS_FOR_FEW = 100  # a few values in fewer events say nothing of those to come
MAX_SHOWN_CHARACTERS = 40


def column_evidence(column: Column) -> str:
    """How often a column has a value, and what its values are like."""
    total = len(column.values)
    missing = total - column.present - column.unfit
    said = [f"never missing in {total:,}" if column.never_missing else f"missing in {missing:,} of {total:,}"]
    if spread := _spread(column):
        said.append(spread)
    if column.unfit:
        said.append(f"{column.unfit:,} of another kind would be quarantined (wrong_type)")
    return "; ".join(said)


def few_values(column: Column) -> str | None:
    """What `one_of` could say, where a column of text takes few values in many events."""
    if column.type != "string" or column.present < EVENTS_FOR_FEW or column.distinct > FEW_VALUES:
        return None
    values = sorted(set(column.values) - {None})
    if any(len(value) > MAX_SHOWN_CHARACTERS for value in values):
        return None
    return f"one_of: [{', '.join(_quoted(value) for value in values)}]"


def left_out(field: NoColumn, total: int) -> str:
    """A field that is no column, in one line that holds nothing but printable characters."""
    name = field.name if len(field.name) <= MAX_SHOWN_CHARACTERS else f"{field.name[: MAX_SHOWN_CHARACTERS - 1]}…"
    return f"{printable(name)}: {field.why} (in {field.present:,} of {total:,})"


def id_evidence(found: EventId, total: int) -> str:
    """How well the columns of an event id tell events apart."""
    unique = "unique" if found.distinct == found.complete else "different ids"
    said = f"{unique} in {found.distinct:,} of {total:,}"
    if found.complete < total:
        said += f"; missing in {total - found.complete:,}"
    return f"{said}; the record's key is {found.follows_key}" if found.follows_key else said


def _spread(column: Column) -> str:
    values = [value for value in column.values if value is not None]
    if column.type == "boolean":
        return f"true in {sum(values):,}"
    if column.type == "string":
        return f"{column.distinct:,} different"
    return f"{_shown(min(values), column.type)} to {_shown(max(values), column.type)}"


def _shown(value: Any, column_type: str) -> str:
    if column_type == "timestamp":
        return iso(value)
    if column_type == "date":
        return (EPOCH + timedelta(microseconds=value)).date().isoformat()
    return f"{value:g}" if column_type == "double" else f"{value}"


def _quoted(value: str) -> str:
    """Text of a sender as YAML reads it back, without a character that is not printable."""
    return json.dumps(value, ensure_ascii=not value.isprintable())
