"""The page as text: what is of the data stays text, wherever it stands, and the page needs nothing but itself."""

from __future__ import annotations

import base64
import hashlib
import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.profile.markup import Markup, element, text
from headrace.profile.number_counts import NumberCounts, bounds
from headrace.profile.page import frame, page
from headrace.profile.report import (
    Association,
    Bucket,
    Column,
    Entities,
    Entity,
    Finding,
    GroupShare,
    MissingBy,
    MissingPair,
    Numbers,
    OutlierRow,
    Profile,
    Subject,
    Texts,
    Times,
    ValueCount,
)

HOSTILE = "</script><svg onload=alert(1)>&amp;\"'`{{x}}"


def numbers() -> Numbers:
    counts = NumberCounts.of([*((float(value), 10) for value in range(8)), (1e6, 1)])
    moments = {"mean": 3.0, "deviation": 2.0, "skewness": 0.0, "kurtosis": 0.0}
    ends = {"minimum": 0.0, "maximum": 1e6, "smallest": counts.smallest(), "largest": counts.largest()}
    return Numbers(
        nan=0,
        infinite=0,
        zeros=10,
        negatives=0,
        exact=True,
        quantiles=counts.quantiles(),
        mad=counts.mad(),
        beyond=bounds(counts, 3.0, 2.0),
        histogram=counts.histogram(),
        **moments,
        **ends,
    )


def hostile_profile() -> Profile:
    """A profile with every part, in which each name and value is hostile."""
    first, second, word = (f"{HOSTILE}{number}" for number in range(3))
    number = {"type": HOSTILE, "kind": "number", "distinct": 9, "distinct_exact": True, "numbers": numbers()}
    top = tuple(ValueCount(value=f"{HOSTILE}{place}", rows=20) for place in range(4))
    category = {"type": "string", "kind": "category", "distinct": 4, "distinct_exact": True, "top": top}
    days = [
        Bucket(
            at=f"2013-01-0{day}T00:00:00Z", rows=20, missing={first: day, second: 1}, means={first: day, second: 1.0}
        )
        for day in range(1, 5)
    ]
    entity = {
        "rows": 9,
        "earliest": HOSTILE,
        "latest": HOSTILE,
        "step_s": 1.0,
        "gaps": 1,
        "absent": 1,
        "longest_s": 2.0,
    }
    groups = tuple(GroupShare(group=f"is '{HOSTILE}{place}'", rows=40, missing=40 * place) for place in range(2))
    return Profile(
        subject=Subject(table=HOSTILE, version=0, since=None, until=None, label=HOSTILE),
        rows=81,
        passes=6,
        seconds=1.0,
        columns=(
            Column(name=first, missing=10, **number),
            Column(name=second, missing=4, **number),
            Column(name=word, missing=0, texts=Texts(empty=1, shortest=0, longest=9, mean_length=3.0), **category),
        ),
        associations=(Association(first=first, second=second, rows=70, pearson=-0.5, spearman=0.9),),
        not_compared=(HOSTILE,),
        missing_by=(MissingBy(column=first, by=word, strength=0.9, groups=groups),),
        missing_pairs=(MissingPair(first=first, second=second, first_rows=10, second_rows=4, both_rows=4),),
        times=Times(
            column=HOSTILE,
            earliest="2013-01-01T00:00:00Z",
            latest="2013-01-04T00:00:00Z",
            without=0,
            step="day",
            buckets=tuple(days),
            hours=((0, 1, 40), (3, 9, 41)),
        ),
        entities=Entities(
            keys=(HOSTILE,),
            entities=1,
            with_gaps=1,
            regular=True,
            shown=(Entity(key=(HOSTILE,), longest_from=HOSTILE, **entity),),
        ),
        outlier_rows=(OutlierRow(column=first, value=1e6, distance=99.0, row={first: HOSTILE, word: None}),),
        findings=(Finding(kind=HOSTILE, columns=(first,), text=HOSTILE, weight=0.9),),
    )


@pytest.fixture(scope="module")
def made() -> str:
    return page(hostile_profile())


def test_nothing_of_the_data_becomes_an_element_or_an_attribute(made):
    assert "<svg onload" not in made
    assert made.count("</script>") == made.count("<script>") == 1
    assert len(re.findall(r"<svg [^>]*viewBox", made)) == made.count("<svg ") > 8
    assert not re.search(r"""<[a-z][^<>]*\son[a-z]+\s*=""", re.sub(r'"[^"]*"', '""', made))


def test_every_section_is_on_the_page(made):
    sections = re.findall(r'<section id="(\w+)"', made)
    assert sections == ["findings", "overview", "columns", "missing", "correlations", "time", "outliers"]
    assert re.findall(r'<a href="#(\w+)">', made)[: len(sections)] == sections


def test_the_policy_lets_only_the_pages_own_script_run(made):
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]+)"', made)[1])
    (script,) = re.findall(r"<script>(.*)</script>", made, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy


def test_the_page_names_no_address_to_fetch(made):
    addresses = {address for address in re.findall(r"""https?://[^\s"'<]*""", made) if "www.w3.org" not in address}
    assert addresses == set()
    assert not re.search(r"""<(link|img|iframe|object|embed|base)\b|@import|url\((?!#)""", made)


def test_a_frame_holds_the_page_as_one_attribute(made):
    framed = frame(hostile_profile())
    assert re.fullmatch(r'<iframe srcdoc="[^"<>]*" sandbox="allow-scripts"[^<>]*></iframe>', framed)


def test_an_empty_table_has_a_page():
    subject = Subject(table="t", version=0, since="2013-01-01T00:00:00Z", until=None, label=None)
    found = Profile(subject=subject, rows=0, passes=1, seconds=0.0, columns=())
    assert "from 2013-01-01T00:00:00Z" in page(found)


@given(st.text())
def test_text_is_escaped_in_elements_and_attributes(value):
    made = element("p", value, title=value)
    assert re.fullmatch(r'<p title="[^"<>]*">[^<>]*</p>', made, flags=re.DOTALL)
    assert html.unescape(re.fullmatch(r'<p title="[^"]*">(.*)</p>', made, flags=re.DOTALL)[1]) == value


def test_markup_is_not_escaped_again():
    assert element("p", element("b", "<")) == "<p><b>&lt;</b></p>"
    assert text(Markup("<i>")) == "<i>"
    assert element("input", hidden=True, name=None, size=3) == '<input hidden size="3">'
