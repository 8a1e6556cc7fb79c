"""The sections of the page on missing values, correlations, time, and outliers with their rows."""

from __future__ import annotations

from collections.abc import Callable

from .charts import NARROW, WIDE, Specification, by_groups, volume
from .drawing import draw
from .heat_maps import associations, correlations, lacking, missing_in_time, missing_together, numbers_compared, week
from .markup import Markup, element, together
from .missing_findings import told_groups
from .report import Entities, Entity, OutlierRow, Profile, Times
from .words import counted, lasting, listed, number_text, share_text

MOST_GROUPS_SHOWN = 9


def missing_section(profile: Profile) -> Markup | None:
    """The matrices of missing values, in time and together, and their shares by groups of other columns."""
    names = lacking(profile)
    if not names:
        return None
    parts = []
    if profile.times is not None and len(profile.times.buckets) > 1:
        times = profile.times
        drawn = _on_both(lambda width: missing_in_time(profile, times, width), "missing values in time")
        parts.append(_card(f"By {times.step}", "The stronger the colour, the more rows have no value.", drawn))
    if len(names) > 1:
        text = "Of the rows that lack the column on the left, the percentage that lack the column above, too."
        parts.append(_card("Together", text, _scrolled(draw(missing_together(profile), "columns missing together"))))
    groups = [each for each, _, _ in told_groups(profile)][:MOST_GROUPS_SHOWN]
    cards = [
        _card(
            f"{each.column} by {each.by}",
            f"Share of rows without {each.column}",
            draw(by_groups(each), f"missing {each.column}"),
        )
        for each in groups
    ]
    return together([*parts, element("div", *cards, class_="grid") if cards else ""])


def correlation_section(profile: Profile) -> Markup | None:
    """The heat maps of correlations and of Cramér's V."""
    parts = []
    if len(numbers_compared(profile)) > 1:
        text = (
            "Pearson below the diagonal, Spearman above it, over the rows in which both columns have a value; "
            "the second colour is a negative one."
        )
        drawn = _scrolled(draw(correlations(profile), "correlations"))
        parts.append(_card("Numbers", text, drawn))
    if any(pair.cramers_v is not None for pair in profile.associations):
        text = "Cramér's V: 0 where one says nothing of the other, 1 where it tells it."
        parts.append(_card("Categories", text, _scrolled(draw(associations(profile), "associations"))))
    if profile.not_compared:
        text = f"Not compared, since there are too many columns: {listed(profile.not_compared)}."
        parts.append(element("p", text, class_="soft small"))
    return together(parts) if parts else None


def time_section(profile: Profile) -> Markup | None:
    """Rows in time and by hour of the week, lateness, and the gaps of entities."""
    times = profile.times
    if times is None:
        return None
    said = f"By {times.column}, {times.earliest} to {times.latest}"
    said += f"; {counted(times.without)} without" if times.without else ""
    parts = [_card(f"Rows by {times.step}", said, _on_both(lambda width: volume(times, width), "rows in time"))]
    drawn = _on_both(lambda width: week(times, min(width, 620)), "rows by hour of the week")
    parts.append(_card("Rows by hour of the week", "UTC", drawn))
    if times.lateness is not None:
        parts.append(_lateness(times))
    if profile.entities is not None and profile.entities.shown:
        parts.append(_entities(profile.entities))
    return together(parts)


def _lateness(times: Times) -> Markup:
    late = times.lateness
    values = late.quantiles_s.items() if late else ()
    parts = (element("div", element("dt", f"{100 * float(s):g} %"), element("dd", lasting(v))) for s, v in values)
    return _card("Lateness", "arrived_at minus event_at, by share of rows", element("dl", *parts, class_="values"))


def _entities(entities: Entities) -> Markup:
    heads = [*entities.keys, "rows", "from", "to", "usual step", "gaps", "absent", "longest", "since"]
    minor = {"from", "usual step", "since"}
    head = element("tr", *(element("th", name, class_="minor" if name in minor else None) for name in heads))
    lines = [element("tr", *_entity(entity)) for entity in entities.shown]
    table = element("table", element("thead", head), element("tbody", *lines))
    text = (
        f"{entities.entities:,} by {listed(entities.keys)}, {entities.with_gaps:,} with gaps; those with the longest."
    )
    text += "" if entities.regular else " Their rows come at no fixed pace, so absent steps say little."
    return _card("Entities", text, element("div", table, class_="scroll"))


def _entity(entity: Entity) -> list[Markup]:
    duration = [None if s is None else lasting(s) for s in (entity.step_s, entity.longest_s)]
    cells = [
        *((key, None) for key in entity.key),
        (f"{entity.rows:,}", None),
        (entity.earliest[:16].replace("T", " "), "minor"),
        (entity.latest[:16].replace("T", " "), None),
        (duration[0] or "", "minor"),
        (f"{entity.gaps:,}", None),
        (f"{entity.absent:,}", None),
        (duration[1] or "", None),
        ((entity.longest_from or "")[:16].replace("T", " "), "minor"),
    ]
    return [element("td", shown, class_=style) for shown, style in cells]


def outlier_section(profile: Profile) -> Markup | None:
    """Of each column with values far from its median, how many there are, and the rows that hold the farthest."""
    if not profile.outlier_rows:
        return None
    names = list(dict.fromkeys(row.column for row in profile.outlier_rows))
    return together(_outliers(name, profile) for name in names)


def _outliers(name: str, profile: Profile) -> Markup:
    column = profile.column(name)
    rows = [row for row in profile.outlier_rows if row.column == name]
    beyond = column.numbers.beyond if column.numbers else {}
    rule = beyond.get("mad") or beyond.get("z")
    said = ""
    if rule is not None:
        share = share_text(rule.rows, profile.rows - column.missing)
        said = (
            f"{counted(rule.rows, 'value')} ({share}) outside of {number_text(rule.low)} to {number_text(rule.high)}: "
            f"{rule.below:,} below, {rule.above:,} above. The farthest, with their rows:"
        )
    return _card(name, said, element("div", _rows(name, rows), class_="scroll"))


def _rows(name: str, rows: list[OutlierRow]) -> Markup:
    columns = [name, *(other for other in rows[0].row if other != name)]
    head = element("tr", element("th", "distance"), *(element("th", column) for column in columns))
    lines = []
    for row in rows:
        cells = [element("td", _cell(row.row[column]), class_="far" if column == name else None) for column in columns]
        lines.append(element("tr", element("td", f"{row.distance:,.1f}"), *cells))
    return element("table", element("thead", head), element("tbody", *lines))


def _cell(text: str | None) -> str:
    """A value of a row; of a number no more digits than a person reads."""
    try:
        return "" if text is None else number_text(float(text)) if "." in text else text
    except (ValueError, OverflowError):
        return text or ""


def _card(title: str, text: str, content: str) -> Markup:
    return element("div", element("h3", title), element("p", text, class_="soft small"), content, class_="card")


def _on_both(make: Callable[[int], Specification], title: str) -> Markup:
    """A chart for a desk, and one for a phone; the page shows the one that fits."""
    wide = element("div", draw(make(WIDE), title), class_="wide")
    return together([wide, element("div", draw(make(NARROW), title), class_="narrow")])


def _scrolled(drawn: Markup) -> Markup:
    return element("div", drawn, class_="scroll")
