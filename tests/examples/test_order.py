from __future__ import annotations

import pytest

from headrace.examples.flights.events import SOURCES
from headrace.examples.flights.order import Order, line_up


def told(events, lined_up):
    """The line-up as (source, flight id or station, event time)."""
    return [
        (
            SOURCES[source],
            events[SOURCES[source]].columns[events[SOURCES[source]].key_column][row],
            int(events[SOURCES[source]].event_at_s[row]),
        )
        for source, row in zip(lined_up.source, lined_up.row, strict=True)
    ]


@pytest.mark.parametrize("order", list(Order))
def test_every_event_has_one_place(first_three_days, order):
    lined_up = line_up(first_three_days, order)
    assert sorted(zip(lined_up.source.tolist(), lined_up.row.tolist(), strict=True)) == [
        (number, row) for number, source in enumerate(SOURCES) for row in range(len(first_three_days[source]))
    ]
    for source in SOURCES:
        places = lined_up.places_of(source)
        assert lined_up.row[places].tolist() == list(range(len(first_three_days[source])))


def test_in_event_time_order_each_record_is_stamped_with_its_own_time(first_three_days):
    lined_up = line_up(first_three_days, Order.EVENT_TIME)
    times = [event_at_s for _, _, event_at_s in told(first_three_days, lined_up)]
    assert times == sorted(times) == lined_up.clock_s.tolist()
    assert set(lined_up.late_by_source(0).values()) == {0}


def test_in_published_order_a_flight_tells_its_events_together_and_the_weather_comes_last(first_three_days):
    lined_up = line_up(first_three_days, Order.PUBLISHED)
    names = [(source, key) for source, key, _ in told(first_three_days, lined_up)]
    assert names[:4] == [
        ("flight_scheduled", "UA-1545-EWR-20130101"),
        ("flight_departed", "UA-1545-EWR-20130101"),
        ("flight_arrived", "UA-1545-EWR-20130101"),
        ("flight_scheduled", "UA-1714-LGA-20130101"),
    ]
    weather = names.index(("weather_observed", "EWR"))
    assert {source for source, _ in names[weather:]} == {"weather_observed"}
    assert len(names) - weather == len(first_three_days["weather_observed"])


def test_in_published_order_the_clock_is_the_greatest_event_time_so_far(first_three_days):
    lined_up = line_up(first_three_days, Order.PUBLISHED)
    greatest = 0
    for (_, _, event_at_s), clock_s in zip(told(first_three_days, lined_up), lined_up.clock_s, strict=True):
        greatest = max(greatest, event_at_s)
        assert clock_s == greatest


def test_over_the_year_the_published_order_makes_two_thirds_of_the_events_late_by_a_week(events):
    late = line_up(events, Order.PUBLISHED).late_by_source(7 * 24 * 3_600)
    assert late == {
        "flight_scheduled": 225_480,
        "flight_departed": 219_240,
        "flight_arrived": 218_339,
        "flight_cancelled": 6_240,
        "weather_observed": 25_710,
    }
