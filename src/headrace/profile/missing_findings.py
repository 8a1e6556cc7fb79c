"""Findings on missing values: how many, with which other columns, in which groups of others, and what they say of a
label.
"""

from __future__ import annotations

from collections.abc import Iterator

from .report import Finding, GroupShare, LabelFact, MissingBy, Profile
from .words import counted, listed, number_text, share_text

MOST = 0.5
# A difference between groups is told from this many points and this strength on, by groups that are no handful of rows.
LEAST_DIFFERENCE, LEAST_STRENGTH = 0.1, 0.1
LEAST_ROWS, LEAST_SHARE_OF_ROWS = 30, 0.002
MOST_OF_A_COLUMN = 3
# Of a label's mean, in its standard deviations.
LEAST_SHIFT = 0.2


def missing_findings(profile: Profile) -> Iterator[Finding]:
    """All findings of this file."""
    yield from _shares(profile)
    yield from _together(profile)
    yield from _within(profile)
    yield from _by_groups(profile)
    yield from _of_the_label(profile)


def _shares(profile: Profile) -> Iterator[Finding]:
    for column in profile.columns:
        if column.missing == profile.rows:
            text = f"{column.name} has no value in any row."
            yield Finding(kind="missing", columns=(column.name,), text=text, weight=0.9)
        elif column.missing >= MOST * profile.rows:
            share = share_text(column.missing, profile.rows)
            text = f"{column.name} is missing in {share} of the rows ({column.missing:,} of {profile.rows:,})."
            yield Finding(kind="missing", columns=(column.name,), text=text, weight=0.75)


def _together(profile: Profile) -> Iterator[Finding]:
    """Columns that are missing in exactly the same rows."""
    for names, rows in _same_rows(profile).items():
        if len(names) > 1:
            text = f"{listed(names)} are missing in the same {counted(rows) if rows > 1 else 'row'}."
            yield Finding(kind="missing together", columns=names, text=text, weight=0.6)


def _same_rows(profile: Profile) -> dict[tuple[str, ...], int]:
    """The columns with missing values, those together that lack the same rows."""
    first_of = {column.name: column.name for column in profile.columns if 0 < column.missing < profile.rows}
    for pair in profile.missing_pairs:
        if pair.both_rows == pair.first_rows == pair.second_rows and {pair.first, pair.second} <= first_of.keys():
            first_of[pair.second] = first_of[pair.first]
    classes: dict[str, list[str]] = {}
    for name, first in first_of.items():
        classes.setdefault(first, []).append(name)
    return {tuple(names): profile.column(first).missing for first, names in classes.items()}


def _within(profile: Profile) -> Iterator[Finding]:
    """Columns whose every missing row lacks others, too, which are missing more often."""
    for names, rows in _same_rows(profile).items():
        also = [
            other
            for pair in profile.missing_pairs
            for one, its_rows, other, other_rows in (
                (pair.first, pair.first_rows, pair.second, pair.second_rows),
                (pair.second, pair.second_rows, pair.first, pair.first_rows),
            )
            if one == names[0] and pair.both_rows == its_rows < other_rows < profile.rows
        ]
        if also:
            where = f"{names[0]} is" if len(names) == 1 else f"{listed(names)} are"
            text = f"Wherever {where} missing ({counted(rows)}), {_so_is(also)}."
            yield Finding(kind="missing within", columns=(*names, *also), text=text, weight=0.7)


def _so_is(names: list[str]) -> str:
    return f"so is {names[0]}" if len(names) == 1 else f"so are {listed(names)}"


def _by_groups(profile: Profile) -> Iterator[Finding]:
    told = told_groups(profile)
    for each, most, least in told:
        shares = [share_text(group.missing, group.rows) for group in (most, least)]
        text = (
            f"{each.column} is missing in {shares[0]} of the rows where {each.by} {most.group}, "
            f"and in {shares[1]} of those where {each.by} {least.group}."
        )
        difference = most.missing / most.rows - least.missing / least.rows
        weight = 0.55 + 0.4 * min(1.0, difference) * min(1.0, 2 * each.strength)
        yield Finding(kind="missing by", columns=(each.column, each.by), text=text, weight=weight)


def told_groups(profile: Profile) -> list[tuple[MissingBy, GroupShare, GroupShare]]:
    """What is worth telling of missing values by groups, with the groups where they are most and least frequent."""
    found: dict[str, list[tuple[MissingBy, GroupShare, GroupShare]]] = {}
    least_rows = max(LEAST_ROWS, LEAST_SHARE_OF_ROWS * profile.rows)
    for each in sorted(profile.missing_by, key=lambda each: -each.strength):
        shares = [group for group in each.groups if group.rows >= least_rows]
        if len(shares) < 2 or each.strength < LEAST_STRENGTH:
            continue
        most = max(shares, key=lambda group: group.missing / group.rows)
        least = min(shares, key=lambda group: group.missing / group.rows)
        if most.missing / most.rows - least.missing / least.rows >= LEAST_DIFFERENCE:
            found.setdefault(each.column, []).append((each, most, least))
    return [each for of_column in found.values() for each in of_column[:MOST_OF_A_COLUMN]]


def _of_the_label(profile: Profile) -> Iterator[Finding]:
    label = profile.subject.label
    if label is None:
        return
    numbers = profile.column(label).numbers
    for fact in profile.label:
        columns = (fact.column, label)
        more = fact.label_missing_where_missing - fact.label_missing_where_present
        if abs(more) >= LEAST_DIFFERENCE:
            text = (
                f"A missing {fact.column} tells of the label: {label} is missing in "
                f"{share_text(fact.label_missing_where_missing, 1)} of these rows, and in "
                f"{share_text(fact.label_missing_where_present, 1)} of the others."
            )
            yield Finding(kind="label", columns=columns, text=text, weight=0.85 + 0.1 * min(1.0, abs(more)))
        if numbers and _is_shifted(fact, numbers.deviation):
            text = (
                f"A missing {fact.column} tells of the label: {label} is {number_text(fact.mean_where_missing)} on "
                f"average in these rows, and {number_text(fact.mean_where_present)} in the others."
            )
            yield Finding(kind="label", columns=columns, text=text, weight=0.88)


def _is_shifted(fact: LabelFact, deviation: float | None) -> bool:
    means = fact.mean_where_missing, fact.mean_where_present
    known = fact.rows_missing * (1 - fact.label_missing_where_missing)
    if means[0] is None or means[1] is None or not deviation or known < LEAST_ROWS:
        return False
    return abs(means[0] - means[1]) >= LEAST_SHIFT * deviation
