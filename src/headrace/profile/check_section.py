"""The section of the page on checks: a time line, the last outcome of each, and drift by column."""

from __future__ import annotations

from typing import Any

from headrace.check_results import DRIFT, FAILED, OUTCOMES, RELEASED, UNKNOWN, WARNED, found_text
from headrace.pipeline.drift import MEASURES

from .charts import NARROW, WIDE, Specification, short
from .check_history import CheckHistory, CheckLine
from .drawing import draw
from .markup import Markup, element, together
from .report import Profile
from .words import counted

LINE_HEIGHT = 24
LABEL_WIDTH = 190
NAME_CHARACTERS = 14
BARE_AXIS: Specification = {"title": None, "ticks": False, "domain": False}
# How strong a mark of each outcome is, in the second colour where a check did not hold.
STRENGTH = {**dict.fromkeys(OUTCOMES, 1.0), "passed": 0.35, WARNED: 0.6, RELEASED: 0.3, UNKNOWN: 0.08}


def check_section(profile: Profile) -> Markup | None:
    """What came of the checks of the source of a clean table; nothing where none were made."""
    history = profile.checks
    if history is None:
        return None
    drifting = [line for line in history.lines if line.column is not None]
    expected = [line for line in history.lines if line.column is None and line.expectation != DRIFT]
    parts = [_time_line(history)]
    if expected:
        parts.append(_last_outcomes(expected))
    if drifting:
        parts.append(_drift(drifting))
    return together(parts)


def _time_line(history: CheckHistory) -> Markup:
    wide = element("div", draw(_marks(history, WIDE), "checks in time"), class_="wide")
    narrow = element("div", draw(_marks(history, NARROW), "checks in time"), class_="narrow")
    said = (
        f"The newest {counted(len(history.at), 'unit')} of work, from left to right. The first colour: passed; the "
        "second: warned, or, the stronger, held; faint: released, or unknown."
    )
    return _card("Checks in time", said, together([wide, narrow]))


def _marks(history: CheckHistory, width: int) -> Specification:
    place = {at: number for number, at in enumerate(history.at)}
    names = [f"{short(line.column or line.expectation, NAME_CHARACTERS)} {line.check}" for line in history.lines]
    labels = [name if names.index(name) == number else f"{name} #{number + 1}" for number, name in enumerate(names)]
    marks = [
        {
            "at": place[unit.at],
            "check": label,
            "strength": STRENGTH.get(unit.outcome, 1.0),
            "bad": unit.outcome in (*FAILED, RELEASED),
            "said": f"{line.expectation} {line.check}, {_minute(unit.at)}, {counted(unit.records, 'record')}: "
            f"{unit.outcome}, found {found_text(line.check, unit.found)}",
        }
        for line, label in zip(history.lines, labels, strict=True)
        for unit in line.units
    ]
    inner = width - (LABEL_WIDTH if width == WIDE else LABEL_WIDTH - 45)
    length = 16 if width == WIDE else 10  # a phone has room for days only
    ends = {0: _minute(history.at[0])[:length], len(place) - 1: _minute(history.at[-1])[:length]}
    axis = {**BARE_AXIS, "labelAngle": 0, "values": list(ends), "labelExpr": _shown(ends), "labelFlush": 60}
    return {
        "width": inner,
        "height": LINE_HEIGHT * len(labels),
        "padding": {
            "left": 16,
            "right": 5,
            "top": 5,
            "bottom": 5,
        },  # a browser's letters may be wider than vl-convert's
        "data": {"values": marks},
        "mark": {"type": "rect", "cornerRadius": 2},
        "encoding": {
            "x": {
                "field": "at",
                "type": "ordinal",
                "scale": {"domain": list(place.values()), "paddingInner": 0.08},
                "axis": axis,
            },
            "y": {
                "field": "check",
                "type": "ordinal",
                "scale": {"domain": labels, "paddingInner": 0.15},
                "axis": BARE_AXIS,
            },
            "fill": {"condition": {"test": "datum.bad", "value": "var(--second)"}, "value": "var(--accent)"},
            "fillOpacity": {"field": "strength", "type": "quantitative", "legend": None, "scale": None},
            "description": {"field": "said"},
        },
    }


def _shown(ends: dict[int, str]) -> str:
    return f"{ {str(place): said for place, said in ends.items()}!r}[datum.label]"


def _last_outcomes(lines: list[CheckLine]) -> Markup:
    heads = ("expectation", "check", "outcome", "found", "expected", "failed", "at")
    minor = {"check", "at"}
    rows = [
        {
            "expectation": line.expectation,
            "check": line.check,
            "outcome": line.last.outcome,
            "found": found_text(line.check, line.last.found),
            "expected": line.expected,
            "failed": f"{line.failed:,} of {len(line.units):,}",
            "at": _minute(line.last.at),
        }
        for line in lines
    ]
    head = element("tr", *(element("th", name, class_="minor" if name in minor else None) for name in heads))
    body = [
        element("tr", *(element("td", row[name], class_=_style(name, row, minor)) for name in heads)) for row in rows
    ]
    return _card("Last outcomes", "Of each expectation that warns or holds.", _table(head, body))


def _style(name: str, row: dict[str, Any], minor: set[str]) -> str | None:
    if name == "outcome" and row["outcome"] in FAILED:
        return "far"
    return "minor" if name in minor else None


def _drift(lines: list[CheckLine]) -> Markup:
    """A line a column, a cell a measure: what was found last, and what it was held against when pointed at."""
    by_column: dict[str, dict[str, CheckLine]] = {}
    for line in lines:
        by_column.setdefault(str(line.column), {})[line.check] = line
    measures = [measure for measure in MEASURES if any(measure in found for found in by_column.values())]
    head = element("tr", element("th", "column"), *(element("th", measure) for measure in measures))
    body = [
        element("tr", element("td", column), *(_measure(found.get(measure)) for measure in measures))
        for column, found in by_column.items()
    ]
    said = (
        "How far the newest unit of work with enough events was from the window of the plan. psi and ks are 0 where "
        "nothing has moved; nulls and outliers are differences of shares."
    )
    return _card("Drift by column", said, _table(head, body))


def _measure(line: CheckLine | None) -> Markup:
    if line is None:
        return element("td", "")
    shown = "unknown" if line.last.found is None else found_text(line.check, line.last.found)
    return element("td", shown, title=line.expected, class_="far" if line.last.outcome in FAILED else None)


def _table(head: Markup, body: list[Markup]) -> Markup:
    return element("div", element("table", element("thead", head), element("tbody", *body)), class_="scroll")


def _minute(at: str) -> str:
    return at[:16].replace("T", " ")


def _card(title: str, text: str, content: Markup) -> Markup:
    return element("div", element("h3", title), element("p", text, class_="soft small"), content, class_="card")
