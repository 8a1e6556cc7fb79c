"""Charts: a Vega-Lite specification becomes an SVG of the page, drawn once by vl-convert, without script or network.

Colours are the page's own (CSS variables), so that one drawing is right in light and in dark. What a mark says of
itself is its `aria-label`, which the page shows when it is pointed at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .markup import Markup, element

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
AXIS = {
    "labelColor": "var(--soft)",
    "titleColor": "var(--soft)",
    "labelFont": FONT,
    "titleFont": FONT,
    "labelFontSize": 11,
    "titleFontSize": 11,
    "titleFontWeight": "normal",
    "gridColor": "var(--line)",
    "domainColor": "var(--line)",
    "tickColor": "var(--line)",
    "labelLimit": 130,
}
CONFIG: Mapping[str, Any] = {
    "axis": AXIS,
    "view": {"stroke": None},
    "bar": {"color": "var(--accent)"},
    "text": {"font": FONT, "color": "var(--ink)"},
    "header": {"labelColor": "var(--soft)", "labelFont": FONT},
    "font": FONT,
}

_DIGITS = re.compile(r"(\d+\.\d\d)\d+")


def draw(specification: Mapping[str, Any], title: str, kind: str = "chart") -> Markup:
    """An SVG that is as wide as its place on the page, at most as wide as it was specified; `title` is read aloud."""
    import vl_convert

    whole = {"$schema": "https://vega.github.io/schema/vega-lite/v5.json", "background": None, "config": CONFIG}
    svg: str = vl_convert.vegalite_to_svg({**whole, **specification}, vl_version="5.21")
    opening = re.match(r'<svg [^>]*?width="([\d.]+)"[^>]*?viewBox="([^"]+)"[^>]*>', svg)
    if opening is None:
        raise ValueError("vl-convert gave no SVG with a size")
    body = _shortened(svg[opening.end() :])
    width, box = opening[1], opening[2]
    start = element("svg", viewBox=box, style=f"max-width:{width}px", role="img", aria_label=title, class_=kind)
    return Markup(start.removesuffix("</svg>") + body)


def _shortened(body: str) -> str:
    """Without what no reader misses: the kind of each mark, and digits of places beyond a hundredth of a pixel."""
    without = re.sub(r' aria-roledescription="[^"<>]*"', "", body)
    return re.sub(
        r' (?:d|transform|x|y|x2|y2|width|height)="[^"<>]*"', lambda found: _DIGITS.sub(r"\1", found[0]), without
    )
