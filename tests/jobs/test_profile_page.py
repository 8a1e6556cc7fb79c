"""The page of a profile in a real browser: no complaint, no request, light and dark, on a desk and on a phone."""

from __future__ import annotations

import pytest
from support.browser import open_browser
from support.profiled import HOSTILE, HOSTILE_NAME

from headrace.profile.page import frame

pytestmark = pytest.mark.slow

SCREENS = {
    "light": {"scheme": "light"},
    "dark": {"scheme": "dark"},
    "phone": {"width": 390, "height": 844},
    "phone, dark": {"width": 390, "height": 844, "scheme": "dark"},
}
BACKGROUND = "getComputedStyle(document.body).backgroundColor"
LINES = (
    "Array.from(document.querySelectorAll('#overview tbody tr')).filter(r => !r.hidden).map(r => r.cells[0].innerText)"
)


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with open_browser(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture
def opened(tab, profiled):
    """Opens the page of a profile; at the end of the test nothing may have been complained of or asked for."""
    tab.complaints.clear()
    tab.requests.clear()

    def open_page(name, **screen):
        tab.open(profiled[name].page.as_uri(), **screen)
        return tab

    yield open_page
    assert tab.complaints == []
    assert [address for address in tab.requests if not address.startswith("file:")] == []


def click(tab, selector):
    tab.evaluate(f"document.querySelector({selector!r}).click()")


@pytest.mark.parametrize("name", ["flights", "weather", "odd"])
@pytest.mark.parametrize("screen", SCREENS)
def test_a_page_is_drawn_without_complaint_and_is_no_wider_than_its_screen(opened, tmp_path, name, screen):
    tab = opened(name, **SCREENS[screen])
    wide, inner = tab.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= inner == SCREENS[screen].get("width", 1280)
    assert tab.evaluate("document.querySelectorAll('main svg').length") > 5
    picture = tmp_path / "page.png"
    tab.screenshot(picture, whole=False)
    assert picture.stat().st_size > 10_000


def test_a_page_follows_the_scheme_of_its_reader_until_the_button_says_otherwise(opened):
    light = opened("weather", scheme="light").evaluate(BACKGROUND)
    tab = opened("weather", scheme="dark")
    dark = tab.evaluate(BACKGROUND)
    click(tab, "#theme")
    assert tab.evaluate(BACKGROUND) == light != dark
    click(tab, "#theme")
    assert tab.evaluate(BACKGROUND) == dark
    tab.evaluate("localStorage.clear()")


def test_the_overview_is_sorted_by_what_is_clicked(opened):
    tab = opened("weather")
    missing = "#overview th:nth-child(4) button"
    click(tab, missing)
    assert tab.evaluate(LINES)[:3] == ["wind_gust", "pressure", "wind_dir"]
    click(tab, missing)
    assert tab.evaluate(LINES)[-1] == "wind_gust"
    click(tab, "#overview th:first-child button")
    assert tab.evaluate(LINES) == sorted(tab.evaluate(LINES))


def test_columns_are_found_by_a_part_of_their_name(opened):
    tab = opened("weather")
    tab.evaluate("{const s = document.getElementById('search'); s.value = 'wind'; s.dispatchEvent(new Event('input'))}")
    assert tab.evaluate(LINES) == ["wind_dir", "wind_speed", "wind_gust"]


def test_a_mark_says_what_it_is_when_it_is_pointed_at(opened):
    tab = opened("weather")
    mark = "document.querySelector('#columns svg [role=graphics-symbol][aria-label]')"
    tab.evaluate(f"{mark}.dispatchEvent(new PointerEvent('pointermove', {{bubbles: true}}))")
    assert tab.evaluate("document.getElementById('tip').textContent") == tab.evaluate(
        f"{mark}.getAttribute('aria-label')"
    )


def test_a_hostile_value_is_text_and_nothing_else(opened):
    tab = opened("odd")
    assert tab.evaluate("document.querySelectorAll('img, b, iframe').length") == 0
    assert tab.evaluate("document.scripts.length") == 1
    assert HOSTILE_NAME in tab.evaluate(LINES)
    said = "Array.from(document.querySelectorAll('#columns [aria-label]')).map(m => m.getAttribute('aria-label'))"
    assert any(HOSTILE[:70] in label for label in tab.evaluate(said))


def test_a_notebook_shows_the_page_in_a_frame_of_its_own(tab, profiled, tmp_path):
    notebook = tmp_path / "notebook.html"
    notebook.write_text(f"<!doctype html><meta charset=utf-8><p>a cell</p>{profiled['odd'].profile._repr_html_()}")
    tab.complaints.clear()
    tab.open(notebook.as_uri())
    assert tab.complaints == []
    assert tab.evaluate("document.querySelector('iframe').contentDocument") is None
    assert tab.evaluate("document.querySelector('iframe').clientHeight") > 700
    assert frame(profiled["odd"].profile).count("<iframe") == 1
