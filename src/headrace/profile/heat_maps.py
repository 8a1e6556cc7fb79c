"""The heat maps of the page, as Vega-Lite specifications: missing values in time and together, correlations, the week.

The colour of a cell is one colour of the page, as strong as the share that it shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .charts import NARROW, Specification, short
from .report import Profile, Times
from .time_findings import step_text
from .words import counted, share_text

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
CELL, LARGEST_SQUARE = 44, 1000
TEXT_FITS = 28  # pixels of a cell in which a number can be read
BARE_AXIS: Specification = {"title": None, "ticks": False, "domain": False}
LINE_HEIGHT = 24


def week(times: Times, width: int) -> Specification:
    """Rows by weekday and hour of the day, UTC."""
    most = max((rows for _, _, rows in times.hours), default=1)
    cells = [
        {
            "day": WEEKDAYS[day],
            "hour": hour,
            "share": rows / most,
            "said": f"{WEEKDAYS[day]} {hour:02d}:00 to {(hour + 1) % 24:02d}:00 UTC: {counted(rows)}",
        }
        for day, hour, rows in times.hours
    ]
    x = {
        "field": "hour",
        "type": "ordinal",
        "scale": {"domain": list(range(24))},
        "axis": {**BARE_AXIS, "labelAngle": 0, "labelExpr": "datum.value % 3 ? '' : datum.label"},
    }
    y = {"field": "day", "type": "ordinal", "scale": {"domain": list(WEEKDAYS)}, "axis": BARE_AXIS}
    return _cells(cells, x, y, width - 50, LINE_HEIGHT * len(WEEKDAYS))


def missing_in_time(profile: Profile, times: Times, width: int) -> Specification:
    """The share of missing values, columns by steps of time."""
    names = lacking(profile)
    labels = _labels(names)
    cells = [
        {
            "at": place,
            "column": labels[name],
            "share": missing / bucket.rows,
            "said": f"{name}, {step_text(bucket.at, times.step)}: {missing:,} of {counted(bucket.rows)} missing",
        }
        for place, bucket in enumerate(times.buckets)
        for name in names
        if (missing := bucket.missing.get(name, 0))
    ]
    last = max(1, len(times.buckets) - 1)
    marks = [round(n * last / 4) for n in range(0, 5, 2 if width == NARROW else 1)]
    dates = {
        str(place): step_text(times.buckets[place].at, times.step) for place in marks if place < len(times.buckets)
    }
    x = {
        "field": "at",
        "type": "ordinal",
        "scale": {"domain": list(range(len(times.buckets))), "paddingInner": 0},
        "axis": {
            **BARE_AXIS,
            "labelAngle": 0,
            "values": [int(place) for place in dates],
            "labelExpr": f"{dates!r}[datum.label]",
            "labelFlush": 40,
        },
    }
    y = {"field": "column", "type": "ordinal", "scale": {"domain": list(labels.values())}, "axis": BARE_AXIS}
    return _cells(cells, x, y, width - 110, LINE_HEIGHT * len(names), round_by=0)


def missing_together(profile: Profile) -> Specification:
    """Of the rows that lack the column of the line, the share that lack the column above, too."""
    names = lacking(profile)
    labels = _labels(names)
    missing = {name: profile.column(name).missing for name in names}
    both = {name: {name: rows} for name, rows in missing.items()}
    for pair in profile.missing_pairs:
        if pair.first in both and pair.second in both:
            both[pair.first][pair.second] = both[pair.second][pair.first] = pair.both_rows
    cells = [
        {
            "line": labels[line],
            "above": labels[above],
            "share": (share := both[line].get(above, 0) / missing[line]),
            "text": f"{100 * share:.0f}",
            "said": f"Where {line} is missing, {above} is too in {share_text(share, 1)} of the rows",
        }
        for line in names
        for above in names
    ]
    return _square(cells, list(labels.values()))


def correlations(profile: Profile) -> Specification:
    """Pearson's correlation below the diagonal, Spearman's above it."""
    names = numbers_compared(profile)
    labels = _labels(names)
    place = {name: n for n, name in enumerate(names)}
    cells = []
    for pair in profile.associations:
        if pair.first not in place or pair.second not in place:
            continue
        for kind, found, line, above in (
            ("Pearson", pair.pearson, pair.second, pair.first),
            ("Spearman", pair.spearman, pair.first, pair.second),
        ):
            if found is not None:
                cells.append(
                    {
                        "line": labels[line],
                        "above": labels[above],
                        "share": abs(found),
                        "sign": found < 0,
                        "text": f"{found:.2f}".replace("0.", ".").replace("-.00", ".00"),
                        "said": f"{pair.first} and {pair.second}: {kind} {found:.3f} over {counted(pair.rows)}",
                    }
                )
    return _square(cells, list(labels.values()))


def associations(profile: Profile) -> Specification:
    """Cramér's V of every two categories."""
    pairs = [pair for pair in profile.associations if pair.cramers_v is not None]
    labels = _labels(name for pair in pairs for name in (pair.first, pair.second))
    cells = [
        {
            "line": labels[line],
            "above": labels[above],
            "share": pair.cramers_v,
            "text": f"{pair.cramers_v:.2f}",
            "said": f"{pair.first} and {pair.second}: Cramér's V {pair.cramers_v:.3f} over {counted(pair.rows)}",
        }
        for pair in pairs
        for line, above in ((pair.first, pair.second), (pair.second, pair.first))
    ]
    return _square(cells, list(labels.values()))


