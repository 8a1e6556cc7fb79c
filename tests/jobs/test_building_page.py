"""The example of docs/building-features.md, built as the page tells it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.event_lake import EventLake
from support.feature_oracle import Event

from headrace.pipeline.times import instant_us

PAGE = Path(__file__).parents[2] / "docs" / "building-features.md"
GROUP = {"aggregate": {"events": {"count": "events"}, "x": ["mean"]}, "windows": ["1h"], "hop": "30m"}


def lines_of(header: str) -> list[list[str]]:
    """The cells of the table of the page that begins with this header."""
    (rows,) = re.findall(rf"^\| {re.escape(header)} .*\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE.read_text(), re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in rows.splitlines()]


def us(text: str) -> int:
    return instant_us(f"2013-01-01T{text}Z" if text.count(":") == 2 else f"2013-01-01T{text}:00Z")


def number(text: str) -> float | None:
    return None if text == "null" else float(text)


def test_three_builds_write_the_rows_of_the_page(spark, tmp_path):
    departures, rows = lines_of("event_at | arrived_at"), lines_of("until | event_at")
    lake, before = EventLake(tmp_path, departures=GROUP), 0
    for until in sorted({row[0] for row in rows}):
        new = [
            (("EWR", 1), Event(us(at), us(arrived), (0, 0, place), {"x": number(delay)}))
            for place, (at, arrived, delay, build) in enumerate(departures)
            if build == until
        ]
        lake.clean(new)
        lake.build(spark, "departures", us(until))
        written = sorted(lake.rows("departures")[before:], key=lambda row: row["event_at"])
        before += len(written)
        assert [(row["event_at"], row["events_count_1h"], row["x_mean_1h"], row["known_at"]) for row in written] == [
            (us(at), int(count), pytest.approx(number(mean)), us(known))
            for build, at, count, mean, known, _ in rows
            if build == until
        ]
    assert before == len(rows) == 6
