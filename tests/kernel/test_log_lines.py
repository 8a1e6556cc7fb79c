"""Log lines: nothing that others chose can look like a second line, a colour or another level."""

from __future__ import annotations

import io
import json
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.log_lines import JsonLines, TextLines, printable

FORGED = "orders\n2013-01-01T00:00:00.000Z ERROR all is lost\r\x1b[31mred\x07\u202eevil\u2028\x85\x00"


def lines(formatter, *messages, **more):
    """What a logger with this formatter writes."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = logging.Logger("headrace.test")
    logger.addHandler(handler)
    for message in messages:
        logger.warning("%s", message, **more)
    return stream.getvalue()


@pytest.mark.parametrize("formatter", [TextLines(), JsonLines()], ids=["text", "json"])
@settings(deadline=None)
@given(text=st.one_of(st.text(), st.just(FORGED)))
def test_a_record_is_one_printable_line_whatever_is_in_it(formatter, text):
    written = lines(formatter, text)
    assert written.endswith("\n")
    assert written[:-1].isprintable()


@settings(deadline=None)
@given(text=st.text())
def test_a_line_of_json_gives_the_text_back(text):
    found = json.loads(lines(JsonLines(), text))
    assert found["message"] == text
    assert (found["level"], found["logger"], found["fields"]) == ("WARNING", "headrace.test", {})
    assert set(found) == {"time", "level", "logger", "message", "fields"}


def test_fields_and_a_trace_are_parts_of_the_one_object():
    try:
        raise ValueError(FORGED)
    except ValueError:
        found = json.loads(lines(JsonLines(), "x", exc_info=True, extra={"fields": {"topic": FORGED, "partition": 3}}))
    assert found["fields"] == {"topic": FORGED, "partition": 3}
    assert "ValueError" in found["trace"]


def test_text_begins_with_the_time_and_the_level_and_escapes_the_rest():
    line = lines(TextLines(), "a\nb \x1b[31m café")
    assert line[10] == "T"
    assert line[23:] == "Z WARNING a\\nb \\x1b[31m café\n"


def test_what_is_to_be_kept_is_kept():
    assert printable("a\nb\x1b", keep="\n") == "a\nb\\x1b"
    assert printable("plain text, ü") == "plain text, ü"
