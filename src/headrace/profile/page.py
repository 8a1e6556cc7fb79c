"""The page of a profile: one HTML file with all that it needs, which asks no network and runs no script but its own.

Text of the data is escaped wherever it stands (`markup`), and a content policy forbids what would still slip through:
the only script is the page's own, known by its hash.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from importlib.resources import files

from headrace import __version__

from .check_section import check_section
from .column_cards import column_cards
from .markup import Markup, element, together
from .overview import overview
from .page_sections import correlation_section, missing_section, outlier_section, time_section
from .report import Finding, Profile
from .words import share_text

FRAME_HEIGHT_PX = 760
FIRST_FINDINGS = 12
STRONG_FINDING = 0.8


def page(profile: Profile) -> str:
    """The whole page as HTML."""
    style, script = _asset("page.css"), _asset("page.js")
    sections = [(name, title, made) for name, title, make in SECTIONS if (made := make(profile))]
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(script)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="generator", content=f"headrace {__version__}"),
        element("title", f"{profile.subject.table}: profile"),
        element("style", Markup(style)),
    )
    body = element(
        "body",
        _header(profile),
        _navigation([(name, title) for name, title, _ in sections]),
        element("main", *(_section(name, title, made) for name, title, made in sections), _footer(profile)),
        element("div", id="tip", role="status"),
        element("script", Markup(script)),
    )
    return "<!doctype html>\n" + element("html", head, body, lang="en")


def frame(profile: Profile) -> str:
    """The page in a frame, for a notebook: its scripts run apart from the notebook's."""
    return element(
        "iframe",
        srcdoc=page(profile),
        sandbox="allow-scripts",
        title=f"profile of {profile.subject.table}",
        style=f"width:100%;height:{FRAME_HEIGHT_PX}px;border:0;border-radius:12px",
    )


def _asset(name: str) -> str:
    return (files(__package__) / name).read_text("utf-8")


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    allowed = f"style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _header(profile: Profile) -> Markup:
    subject = profile.subject
    cells = profile.rows * len(profile.columns)
    missing = sum(column.missing for column in profile.columns)
    facts = [
        ("rows", f"{profile.rows:,}"),
        ("columns", f"{len(profile.columns):,}"),
        ("missing values", share_text(missing, cells)),
        ("findings", f"{len(profile.findings):,}"),
    ]
    if profile.times is not None:
        facts.append((f"{profile.times.column}, from", profile.times.earliest[:10]))
        facts.append(("to", profile.times.latest[:10]))
    if subject.label is not None:
        facts.append(("label", subject.label))
    said = f"Profile of version {subject.version}" + _interval(profile)
    return element(
        "header",
        element(
            "div",
            element("h1", subject.table),
            element("p", said, class_="soft"),
            element("dl", *(element("div", element("dt", n), element("dd", v)) for n, v in facts), class_="facts"),
        ),
    )


def _interval(profile: Profile) -> str:
    since, until = profile.subject.since, profile.subject.until
    return (f", from {since}" if since else "") + (f", before {until}" if until else "")


def _navigation(sections: list[tuple[str, str]]) -> Markup:
    links = [element("a", title, href=f"#{name}") for name, title in sections]
    return element(
        "nav",
        element("div", element("div", *links, class_="links"), element("button", "Dark", id="theme", type="button")),
    )


def _section(name: str, title: str, made: Markup) -> Markup:
    return element("section", element("h2", title), made, id=name)


def _findings(profile: Profile) -> Markup | None:
    if not profile.findings:
        return None
    first, rest = profile.findings[:FIRST_FINDINGS], profile.findings[FIRST_FINDINGS:]
    shown = element("ul", *map(_finding, first), class_="findings")
    if not rest:
        return shown
    summary = element("summary", f"{len(rest)} more")
    return together(
        [shown, element("details", summary, element("ul", *map(_finding, rest), class_="findings"), class_="more")]
    )


def _finding(finding: Finding) -> Markup:
    strong = "strong" if finding.weight >= STRONG_FINDING else None
    return element("li", element("span", finding.kind, class_="kind"), finding.text, class_=strong)


def _footer(profile: Profile) -> Markup:
    text = (
        f"Made by headrace {__version__} in {profile.passes} passes over the rows and {profile.seconds:g} s. "
        f"Moments, quantiles and correlations are of finite values; a robust deviation is 1.4826 MAD. Times are UTC."
    )
    return element("footer", text)


# Each section with the name of its anchor; one that has nothing to say is left out.
SECTIONS: tuple[tuple[str, str, Callable[[Profile], Markup | None]], ...] = (
    ("findings", "Findings", _findings),
    ("checks", "Checks", check_section),
    ("overview", "Overview", overview),
    ("columns", "Columns", column_cards),
    ("missing", "Missing values", missing_section),
    ("correlations", "Correlations", correlation_section),
    ("time", "Time", time_section),
    ("outliers", "Outliers", outlier_section),
)
