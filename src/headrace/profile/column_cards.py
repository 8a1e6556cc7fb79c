"""The cards of the page: for each column its distribution, its course in time, and its figures."""

from __future__ import annotations

from .charts import TOP_SHOWN, frequent_values, histogram, mean_line
from .drawing import draw
from .markup import Markup, element, together
from .report import Column, Numbers, Profile
from .words import counted, number_text, share_text

# Quantiles that a card names, under the words of a person.
SHOWN_QUANTILES = {"0.01": "1 %", "0.25": "25 %", "0.5": "median", "0.75": "75 %", "0.99": "99 %"}


def column_cards(profile: Profile) -> Markup:
    """A card a column."""
    cards = [_card(column, profile, place) for place, column in enumerate(profile.columns)]
    return element("div", *cards, class_="cards")


def _card(column: Column, profile: Profile, place: int) -> Markup:
    title = element("h3", column.name, element("span", column.type, class_="tag"))
    parts: list[str] = [title, element("p", _summary(column, profile.rows), class_="soft small")]
    if column.numbers is not None:
        parts += _of_numbers(column, column.numbers, profile)
    elif column.top and len(column.top) > 1 and column.top[0].rows > 1:
        parts.append(draw(frequent_values(column, profile.rows), f"most frequent values of {column.name}"))
        parts.append(_more_values(column))
    if column.instants is not None and column.instants.earliest is not None:
        parts.append(_values({"earliest": column.instants.earliest, "latest": str(column.instants.latest)}))
    if column.texts is not None and column.texts.longest is not None:
        lengths = {"shortest": str(column.texts.shortest), "longest": str(column.texts.longest)}
        parts.append(_values({**lengths, "empty": f"{column.texts.empty:,}"}))
    return element("article", *parts, class_="card", id=f"column-{place}", data_column=column.name)


def _summary(column: Column, rows: int) -> str:
    missing = f"{share_text(column.missing, rows)} missing" if column.missing else "none missing"
    if column.distinct is None:
        return missing
    about = "" if column.distinct_exact else "about "
    return f"{missing}, {about}{counted(column.distinct, 'value')}"


def _of_numbers(column: Column, numbers: Numbers, profile: Profile) -> list[str]:
    parts: list[str] = []
    if numbers.histogram is not None:
        parts.append(draw(histogram(column, numbers.histogram), f"distribution of {column.name}"))
        parts.append(_left_out(numbers))
    line = mean_line(column.name, profile.times) if profile.times and numbers.deviation else None
    if line is not None and profile.times is not None:
        parts.append(element("p", f"Mean by {profile.times.step}", class_="soft small"))
        parts.append(draw(line, f"mean of {column.name} by {profile.times.step}"))
    return [*parts, _figures(numbers)]


def _left_out(numbers: Numbers) -> str:
    if numbers.histogram is None or not numbers.histogram.below + numbers.histogram.above:
        return ""
    ends = []
    if numbers.histogram.below:
        ends.append(f"{counted(numbers.histogram.below, 'value')} down to {number_text(numbers.minimum)}")
    if numbers.histogram.above:
        ends.append(f"{counted(numbers.histogram.above, 'value')} up to {number_text(numbers.maximum)}")
    return element("p", "Not drawn: " + " and ".join(ends), class_="soft small")


def _figures(numbers: Numbers) -> Markup:
    if numbers.minimum == numbers.maximum:
        return _values({"always": number_text(numbers.minimum), "zeros": f"{numbers.zeros:,}"})
    found = {"min": number_text(numbers.minimum)}
    found |= {words: number_text(numbers.quantiles.get(share)) for share, words in SHOWN_QUANTILES.items()}
    found |= {"max": number_text(numbers.maximum), "mean": number_text(numbers.mean)}
    found |= {"deviation": number_text(numbers.deviation), "skewness": number_text(numbers.skewness)}
    found |= {"zeros": f"{numbers.zeros:,}", "negative": f"{numbers.negatives:,}"}
    if numbers.infinite or numbers.nan:
        found |= {"infinite": f"{numbers.infinite:,}", "NaN": f"{numbers.nan:,}"}
    return _values(found)


def _values(found: dict[str, str]) -> Markup:
    parts = (element("div", element("dt", name), element("dd", value)) for name, value in found.items())
    return element("dl", *parts, class_="values")


def _more_values(column: Column) -> str:
    rest = (column.distinct or 0) - min(TOP_SHOWN, len(column.top))
    return element("p", f"and {counted(rest, 'other value')}", class_="soft small") if rest > 0 else together([])
