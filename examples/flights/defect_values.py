"""How the value of a defective record is written, from the event that it is drawn from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from .defect_kinds import Defect

Document = dict[str, Any]

# The column that a conflicting copy gives another value.
MEASURE = {
    "flight_scheduled": "distance",
    "flight_departed": "dep_delay",
    "flight_arrived": "arr_delay",
    "flight_cancelled": "tailnum",
    "weather_observed": "temp",
}


def write_value(defect: Defect, document: Document, variant: int, source: str) -> bytes | None:
    """The bytes of a record of this kind, or None for a tombstone.

    `document` is the event as its JSON says it and is not altered; `variant` (0 or more) chooses among the forms that a
    kind has.
    """
    return _WRITE[defect](document, variant, source)


def _conflicting(document: Document, _variant: int, source: str) -> bytes:
    column = MEASURE[source]
    other = "N00000" if column == "tailnum" else (document[column] or 0.0) + 1.0
    return orjson.dumps(document | {column: other})


def _with_unknown_field(document: Document, variant: int, _source: str) -> bytes:
    # The last differs from a declared column by its case alone.
    fields: tuple[Document, ...] = (
        {"gate": "C12"},
        {"fuel_kg": 5230.5},
        {"crew": {"first_officer": None}},
        {"Origin": "x"},
    )
    return orjson.dumps(document | fields[variant % len(fields)])


def _truncated(document: Document, variant: int, _source: str) -> bytes:
    payload = orjson.dumps(document)
    return payload[: variant % len(payload)]


def _invalid_utf8(document: Document, variant: int, _source: str) -> bytes:
    sequences = (b"\xff", b"\xc3(", b"\xc0\xaf", b"\xed\xa0\x80")  # never legal, cut short, overlong, a lone surrogate
    return orjson.dumps(document).replace(b'":"', b'":"' + sequences[variant % len(sequences)], 1)


def _with_trailing_garbage(document: Document, variant: int, _source: str) -> bytes:
    payload = orjson.dumps(document)
    return payload + (b"}", b" and more", payload, b",{}", b"\x00")[variant % 5]


def _with_repeated_key(document: Document, _variant: int, _source: str) -> bytes:
    return orjson.dumps(document)[:-1] + b',"origin":"EWR"}'


def _with_bad_number(document: Document, variant: int, source: str) -> bytes:
    column = "temp" if source == "weather_observed" else "flight"
    number = (b"NaN", b"Infinity", b"-Infinity", b"012", b"+1", b".5", b"1.", b"0x10")[variant % 8]
    return orjson.dumps(document | {column: "?number?"}).replace(b'"?number?"', number)


def _not_an_object(document: Document, variant: int, _source: str) -> bytes:
    payload = orjson.dumps(document)
    return (b"[" + payload + b"]", orjson.dumps(payload.decode()), b"42", b"null", b"true")[variant % 5]


def _with_missing_field(document: Document, variant: int, source: str) -> bytes:
    required = ("origin", "observed_at") if source == "weather_observed" else ("flight_id", "scheduled_departure_at")
    column = required[variant % 2]
    if variant % 4 < 2:
        return orjson.dumps(document | {column: None})
    return orjson.dumps({name: value for name, value in document.items() if name != column})


def _with_wrong_type(document: Document, variant: int, source: str) -> bytes:
    wrong: tuple[Document, ...]
    if source == "weather_observed":
        wrong = (
            {"temp": "39.02"},
            {"origin": 7},
            {"observed_at": "noon"},
            {"visib": True},
            {"humid": {"percent": 59.4}},
        )
    else:
        flight = document["flight"]
        wrong = ({"flight": str(flight)}, {"carrier": 17}, {"scheduled_departure_at": "noon"}, {"origin": ["EWR"]})
        wrong += ({"flight": flight + 0.5},)
    return orjson.dumps(document | wrong[variant % len(wrong)])


def _as_it_is(document: Document, _variant: int, _source: str) -> bytes:
    return orjson.dumps(document)


def _nothing(_document: Document, _variant: int, _source: str) -> None:
    return None


# How the value of each kind is written, from the document of an event, a drawn number and the source.
_WRITE: Mapping[Defect, Callable[[Document, int, str], bytes | None]] = {
    Defect.EXACT_COPY: _as_it_is,
    Defect.CONFLICTING_COPY: _conflicting,
    Defect.LATE: _as_it_is,
    Defect.IN_THE_FUTURE: _as_it_is,
    Defect.UNKNOWN_FIELD: _with_unknown_field,
    Defect.TOMBSTONE: _nothing,
    Defect.TRUNCATED: _truncated,
    Defect.INVALID_UTF8: _invalid_utf8,
    Defect.TRAILING_GARBAGE: _with_trailing_garbage,
    Defect.REPEATED_KEY: _with_repeated_key,
    Defect.BAD_NUMBER: _with_bad_number,
    Defect.NOT_AN_OBJECT: _not_an_object,
    Defect.MISSING_FIELD: _with_missing_field,
    Defect.WRONG_TYPE: _with_wrong_type,
}
