"""The JSON documents of a sample, read as strictly as cleaning reads them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.errors import UsageError

from .records import SampledRecord, TopicSample

SPOKEN = {
    "tombstone": "tombstones (no value)",
    "invalid_utf8": "not UTF-8",
    "invalid_json": "not one JSON document",
    "not_an_object": "JSON, but no object",
}
CONFLUENT_FRAME = b"\x00"  # the first byte of what is written with a schema registry; no JSON begins so


@dataclass(frozen=True)
class Documents:
    """The objects of a sample, copies left out: `records` and `objects` belong together, by partition and offset.

    `copies` counts records with the key and value of an earlier one; `odd` the records that are no object, by the
    reason for which cleaning would reject them.
    """

    sample: TopicSample
    records: Sequence[SampledRecord]
    objects: Sequence[Mapping[str, Any]]
    copies: int
    odd: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.objects)


def read_documents(sample: TopicSample) -> Documents:
    """The documents of a sample.

    Raises:
        UsageError: it holds no record, or none that is a JSON object.
    """
    if not sample.records:
        raise UsageError(
            f"the topic '{sample.topic}' holds no record, so there is nothing to learn from. "
            "Send it some records first, or write its source by hand"
        )
    records, objects, odd = [], [], Counter[str]()
    seen: set[tuple[bytes | None, bytes | None]] = set()
    for record in sample.records:
        found = read_document(record.value)
        if isinstance(found, str):
            odd[found] += 1
        elif (record.key, record.value) not in seen:
            seen.add((record.key, record.value))
            records.append(record)
            objects.append(found)
    if not objects:
        raise _none_is_an_object(sample, odd)
    copies = len(sample.records) - len(objects) - odd.total()
    return Documents(sample, records, objects, copies, dict(odd))


def read_document(value: bytes | None) -> Mapping[str, Any] | str:
    """The object that a record's value is, or the reason why it is none."""
    if value is None:
        return "tombstone"
    try:
        found = json.loads(value.decode(), parse_constant=_refuse, object_pairs_hook=_object)
    except UnicodeDecodeError:
        return "invalid_utf8"
    except (ValueError, RecursionError):
        return "invalid_json"
    return found if isinstance(found, dict) else "not_an_object"


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _none_is_an_object(sample: TopicSample, odd: Counter[str]) -> UsageError:
    what = ", ".join(f"{count:,} are {SPOKEN[reason]}" for reason, count in odd.most_common())
    framed = sum((record.value or b"").startswith(CONFLUENT_FRAME) for record in sample.records)
    frame = f" {framed:,} begin as what is written with a schema registry does (Avro, Protobuf)." if framed else ""
    return UsageError(
        f"of {len(sample.records):,} records of the topic '{sample.topic}' none is a JSON object: {what}.{frame} "
        "A first file is drafted from JSON objects only: name another topic, or write the source by hand"
    )