def _labels(names: Iterable[str]) -> dict[str, str]:
    """A short label for each name, no two alike."""
    found: dict[str, str] = {}
    for number, name in enumerate(dict.fromkeys(names)):
        label = short(name)
        found[name] = label if label not in found.values() else f"{short(name, 17)} #{number + 1}"
    return found


def _square(cells: list[dict[str, Any]], labels: Sequence[str]) -> Specification:
    """Cells of `line` and `above`, with their text where it can be read."""
    side = min(CELL, LARGEST_SQUARE // max(1, len(labels)))
    scale = {"domain": list(labels)}
    x = {"field": "above", "type": "ordinal", "scale": scale, "axis": {**BARE_AXIS, "orient": "top", "labelAngle": -45}}
    y = {"field": "line", "type": "ordinal", "scale": scale, "axis": BARE_AXIS}
    drawn = _cells(cells, x, y, side * len(labels), side * len(labels))
    strong = {"condition": {"test": "datum.share > 0.55", "value": "var(--on-accent)"}, "value": "var(--ink)"}
    encoding = {"x": x, "y": y, "text": {"field": "text"}, "color": strong}
    layers = [{key: drawn.pop(key) for key in ("mark", "encoding")}]
    if side >= TEXT_FITS:
        layers.append({"mark": {"type": "text", "fontSize": 11, "aria": False}, "encoding": encoding})
    return {**drawn, "layer": layers}


def _cells(
    cells: list[dict[str, Any]], x: Specification, y: Specification, width: int, height: int, *, round_by: int = 3
) -> Specification:
    color = {"condition": {"test": "datum.sign", "value": "var(--second)"}, "value": "var(--accent)"}
    opacity = {
        "field": "share",
        "type": "quantitative",
        "legend": None,
        "scale": {"domain": [0, 1], "range": [0.05, 1]},
    }
    return {
        "width": width,
        "height": height,
        "data": {"values": cells},
        "mark": {"type": "rect", "cornerRadius": round_by},
        "encoding": {"x": x, "y": y, "fill": color, "fillOpacity": opacity, "description": {"field": "said"}},
    }


def lacking(profile: Profile) -> list[str]:
    """The columns with missing values, but not without any value."""
    return [column.name for column in profile.columns if 0 < column.missing < profile.rows]


def numbers_compared(profile: Profile) -> list[str]:
    """The columns of numbers that take part in a correlation."""
    pairs = [pair for pair in profile.associations if pair.pearson is not None]
    return list(dict.fromkeys(name for pair in pairs for name in (pair.first, pair.second)))
