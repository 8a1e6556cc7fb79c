"""Findings in words, from profiles that say just one thing."""

from __future__ import annotations

import pytest

from headrace.profile.findings import find
from headrace.profile.number_counts import NumberCounts, bounds
from headrace.profile.report import (
    Association,
    Bucket,
    Column,
    Entities,
    Entity,
    GroupShare,
    LabelFact,
    Lateness,
    MissingBy,
    MissingPair,
    Numbers,
    Profile,
    Subject,
    Times,
    ValueCount,
)
from headrace.profile.words import counted, lasting, listed, number_text, share_text

ROWS = 1000


def numbers(*counts: tuple[float, int], infinite: int = 0, nan: int = 0) -> Numbers:
    found = NumberCounts.of(counts)
    return Numbers(
        nan=nan,
        infinite=infinite,
        zeros=found.holding(lambda value: value == 0),
        negatives=0,
        exact=True,
        mean=None,
        deviation=10.0,
        skewness=None,
        kurtosis=None,
        minimum=found.values[0],
        maximum=found.values[-1],
        quantiles=found.quantiles(),
        mad=found.mad(),
        beyond=bounds(found, None, None),
        smallest=found.smallest(),
        largest=found.largest(),
        histogram=found.histogram(),
    )


def column(name: str, missing: int = 0, distinct: int = 5, **facts) -> Column:
    kind = "number" if "numbers" in facts else "category"
    return Column(name=name, type="x", kind=kind, missing=missing, distinct=distinct, distinct_exact=True, **facts)


def profile(*columns: Column, label: str | None = None, **parts) -> Profile:
    subject = Subject(table="t", version=0, since=None, until=None, label=label)
    parts = {"label" if name == "facts" else name: part for name, part in parts.items()}
    return Profile(subject=subject, rows=ROWS, passes=3, seconds=1.0, columns=columns, **parts)


def texts(found: Profile) -> list[str]:
    return [finding.text for finding in find(found)]


def test_an_ordinary_table_has_no_findings():
    plain = numbers(*((float(value), 100) for value in range(10)))
    assert texts(profile(column("a"), column("x", distinct=10, numbers=plain))) == []


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (column("a", missing=ROWS, distinct=0), "a has no value in any row."),
        (column("a", missing=800), "a is missing in 80 % of the rows (800 of 1,000)."),
        (column("a", distinct=1, top=(ValueCount(value="x", rows=ROWS),)), "a is always 'x'."),
        (column("a", missing=2, distinct=1, numbers=numbers((3.0, 998))), "a is 3 wherever it has a value."),
        (column("a", distinct=ROWS), "a is different in every row: a name, not a category."),
        (
            column("a", numbers=numbers((0.0, 400), (1.0, 599), infinite=1)),
            "a is infinite in 1 row; no mean or correlation counts these.",
        ),
        (column("a", numbers=numbers((0.0, 600), (1.0, 400))), "a is 0 in 60 % of the rows."),
        (
            column("a", numbers=numbers(*((float(v), 111) for v in range(9)), (1000.0, 1))),
            "a has one value far from all others: 1000; the next highest is 8. It looks like a fault.",
        ),
        (
            column("a", numbers=numbers((-5.0, 300), (0.0, 400), (5.0, 280), (90.0, 10), (99.0, 10))),
            "a has a heavy tail: 20 values (2.0 %) are beyond 6 robust deviations of the median, in -5 to 99. "
            "Clip them rather than drop them.",
        ),
    ],
)
def test_what_is_worth_knowing_of_one_column_is_told(found, text):
    assert text in texts(profile(found))


def pairs(first_rows: int, second_rows: int, both: int) -> tuple[MissingPair]:
    return (MissingPair(first="a", second="b", first_rows=first_rows, second_rows=second_rows, both_rows=both),)


def test_columns_that_are_missing_in_the_same_rows_are_told_together():
    found = profile(column("a", missing=7), column("b", missing=7), missing_pairs=pairs(7, 7, 7))
    assert texts(found) == ["a and b are missing in the same 7 rows."]


def test_a_column_that_is_missing_only_where_another_is_too_is_told():
    found = profile(column("a", missing=7), column("b", missing=9), missing_pairs=pairs(7, 9, 7))
    assert texts(found) == ["Wherever a is missing (7 rows), so is b."]


def missing_by(*groups: tuple[str, int, int], strength: float = 0.4) -> tuple[MissingBy]:
    shares = tuple(GroupShare(group=group, rows=rows, missing=missing) for group, rows, missing in groups)
    return (MissingBy(column="a", by="rain", strength=strength, groups=shares),)


def test_missing_values_are_told_by_the_groups_that_differ_most_and_are_no_handful():
    by = missing_by(("is 0", 900, 63), ("is above 0", 95, 50), ("is 'odd'", 5, 5))
    assert texts(profile(column("a", missing=118), missing_by=by)) == [
        "a is missing in 53 % of the rows where rain is above 0, and in 7.0 % of those where rain is 0."
    ]


@pytest.mark.parametrize(
    "by",
    [
        missing_by(("is 0", 500, 50), ("is above 0", 500, 80)),
        missing_by(("is 0", 500, 50), ("is above 0", 500, 450), strength=0.05),
    ],
)
def test_a_small_or_weak_difference_is_not_told(by):
    assert texts(profile(column("a", missing=130), missing_by=by)) == []


