"""The checks of a clean table on the page of its profile, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.browser import open_browser

from headrace.check_results import CheckResult, drift_name
from headrace.profile.check_history import history_of
from headrace.profile.page import page
from headrace.profile.report import Column, Profile, Subject

pytestmark = pytest.mark.slow

UNITS = 30
HOSTILE = "</script><img src=x onerror=alert(1)>"
CHECKED = {
    ("few", "between"): "held",
    ("a_name_that_is_much_too_long_for_the_line_of_a_phone", "rows"): "passed",
    (drift_name(HOSTILE), "psi"): "warned",
    (drift_name("amount"), "nulls"): "passed",
    (drift_name("amount"), "ks"): "unknown",
}
SCREENS = {"light": {"scheme": "light"}, "phone, dark": {"width": 390, "height": 844, "scheme": "dark"}}
DRAWN = "Array.from(document.querySelectorAll('#checks svg')).filter(s => s.getBoundingClientRect().width > 100)"


def checks() -> Iterator[CheckResult]:
    """Units of work, an hour after each other, of which the last one is held, and drifts."""
    for unit in range(UNITS):
        last = unit == UNITS - 1
        for place, outcome in CHECKED.items():
            word = outcome if last or outcome == "unknown" else "passed"
            found = None if word == "unknown" else 0.31 if last else 0.05
            at_us = 1_388_534_400_000_000 + unit * 3_600_000_000
            yield CheckResult(at_us, *place, "hold", word, found, "at most 0.2 from plan 1", 1_000, f"run/{unit}")


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with open_browser(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    subject = Subject(table="shop/clean/orders/x-1", version=0, since=None, until=None, label=None)
    column = Column(name="amount", type="double", kind="other", missing=0, distinct=None, distinct_exact=False)
    found = Profile(
        subject=subject, rows=5, passes=1, seconds=0.0, columns=(column,), checks=history_of(list(checks()))
    )
    written = tmp_path_factory.mktemp("page") / "checked.html"
    written.write_text(page(found))
    return written


@pytest.mark.parametrize("screen", SCREENS)
def test_checks_are_drawn_in_time_and_as_tables_without_complaint_and_within_the_screen(tab, file, tmp_path, screen):
    tab.complaints.clear()
    tab.requests.clear()
    tab.open(file.as_uri(), **SCREENS[screen])
    wide, inner = tab.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= inner == SCREENS[screen].get("width", 1280)
    assert tab.evaluate(f"{DRAWN}.length") == 1  # that for a desk, or that for a phone
    marks = f"{DRAWN}[0].querySelectorAll('[role=graphics-symbol][aria-label*=records]').length"
    assert tab.evaluate(marks) == UNITS * len(CHECKED)
    heads = "Array.from(document.querySelectorAll('#checks h3')).map(h => h.innerText)"
    assert tab.evaluate(heads) == ["Checks in time", "Last outcomes", "Drift by column"]
    failing = "Array.from(document.querySelectorAll('#checks td.far')).map(cell => cell.innerText)"
    assert tab.evaluate(failing) == ["held", "0.31"]
    assert tab.evaluate("document.querySelectorAll('img').length") == 0
    tab.screenshot(tmp_path / "page.png", whole=False)
    assert (tmp_path / "page.png").stat().st_size > 10_000
    assert tab.complaints == []
    assert [address for address in tab.requests if not address.startswith("file:")] == []
