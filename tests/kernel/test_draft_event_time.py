"""When a fact became known, as the timestamps of its records tell it."""

from __future__ import annotations

import random
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.samples import DAY_US, HOUR_US, MINUTE_US, SECOND_US, START_US, iso, orders, sample_of

from headrace.draft.columns import read_columns
from headrace.draft.documents import read_documents
from headrace.draft.event_time import EventTime, choose_event_time, sql_name
from headrace.draft.records import TopicSample
from headrace.pipeline import Expression


def chosen(sample: TopicSample) -> EventTime:
    documents = read_documents(sample)
    found = choose_event_time(documents, read_columns(documents.objects)[0])
    assert found is not None
    return found


def stamped(count: int, **lags_us: int) -> TopicSample:
    """Documents with an instant in each of these fields, so long before their record is stamped."""
    stamps = [START_US + number * 7 * MINUTE_US for number in range(count)]
    sent = [{"n": at} | {name: iso(at - lag) for name, lag in lags_us.items()} for at in stamps]
    return sample_of(sent, stamps_us=stamps)


def test_the_instant_beside_the_records_timestamp_is_chosen_and_nothing_is_to_decide():
    found = chosen(stamped(50, planned_at=3 * DAY_US, left_at=20 * SECOND_US))
    assert found == EventTime("left_at", "left_at", "within 3 min of the record's timestamp for 100 %")


def test_one_that_is_always_an_hour_before_it_is_moved_and_that_is_for_a_person_to_confirm():
    found = chosen(stamped(50, observed_at=HOUR_US + SECOND_US))
    assert found.expression == "observed_at + interval 1 hour"
    assert found.decide == "are records stamped 1 hour after observed_at because the fact is known only then?"


def test_one_that_lies_in_the_future_by_a_day_is_moved_back():
    assert chosen(stamped(50, leaves_at=-DAY_US)).expression == "leaves_at - interval 1 day"


def test_where_timestamps_tell_nothing_the_order_of_the_records_does():
    chance = random.Random(5)
    sent = [
        {"made": iso(START_US + number * HOUR_US), "due": iso(START_US + chance.randrange(10**13))}
        for number in range(50)
    ]
    found = chosen(sample_of(sent, stamps_us=[START_US + 400 * DAY_US] * 50))
    assert found.expression == "made"
    assert found.evidence == "100 % of the records lie in its order, 0.0 % more than 1 h ahead of their timestamp"
    assert found.decide.endswith("do not say; also: due")


def test_what_lies_ahead_of_its_record_is_not_chosen_where_something_else_is_there():
    chance = random.Random(6)
    stamps = [START_US + number * HOUR_US for number in range(50)]
    sent = [
        {"due": iso(at + DAY_US + chance.randrange(10**12)), "made": iso(at - chance.randrange(10**11, 10**12))}
        for at in stamps
    ]
    assert chosen(sample_of(sent, stamps_us=stamps)).expression == "made"


@pytest.mark.parametrize(
    ("value", "expression"),
    [
        (lambda at: at // 1_000_000, "timestamp_seconds(ts)"),
        (lambda at: at // 1_000, "timestamp_millis(ts)"),
        (lambda at: at, "timestamp_micros(ts)"),
        (lambda at: at / 1e6 + 0.25, "timestamp_micros(cast(ts * 1000000 as bigint))"),
    ],
)
def test_numbers_since_1970_are_instants_in_the_unit_in_which_they_are(value, expression):
    stamps = [START_US + number * MINUTE_US for number in range(20)]
    found = chosen(sample_of([{"ts": value(at)} for at in stamps], stamps_us=stamps))
    assert found.expression == expression
    columns = {"ts": "double" if "cast" in expression else "long"}
    assert Expression(expression).bind(columns, "timestamp").type == "timestamp"


def test_a_number_without_the_name_of_a_time_is_none_even_where_it_could_be():
    documents = read_documents(sample_of([{"serial": 1_700_000_000 + number} for number in range(9)]))
    assert choose_event_time(documents, read_columns(documents.objects)[0]) is None


def test_a_date_is_an_instant_where_there_is_nothing_else():
    sent = [{"day": f"2024-03-{number + 1:02}"} for number in range(20)]
    stamps = [START_US + number * DAY_US + 9 * HOUR_US for number in range(20)]
    assert chosen(sample_of(sent, stamps_us=stamps)).expression == "cast(day as timestamp) + interval 9 hours"


def test_records_without_a_timestamp_still_have_an_order():
    sample = sample_of(orders(20), stamps_us=[None] * 20)
    assert chosen(sample).expression == "ordered_at"


@pytest.mark.parametrize("name", ["timestamp", "order", "case", "null", "interval", "all", "from", "date"])
def test_a_column_named_like_a_word_of_sql_is_read_as_the_column(name):
    for text in (sql_name(name, "timestamp"), f"{sql_name(name, 'timestamp')} - interval 2 hours"):
        assert Expression(text).bind({name: "timestamp"}, "timestamp").columns == {name}


LAGS = st.lists(st.integers(-2 * HOUR_US, 2 * HOUR_US), min_size=3, max_size=12)


@given(st.lists(LAGS, min_size=1, max_size=3), st.booleans())
@settings(max_examples=60, deadline=None)
def test_one_near_nearly_all_timestamps_is_chosen_if_there_is_one_and_it_is_the_nearest(lags_us, near):
    count = min(map(len, lags_us))
    stamps = [START_US + number * DAY_US for number in range(count)]
    lags_us = [[lag // (100 if near else 1) for lag in lags] for lags in lags_us]
    sent = [{f"t{n}": iso(at - lags[row]) for n, lags in enumerate(lags_us)} for row, at in enumerate(stamps)]
    found = chosen(sample_of([document | {"row": row} for row, document in enumerate(sent)], stamps_us=stamps))
    shares = [sum(abs(lag) <= 3 * MINUTE_US for lag in lags[:count]) / count for lags in lags_us]
    if max(shares) < 0.9:
        assert found.evidence.startswith("within") == (" interval " in found.expression)
        return
    best = [n for n, share in enumerate(shares) if share == max(shares)]
    nearest = min(best, key=lambda n: median(abs(lag) for lag in lags_us[n][:count]))
    assert found.expression == f"t{nearest}"
