"""A naive judge of the flights' topics: plain Python, record by record, in the order of the offsets.

It shares no code with the replay or with the jobs. What it says of a topic is what both must say.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

FLIGHT = {
    "flight_id": "string",
    "carrier": "string",
    "flight": "long",
    "origin": "string",
    "dest": "string",
    "tailnum": "string",
    "scheduled_departure_at": "timestamp",
    "scheduled_arrival_at": "timestamp",
}
MEASURES = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")
COLUMNS = {
    "flight_scheduled": {**FLIGHT, "distance": "double"},
    "flight_departed": {**FLIGHT, "departed_at": "timestamp", "dep_delay": "double"},
    "flight_arrived": {**FLIGHT, "arrived_on_block_at": "timestamp", "arr_delay": "double", "air_time": "double"},
    "flight_cancelled": FLIGHT,
    "weather_observed": {"origin": "string", "observed_at": "timestamp", **dict.fromkeys(MEASURES, "double")},
}
REQUIRED = {
    "flight_scheduled": FLIGHT.keys() - {"tailnum"},
    "flight_departed": FLIGHT.keys() - {"tailnum"} | {"departed_at", "dep_delay"},
    "flight_arrived": FLIGHT.keys() - {"tailnum"} | {"arrived_on_block_at", "arr_delay"},
    "flight_cancelled": FLIGHT.keys() - {"tailnum"},
    "weather_observed": {"origin", "observed_at"},
}
EVENT_AT = {
    "flight_scheduled": ("scheduled_departure_at", timedelta(hours=-24)),
    "flight_departed": ("departed_at", timedelta()),
    "flight_arrived": ("arrived_on_block_at", timedelta()),
    "flight_cancelled": ("scheduled_departure_at", timedelta()),
    "weather_observed": ("observed_at", timedelta(hours=1)),
}
EVENT_ID = dict.fromkeys(COLUMNS, ("flight_id",)) | {"weather_observed": ("origin", "observed_at")}


class Rejected(Exception):
    """Carries the reason."""


def judge(source: str, records: list[tuple[int, int, int, bytes | None]]) -> dict[str, object]:
    """Counts what becomes of `records` (partition, offset, stamp in ms, value), in the words of `expected.json`."""
    quarantine, duplicates, winners = Counter(), Counter(exact=0, conflict=0), {}
    late = unknown_fields = 0
    for _partition, _offset, stamp_ms, value in sorted(records, key=lambda record: record[:2]):
        try:
            document, event_at = _accept(source, stamp_ms, value)
        except Rejected as rejected:
            quarantine[str(rejected)] += 1
            continue
        event_id = tuple(document[name] for name in EVENT_ID[source])
        if event_id in winners:
            duplicates["exact" if winners[event_id] == value else "conflict"] += 1
            continue
        winners[event_id] = value
        late += _arrived_at(stamp_ms) - event_at > timedelta(days=7)
        unknown_fields += bool(document.keys() - COLUMNS[source].keys())
    counts = {"clean": len(winners), "duplicates": dict(duplicates), "quarantine": dict(quarantine)}
    return counts | {"records": len(records), "late": late, "unknown_fields": unknown_fields}


def _accept(source: str, stamp_ms: int, value: bytes | None) -> tuple[dict[str, object], datetime]:
    document = _document(value)
    if any(document.get(name) is None for name in REQUIRED[source]):
        raise Rejected("missing_field")
    if not all(_fits(document.get(name), kind) for name, kind in COLUMNS[source].items()):
        raise Rejected("wrong_type")
    column, after = EVENT_AT[source]
    event_at = datetime.fromisoformat(document[column]) + after
    if event_at > _arrived_at(stamp_ms) + timedelta(hours=1):
        raise Rejected("in_the_future")
    return document, event_at


def _document(value: bytes | None) -> dict[str, object]:
    if value is None:
        raise Rejected("tombstone")
    try:
        document = json.loads(value.decode("utf-8"), parse_constant=_refuse, object_pairs_hook=_without_repeated_keys)
    except UnicodeDecodeError:
        raise Rejected("invalid_utf8") from None
    except ValueError:
        raise Rejected("invalid_json") from None
    if not isinstance(document, dict):
        raise Rejected("not_an_object")
    return document


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _without_repeated_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key twice")
    return dict(pairs)


def _fits(value: object, kind: str) -> bool:
    if value is None:
        return True
    if kind == "timestamp":
        try:
            return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
        except ValueError:
            return False
    legal = {"string": (str,), "long": (int,), "double": (int, float)}[kind]
    return isinstance(value, legal) and not isinstance(value, bool)


def _arrived_at(stamp_ms: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=stamp_ms)
