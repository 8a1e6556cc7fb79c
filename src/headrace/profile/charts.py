"""What the charts of the page show, as Vega-Lite specifications: distributions, time lines, shares by group.

A mark's `description` is what a person is told who points at it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from .report import Column, Histogram, MissingBy, Times
from .time_findings import step_text
from .words import counted, number_text, share_text

Specification = dict[str, Any]

CARD_WIDTH = 320  # of a column's card
WIDE, NARROW = 1040, 340  # a chart that is drawn for a desk, and again for a phone
TOP_SHOWN = 8
NAME_CHARACTERS = 22


def histogram(column: Column, found: Histogram) -> Specification:
    """The distribution of a column of numbers."""
    bins = [
        {
            "low": low,
            "high": high,
            "rows": rows,
            "said": f"{column.name} from {number_text(low)} to {number_text(high)}: {counted(rows)}",
        }
        for (low, high), rows in zip(pairwise(found.edges), found.rows, strict=True)
    ]
    axis = {"tickCount": 5, "grid": False, "title": None, "labelOverlap": True}
    return {
        "width": CARD_WIDTH - 50,
        "height": 110,
        "data": {"values": bins},
        "mark": {"type": "rect", "color": "var(--accent)", "stroke": "var(--card)", "strokeWidth": 0.8},
        "encoding": {
            "x": {
                "field": "low",
                "type": "quantitative",
                "axis": axis,
                "scale": {"zero": False, "nice": False},
            },
            "x2": {"field": "high"},
            "y2": {"datum": 0},
            "y": {"field": "rows", "type": "quantitative", "axis": {"tickCount": 3, "title": None, "format": "~s"}},
            "description": {"field": "said"},
        },
    }


def frequent_values(column: Column, rows: int) -> Specification:
    """The most frequent values of a category."""
    shown = [
        {
            "place": place,
            "name": short(str(count.value), 30) or "(empty)",
            "size": count.rows,
            "text": share_text(count.rows, rows),
            "said": f"{column.name} is '{short(str(count.value), 80)}' in {counted(count.rows)}",
        }
        for place, count in enumerate(column.top[:TOP_SHOWN])
    ]
    most = max((count.rows for count in column.top), default=1)
    return _labelled_bars(shown, {"domain": [0, most]}, "var(--accent)")


def mean_line(column: str, times: Times) -> Specification | None:
    """The mean of a column of numbers in time; None where it is known at fewer than three steps."""
    points = [
        {"at": bucket.at, "mean": mean, "said": f"{step_text(bucket.at, times.step)}: mean {number_text(mean)}"}
        for bucket in times.buckets
        if (mean := bucket.means.get(column)) is not None
    ]
    if len(points) < 3:
        return None
    return {
        "width": CARD_WIDTH - 50,
        "height": 46,
        "data": {"values": points},
        "mark": {"type": "line", "color": "var(--second)", "strokeWidth": 1.2},
        "encoding": {
            "x": {"field": "at", "type": "temporal", "scale": {"type": "utc"}, "axis": None},
            "y": {
                "field": "mean",
                "type": "quantitative",
                "scale": {"zero": False},
                "axis": {"tickCount": 2, "title": None, "grid": False},
            },
        },
    }


def volume(times: Times, width: int) -> Specification:
    """Rows by step of time."""
    steps = [
        {"at": b.at, "rows": b.rows, "said": f"{step_text(b.at, times.step)}: {counted(b.rows)}"} for b in times.buckets
    ]
    axis = {"title": None, "grid": False, "labelOverlap": True, "labelFlush": True}
    return {
        "width": width - 60,
        "height": 150,
        "data": {"values": steps},
        "mark": {"type": "bar", "width": max(1.0, (width - 60) / max(1, len(steps)) - 0.6)},
        "encoding": {
            "x": {"field": "at", "type": "temporal", "scale": {"type": "utc"}, "axis": axis},
            "y": {"field": "rows", "type": "quantitative", "axis": {"title": None, "tickCount": 4, "format": "~s"}},
            "description": {"field": "said"},
        },
    }


def by_groups(found: MissingBy) -> Specification:
    """The share of missing values by groups of another column."""
    groups = [
        {
            "place": place,
            "name": short(group.group.removeprefix("is "), 30),
            "size": group.missing / group.rows if group.rows else 0,
            "text": share_text(group.missing, group.rows),
            "said": f"{found.by} {group.group}: {group.missing:,} of {counted(group.rows)} lack {found.column}",
        }
        for place, group in enumerate(found.groups[:12])
    ]
    return _labelled_bars(groups, {"domain": [0, 1]}, "var(--second)")


def _labelled_bars(lines: list[dict[str, Any]], scale: dict[str, Any], color: str) -> Specification:
    """Bars of `size`, with a name at their beginning and a text at the right. By place: two names may look alike."""
    y = {"field": "place", "type": "ordinal", "axis": None}
    x = {"field": "size", "type": "quantitative", "axis": None, "scale": scale}
    label = {"type": "text", "align": "left", "dx": 4, "fontSize": 12}
    end = {"value": CARD_WIDTH - 20}
    return {
        "width": CARD_WIDTH - 20,
        "height": {"step": 26},
        "data": {"values": lines},
        "layer": [
            {
                "mark": {"type": "bar", "height": 20, "cornerRadius": 3, "opacity": 0.35, "color": color},
                "encoding": {"y": y, "x": x, "description": {"field": "said"}},
            },
            {"mark": label, "encoding": {"y": y, "x": {"value": 0}, "text": {"field": "name"}}},
            {"mark": {**label, "align": "right", "dx": -4}, "encoding": {"y": y, "x": end, "text": {"field": "text"}}},
        ],
    }


def short(text: str, most: int = NAME_CHARACTERS) -> str:
    """A text that fits beside a mark."""
    return text if len(text) <= most else text[: most - 1] + "…"
