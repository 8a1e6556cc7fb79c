"""The order in which the events are sent, and the clock that stamps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from .events import SOURCES, Array, Events


class Order(StrEnum):
    """EVENT_TIME: as the facts became known, the clean case; of several at one time, by source and row of the file.

    PUBLISHED: the flights in the order of their file, each with its events in the order of `SOURCES`, then the weather
    in the order of its file. Months follow one another as 1, 10, 11, 12, 2 …, so that most events are late by months.
    """

    EVENT_TIME = "event_time"
    PUBLISHED = "published"


@dataclass(frozen=True)
class LineUp:
    """All events in the order of sending; a place in it is counted from 0. Arrays are [n].

    `source`: index into `SOURCES`. `row`: into the events of that source. `clock_s`: the greatest `event_at` up to and
    including this place, on any topic, in seconds since 1970: the simulated arrival.
    """

    source: Array
    row: Array
    event_at_s: Array
    clock_s: Array

    def __len__(self) -> int:
        return len(self.source)

    def places_of(self, source: str) -> Array:
        """The place of each event of `source`, int64, in the order of its rows."""
        places = np.flatnonzero(self.source == SOURCES.index(source))
        by_row = np.empty_like(places)
        by_row[self.row[places]] = places
        return by_row

    def late_by_source(self, after_s: int) -> dict[str, int]:
        """How many events of each source arrive more than `after_s` seconds after they happened."""
        late = self.clock_s - self.event_at_s > after_s
        counts = np.bincount(self.source[late], minlength=len(SOURCES))
        return dict(zip(SOURCES, counts.tolist(), strict=True))


def line_up(events: Mapping[str, Events], order: Order) -> LineUp:
    """Puts the events of all sources into one order of sending."""
    source = np.concatenate([np.full(len(events[name]), number) for number, name in enumerate(SOURCES)])
    row = np.concatenate([np.arange(len(events[name])) for name in SOURCES])
    file_row = np.concatenate([events[name].file_row for name in SOURCES])
    event_at_s = np.concatenate([events[name].event_at_s for name in SOURCES])
    if order is Order.EVENT_TIME:
        places = np.lexsort((file_row, source, event_at_s))
    else:
        places = np.lexsort((source, file_row, source == SOURCES.index("weather_observed")))
    event_at_s = event_at_s[places]
    return LineUp(source[places], row[places], event_at_s, np.maximum.accumulate(event_at_s))
