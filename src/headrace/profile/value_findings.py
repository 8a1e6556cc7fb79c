"""Findings on the values of single columns: equal, far, heavy-tailed, infinite, zero, empty, different in every row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .report import Column, Finding, Numbers, Profile, ValueCount
from .words import counted, number_text, quoted, share_text

# A value is alone when it is this many times the width of all the others away from them, in no more than a few rows.
ALONE, FEW_ROWS, FEWEST_VALUES = 3.0, 3, 4
# From this share of far values on they are the tail of a distribution, not faults.
TAIL_SHARE = 0.01
MANY_ZEROS = 0.5


def value_findings(profile: Profile) -> Iterator[Finding]:
    """All findings of this file."""
    for column in profile.columns:
        yield from _sameness(column, profile.rows)
        if column.numbers is not None:
            yield from _of_numbers(column, column.numbers, profile.rows)
        if column.texts is not None and column.texts.empty:
            text = f"{column.name} is an empty text in {counted(column.texts.empty)}, which is not counted as missing."
            yield Finding(kind="empty text", columns=(column.name,), text=text, weight=0.5)


def _sameness(column: Column, rows: int) -> Iterator[Finding]:
    present = rows - column.missing
    if column.distinct == 1 and present:
        value = _only_value(column)
        says = f"is always {value}" if not column.missing else f"is {value} wherever it has a value"
        yield Finding(kind="constant", columns=(column.name,), text=f"{column.name} {says}.", weight=0.65)
    elif column.kind == "category" and column.distinct == present > 1 and column.distinct_exact:
        text = f"{column.name} is different in every row: a name, not a category."
        yield Finding(kind="name", columns=(column.name,), text=text, weight=0.3)


def _only_value(column: Column) -> str:
    if column.numbers is not None and column.numbers.smallest:
        return number_text(column.numbers.minimum)
    if column.instants is not None:
        return str(column.instants.earliest)
    return quoted(str(column.top[0].value)) if column.top else "the same"


def _of_numbers(column: Column, numbers: Numbers, rows: int) -> Iterator[Finding]:
    names = (column.name,)
    if numbers.infinite:
        text = f"{column.name} is infinite in {counted(numbers.infinite)}; no mean or correlation counts these."
        yield Finding(kind="infinite", columns=names, text=text, weight=0.9)
    if numbers.nan:
        text = f"{column.name} is NaN in {counted(numbers.nan)}; these count as missing."
        yield Finding(kind="nan", columns=names, text=text, weight=0.5)
    if MANY_ZEROS * rows <= numbers.zeros < rows - column.missing:
        text = f"{column.name} is 0 in {share_text(numbers.zeros, rows)} of the rows."
        yield Finding(kind="zeros", columns=names, text=text, weight=0.25)
    yield from _alone(column.name, numbers.largest, numbers.smallest, "highest")
    yield from _alone(column.name, numbers.smallest, numbers.largest, "lowest")
    yield from _tail(column, numbers, rows)


def _alone(name: str, ends: Sequence[ValueCount], others: Sequence[ValueCount], which: str) -> Iterator[Finding]:
    """A value at one end that stands far away from all the others."""
    if len(ends) < FEWEST_VALUES:
        return
    far, following, other_end = (float(count.value) for count in (ends[0], ends[1], others[0]))
    width = abs(following - other_end)
    if width and abs(far - following) > ALONE * width and ends[0].rows <= FEW_ROWS:
        rows = ends[0].rows
        how_often = "one value" if rows == 1 else f"a value ({rows} times)"
        text = (
            f"{name} has {how_often} far from all others: {number_text(far)}; the next {which} is "
            f"{number_text(following)}. It looks like a fault."
        )
        yield Finding(kind="outlier", columns=(name,), text=text, weight=0.95)


def _tail(column: Column, numbers: Numbers, rows: int) -> Iterator[Finding]:
    beyond = numbers.beyond.get("mad")
    if beyond is None or not beyond.rows:
        return
    present = rows - column.missing - numbers.infinite
    span = f"{number_text(numbers.minimum)} to {number_text(numbers.maximum)}"
    verb = "is" if beyond.rows == 1 else "are"
    what = f"{counted(beyond.rows, 'value')} ({share_text(beyond.rows, present)}) {verb} beyond 6 robust deviations"
    if beyond.rows >= TAIL_SHARE * present:
        text = f"{column.name} has a heavy tail: {what} of the median, in {span}. Clip them rather than drop them."
        yield Finding(kind="heavy tail", columns=(column.name,), text=text, weight=0.62)
    else:
        text = f"{column.name}: {what} of the median, in {span}."
        yield Finding(kind="far values", columns=(column.name,), text=text, weight=0.4)