def test_what_missing_values_say_of_the_label_is_told():
    fact = LabelFact(
        column="a",
        rows_missing=100,
        rows_present=900,
        label_missing_where_missing=0.5,
        label_missing_where_present=0.02,
        mean_where_missing=12.0,
        mean_where_present=3.0,
    )
    label = column("y", numbers=numbers(*((float(v), 100) for v in range(10))))
    assert texts(profile(column("a", missing=100), label, label="y", facts=(fact,))) == [
        "A missing a tells of the label: y is missing in 50 % of these rows, and in 2.0 % of the others.",
        "A missing a tells of the label: y is 12 on average in these rows, and 3 in the others.",
    ]


@pytest.mark.parametrize(
    ("pearson", "spearman", "text"),
    [
        (0.99, 0.98, "a and b say nearly the same: correlation 0.99 over 900 rows (Spearman 0.98)."),
        (-0.85, -0.8, "a and b move against each other: correlation -0.85 over 900 rows (Spearman -0.80)."),
        (0.2, 0.9, "a and b are related, but along no line: Spearman 0.90, Pearson 0.20 over 900 rows."),
    ],
)
def test_strong_pairs_are_told(pearson, spearman, text):
    pair = Association(first="a", second="b", rows=900, pearson=pearson, spearman=spearman)
    assert texts(profile(column("a"), column("b"), associations=(pair,))) == [text]


def times(*rows: int, missing: dict[int, int] | None = None, hours=((0, 5, 9),), **parts) -> Times:
    buckets = [
        Bucket(at=f"2013-01-{day:02d}T00:00:00Z", rows=count, missing={"a": (missing or {}).get(day, 0)}, means={})
        for day, count in enumerate(rows, 1)
    ]
    ends = {"earliest": "2013-01-01T05:00:00Z", "latest": "2013-01-31T09:00:00Z", "without": 0}
    return Times(column="at", step="day", buckets=tuple(buckets), hours=hours, **ends, **parts)


def test_days_with_few_rows_are_told_and_the_cut_ends_are_not():
    found = profile(column("b"), times=times(3, 100, 100, 40, 100, 100, 100, 100, 100, 5))
    assert texts(found) == ["1 day has less than half the usual 100 rows: 2013-01-04 (40)."]


def test_an_outbreak_of_missing_values_is_told():
    line = times(*[100] * 10, missing={3: 60, 4: 1})
    assert texts(profile(column("a", missing=61), times=line)) == [
        "a is missing most on 2013-01-03: in 60 % of its rows, against 6.1 % over all."
    ]


def test_hours_without_rows_are_told_over_midnight_too():
    hours = tuple((1, hour, 10) for hour in range(3, 22))
    assert texts(profile(column("b"), times=times(hours=hours))) == ["No row is between 22:00 and 03:00 UTC by at."]


def test_lateness_and_rows_before_their_event_are_told():
    late = Lateness(rows=100, early=2, quantiles_s={"0.5": 60.0, "0.99": 7200.0})
    assert texts(profile(column("b"), times=times(lateness=late))) == [
        "2 rows arrived before they happened: a clock is wrong.",
        "Half of the rows arrive within 1 min of their event, and 99 % within 2 h.",
    ]


def test_gaps_are_told_where_rows_come_at_a_fixed_pace():
    entity = Entity(
        key=("EWR",),
        rows=8703,
        earliest="2013-01-01T06:00:00Z",
        latest="2013-12-30T23:00:00Z",
        step_s=3600.0,
        gaps=17,
        absent=27,
        longest_s=21_600.0,
        longest_from="2013-11-02T23:00:00Z",
    )
    gaps = Entities(keys=("origin",), entities=3, with_gaps=3, regular=True, shown=(entity,))
    told = "3 of 3 entities by origin have gaps: EWR lacks 27 steps of 1 h in 17 gaps, the longest of 6 h from"
    assert texts(profile(column("b"), entities=gaps)) == [f"{told} 2013-11-02T23:00:00Z on."]
    assert texts(profile(column("b"), entities=gaps.model_copy(update={"regular": False}))) == []


def test_an_empty_table_says_so():
    assert texts(profile().model_copy(update={"rows": 0})) == ["The table has no row in what was asked for."]


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 9, "0 %"),
        (1, 99_999, "<0.1 %"),
        (53, 100, "53 %"),
        (2, 100, "2.0 %"),
        (99_999, 100_000, ">99.9 %"),
        (9, 9, "100 %"),
    ],
)
def test_a_share_is_never_rounded_to_none_or_all(part, whole, text):
    assert share_text(part, whole) == text


def test_numbers_counts_lists_and_durations_are_said_as_a_person_says_them():
    assert [number_text(v) for v in (None, 2013.0, 1048.36058, 0.004469, 23456.0, 1e20)] == [
        "-",
        "2013",
        "1048.36",
        "0.004469",
        "23,456",
        "1e+20",
    ]
    assert [counted(1), counted(2512), listed(["a", "b", "c"])] == ["1 row", "2,512 rows", "a, b and c"]
    assert [lasting(s) for s in (0.5, 59.0, 3600.0, 5400.0, 172_800.0)] == ["0.5 s", "59 s", "1 h", "90 min", "2 d"]
