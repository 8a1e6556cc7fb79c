"""Defects for the replay: what goes wrong with real topics, added from a seed, and what must become of each.

Records are only added; the published events are never altered. So every count downstream follows from the counts of
events and of defects, and `predict` writes it down before anything is sent.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .defect_kinds import ACCEPTED, COPIES, MADE, REASON_OF, Defect
from .defect_values import Document, write_value
from .events import DAY_S, HOUR_S, NEW_YORK, SOURCES, Array, Events
from .order import LineUp

LATE_AFTER_S = 7 * DAY_S  # as pipeline.yaml says; later than this is flagged
FUTURE_AFTER_S = HOUR_S  # an event later than this after its arrival is rejected
SPREAD_S = 30 * DAY_S  # how far beyond these limits a made event may be
ORDINARY_AGE_S = 6 * DAY_S
LARGEST_GAP = 5_000  # records between an event and its copy

# Flight numbers of made events; those of the data end at 8,500.
FIRST_MADE_FLIGHT = 100_000


@dataclass(frozen=True)
class Added:
    """A record that is sent right after the ordinary one at `place` of the line-up; a tombstone has no `value`."""

    source: str
    place: int
    defect: Defect
    key: str
    value: bytes | None


def inject(events: Mapping[str, Events], line_up: LineUp, *, rate: float, seed: int) -> list[Added]:
    """Draws the defects: of each kind, in each source, `rate` (0 to 1) times its events, rounded up.

    They come in the order of sending. What is drawn for one kind and source depends on the seed, the kind and the
    source only. A copy has the key, and so the partition, of its original, and a later place.
    """
    serial = itertools.count(FIRST_MADE_FLIGHT)
    added: list[Added] = []
    for source_number, source in enumerate(SOURCES):
        draw = _Draw(events[source], line_up, line_up.places_of(source), serial, set())
        for kind_number, kind in enumerate(Defect):
            rng = np.random.default_rng((seed, source_number, kind_number))
            added += draw.records(kind, math.ceil(rate * len(events[source])), rng)
    return sorted(added, key=lambda record: record.place)


def predict(events: Mapping[str, Events], line_up: LineUp, added: Sequence[Added]) -> dict[str, dict[str, Any]]:
    """What cleaning must find, by source: `records` = `clean` + duplicates + quarantine, and of the clean ones how many
    are flagged `late` (by more than 7 days) and how many carry `unknown_fields`.
    """
    counts = Counter((record.source, record.defect) for record in added)
    late = line_up.late_by_source(LATE_AFTER_S)
    return {
        source: _predict_source(len(events[source]), late[source], {kind: counts[source, kind] for kind in Defect})
        for source in SOURCES
    }


def _predict_source(events: int, late: int, added: Mapping[Defect, int]) -> dict[str, Any]:
    quarantine = Counter[str]()
    for kind, reason in REASON_OF.items():
        quarantine[reason] += added[kind]
    return {
        "records": events + sum(added.values()),
        "events": events,
        "clean": events + sum(added[kind] for kind in ACCEPTED),
        "duplicates": {name: added[kind] for kind, name in COPIES.items()},
        "quarantine": {reason: count for reason, count in sorted(quarantine.items()) if count},
        "late": late + added[Defect.LATE],
        "unknown_fields": added[Defect.UNKNOWN_FIELD],
        "added": {kind.value: count for kind, count in added.items() if count},
    }


@dataclass(frozen=True)
class _Draw:
    """Draws the defects of one source."""

    events: Events
    line_up: LineUp
    places: Array  # of each event of the source in the line-up
    serial: Iterator[int]
    taken: set[tuple[str, int]]  # stations and times of made observations

    def records(self, kind: Defect, count: int, rng: np.random.Generator) -> Iterator[Added]:
        if kind in COPIES:
            rows = rng.choice(len(self.events), count, replace=False)
            places = np.minimum(self.places[rows] + rng.integers(1, LARGEST_GAP, count), len(self.line_up) - 1)
        else:
            rows = rng.integers(len(self.events), size=count)
            places = rng.integers(len(self.line_up), size=count)
        variants = rng.integers(2**31, size=count).tolist()
        documents = self._made(kind, rows, places, rng) if kind in MADE else self.events.documents(rows)
        for document, place, variant in zip(documents, places.tolist(), variants, strict=True):
            value = write_value(kind, document, variant, self.events.source)
            yield Added(self.events.source, place, kind, document[self.events.key_column], value)

    def _made(self, kind: Defect, rows: Array, places: Array, rng: np.random.Generator) -> list[Document]:
        """New events in the likeness of those at `rows`, with an id of their own and the time that `kind` asks for."""
        event_at_s = self.line_up.clock_s[places] + _distance_s(kind, len(rows), rng)
        if self.events.source == "weather_observed":
            step_s = 1 if kind is Defect.IN_THE_FUTURE else -1
            event_at_s = _free_times(self.events.columns["origin"][rows], event_at_s, step_s, self.taken)
            return self.events.documents(rows, shift_s=event_at_s - self.events.event_at_s[rows])
        return self._made_flights(rows, event_at_s - self.events.event_at_s[rows])

    def _made_flights(self, rows: Array, shift_s: Array) -> list[Document]:
        departures = self.events.columns["scheduled_departure_at"][rows] + shift_s.astype("timedelta64[s]")
        dates = pd.DatetimeIndex(departures).tz_localize("UTC").tz_convert(NEW_YORK).strftime("%Y%m%d")
        documents = self.events.documents(rows, shift_s=shift_s)
        for document, date, flight in zip(documents, dates, self.serial, strict=False):
            document["flight"] = flight
            document["flight_id"] = f"{document['carrier']}-{flight}-{document['origin']}-{date}"
        return documents


def _distance_s(kind: Defect, count: int, rng: np.random.Generator) -> Array:
    """Seconds from the clock at arrival to the event; one in eight late and future ones is beyond its limit by one."""
    beyond = np.where(rng.integers(8, size=count) == 0, 1, rng.integers(1, SPREAD_S, count))
    if kind is Defect.LATE:
        return -LATE_AFTER_S - beyond
    if kind is Defect.IN_THE_FUTURE:
        return FUTURE_AFTER_S + beyond
    return -rng.integers(ORDINARY_AGE_S, size=count)


def _free_times(stations: Array, event_at_s: Array, step_s: int, taken: set[tuple[str, int]]) -> Array:
    """The nearest times, in the direction of `step_s`, at which the station has no event; real ones are on the hour."""
    free = event_at_s.copy()
    for number, (station, time_s) in enumerate(zip(stations.tolist(), event_at_s.tolist(), strict=True)):
        while time_s % HOUR_S == 0 or (station, time_s) in taken:
            time_s += step_s
        taken.add((station, time_s))
        free[number] = time_s
    return free
