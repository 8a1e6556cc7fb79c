"""The overview of the page: a table with a line for each column, sorted by whatever its reader points at."""

from __future__ import annotations

from collections.abc import Sequence

from .markup import Markup, element, together
from .report import Column, Profile
from .words import number_text, share_text

HEADS = ("column", "type", "shape", "missing", "distinct", "mean", "min", "median", "max", "zero", "far")
# What a phone has no room for.
MINOR = frozenset({"type", "mean", "min", "median", "max", "zero", "far"})
TEXT_HEADS = frozenset({"column", "type"})
SPARK_WIDTH, SPARK_HEIGHT = 92, 22


def overview(profile: Profile) -> Markup:
    """The table, and a field that keeps only the columns whose names hold what is typed."""
    head = element("tr", *map(_head, HEADS))
    lines = [_line(column, profile.rows, place) for place, column in enumerate(profile.columns)]
    search = element("input", type="search", id="search", placeholder="Find a column", aria_label="Find a column")
    table = element("table", element("thead", head), element("tbody", *lines), class_="sortable")
    return together([search, element("div", element("div", table, class_="scroll"), class_="card")])


def _head(name: str) -> Markup:
    label = name if name == "shape" else element("button", name, type="button")
    numeric = None if name in TEXT_HEADS or name == "shape" else "yes"
    return element("th", label, scope="col", data_numeric=numeric, class_=_class(name))


def _class(name: str) -> str | None:
    found = ["minor"] if name in MINOR else []
    return " ".join([*found, *(["left"] if name in TEXT_HEADS or name == "shape" else [])]) or None


def _line(column: Column, rows: int, place: int) -> Markup:
    numbers = column.numbers
    beyond = numbers.beyond.get("mad") if numbers else None
    present = rows - column.missing
    cells = {
        "column": (element("a", column.name, href=f"#column-{place}"), column.name),
        "type": (column.type, column.type),
        "shape": (_spark(column), None),
        "missing": (_missing(column.missing, rows), column.missing),
        "distinct": (_distinct(column), column.distinct),
        "mean": _number(numbers.mean if numbers else None),
        "min": _number(numbers.minimum if numbers else None),
        "median": _number(numbers.quantiles.get("0.5") if numbers else None),
        "max": _number(numbers.maximum if numbers else None),
        "zero": (share_text(numbers.zeros, rows) if numbers.zeros else "", numbers.zeros) if numbers else ("", None),
        "far": (share_text(beyond.rows, present) if beyond.rows else "", beyond.rows) if beyond else ("", None),
    }
    made = [
        element("td", shown, class_=_class(name), data_sort="" if key is None else str(key))
        for name, (shown, key) in cells.items()
    ]
    return element("tr", *made, data_column=column.name)


def _number(value: float | None) -> tuple[str, float | None]:
    return ("" if value is None else number_text(value)), value


def _distinct(column: Column) -> str:
    if column.distinct is None:
        return ""
    return f"{column.distinct:,}" if column.distinct_exact else f"≈ {number_text(column.distinct)}"


def _missing(missing: int, rows: int) -> Markup:
    share = missing / rows if rows else 0.0
    meter = element("span", element("i", style=f"width:{100 * share:.1f}%"), class_="meter")
    return together([share_text(missing, rows) if missing else "0", meter])


def _spark(column: Column) -> str:
    """A small drawing of the distribution: of numbers by value, of categories by frequency."""
    if column.numbers is not None and column.numbers.histogram is not None:
        return spark(column.numbers.histogram.rows)
    return spark([count.rows for count in column.top[:12]]) if len(column.top) > 1 else ""


def spark(rows: Sequence[int]) -> Markup:
    """Bars of these heights beside each other; the least that is not 0 can still be seen."""
    most, width = max(rows), SPARK_WIDTH / len(rows)
    bars = []
    for place, count in enumerate(rows):
        height = max(1.0, SPARK_HEIGHT * count / most) if count else 0.0
        bars.append(
            element(
                "rect",
                x=f"{place * width:.1f}",
                y=f"{SPARK_HEIGHT - height:.1f}",
                width=f"{max(width - 0.6, 0.6):.1f}",
                height=f"{height:.1f}",
            )
        )
    box = f"0 0 {SPARK_WIDTH} {SPARK_HEIGHT}"
    size = {"width": SPARK_WIDTH, "height": SPARK_HEIGHT}
    return element("svg", *bars, viewBox=box, **size, class_="spark", aria_hidden="true", preserveAspectRatio="none")
