"""What the replay sends and what pipeline.yaml says of it are the same thing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support import flights_judge

import headrace.examples.flights
from headrace.examples.flights.events import SOURCES
from headrace.pipeline import load_pipeline

FILE = Path(headrace.examples.flights.__file__).with_name("pipeline.yaml")


@pytest.fixture(scope="module")
def sources():
    return load_pipeline(FILE).sources


def test_each_topic_is_a_source_with_the_columns_that_are_sent(sources, events):
    for name in SOURCES:
        assert sources[name].topic == name
        assert list(sources[name].columns) == list(events[name].columns)


def test_the_naive_judge_judges_by_the_columns_of_the_file(sources):
    for name in SOURCES:
        columns = sources[name].columns
        assert {column: columns[column].type for column in columns} == flights_judge.COLUMNS[name]
        assert {column for column in columns if columns[column].required} == flights_judge.REQUIRED[name]
        assert sources[name].event_id == flights_judge.EVENT_ID[name]


def test_the_prediction_counts_as_late_what_the_file_calls_late_and_keeps(sources):
    for name in SOURCES:
        assert (sources[name].late.after_us, sources[name].late.action) == (7 * 86_400_000_000, "keep")
        assert sources[name].unknown_fields == "keep"
        assert sources[name].copies_within_us is None


def test_no_published_event_breaks_a_rule_of_the_file(sources, events):
    for name in SOURCES:
        of_source = events[name]
        for value in of_source.payloads(np.arange(0, len(of_source), 7)):
            for column, found in json.loads(value).items():
                assert_allowed(sources[name].columns[column], found)


def test_no_measured_extreme_breaks_a_rule_of_the_file(sources, events):
    for name in SOURCES:
        for column, values in events[name].columns.items():
            if values.dtype.kind == "f":
                for extreme in (np.nanmin(values), np.nanmax(values)):
                    assert_allowed(sources[name].columns[column], float(extreme))


def assert_allowed(column, value):
    if value is None:
        assert not column.required
        return
    if column.one_of is not None:
        assert value in column.one_of
    if column.between is not None:
        low, high = column.between
        assert low is None or low <= value
        assert high is None or value <= high
