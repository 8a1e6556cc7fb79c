"""What is found in the sample of one topic, before anything is written."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from headrace.errors import UsageError

from .columns import Column, NoColumn, read_columns
from .documents import Documents, read_documents
from .event_id import EventId, choose_event_id, key_column
from .event_time import EventTime, choose_event_time
from .records import TopicSample

MAX_SOURCE_CHARACTERS = 30  # so that the names of its feature groups have place in a name's 63
MAX_NAMED = 10  # fields that a message names


@dataclass(frozen=True)
class Findings:
    """One source to be: its name, what was read, and what was chosen. `record_key`: the column that the key repeats."""

    source: str
    documents: Documents
    columns: Sequence[Column]
    left: Sequence[NoColumn]
    event_id: EventId
    event_time: EventTime
    record_key: str | None

    @property
    def topic(self) -> str:
        """The topic, as the file calls it."""
        return self.documents.sample.topic

    def column(self, name: str) -> Column:
        """The column of this name, which must be there."""
        return next(column for column in self.columns if column.name == name)

    def types(self) -> dict[str, str]:
        """Name and type of its columns."""
        return {column.name: column.type for column in self.columns}


def find(sample: TopicSample, source: str) -> Findings:
    """What a sample says.

    Raises:
        UsageError: no record, no JSON object, no field that can be a column, no id, or no time.
    """
    documents = read_documents(sample)
    columns, left = read_columns(documents.objects)
    event_id, event_time = choose_event_id(documents, columns), choose_event_time(documents, columns)
    if event_id is None:
        raise UsageError(
            f"the documents of the topic '{sample.topic}' have no field that can identify an event: a string, a whole "
            f"number, a date or a timestamp that nearly all of them have.{_seen(columns, left)} Give them one"
        )
    if event_time is None:
        raise UsageError(
            f"the documents of the topic '{sample.topic}' do not say when: no field that nearly all of them have is an "
            "ISO 8601 time, or by its name (ts, time, …_at) a number of seconds, milliseconds or microseconds since "
            f"1970.{_seen(columns, left)} Give them one, or write the source by hand"
        )
    return Findings(source, documents, columns, left, event_id, event_time, key_column(documents, columns))


def source_name(topic: str, taken: Collection[str]) -> str:
    """A legal name for the source of a topic, other than those `taken`."""
    words = re.findall(r"[a-z0-9]+", topic.lower())
    base = "_".join(words)[:MAX_SOURCE_CHARACTERS].rstrip("_")
    base = base if re.match("[a-z]", base) else f"topic_{base}".rstrip("_")
    names = [base, *(f"{base}_{number}" for number in range(2, len(taken) + 2))]
    return next(name for name in names if name not in taken)


def _seen(columns: Sequence[Column], left: Sequence[NoColumn]) -> str:
    """What there is instead, by names that may be shown."""
    found = [f"{column.name} ({column.type})" for column in columns[:MAX_NAMED]]
    found += [f"{each.name!a:.60} ({each.why})" for each in left[: MAX_NAMED - len(found)]]
    return f" They have: {', '.join(found)}." if found else ""
