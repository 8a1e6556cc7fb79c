"""HTML that data cannot break: text becomes markup only by `element`, which escapes all that is not markup yet."""

from __future__ import annotations

import html
from collections.abc import Iterable

EMPTY = frozenset({"meta", "input", "link", "br"})


class Markup(str):
    """Text that is HTML already. Made by this module, by the drawing library, and of what the page's author wrote."""

    __slots__ = ()


def element(name: str, /, *children: str, **attributes: str | int | float | bool | None) -> Markup:
    """An element. Children that are plain text are escaped, attributes always.

    An attribute `class_` or `for_` loses its underscore, inner underscores become hyphens; None and False are left out,
    True stands alone.
    """
    said = "".join(
        _attribute(key, value) for key, value in attributes.items() if value is not None and value is not False
    )
    inside = "".join(text(child) for child in children)
    return Markup(f"<{name}{said}>" if name in EMPTY else f"<{name}{said}>{inside}</{name}>")


def text(found: str) -> Markup:
    """`found` as text of a page: as it is where it is markup, otherwise escaped."""
    return found if isinstance(found, Markup) else Markup(html.escape(found, quote=True))


def together(parts: Iterable[str]) -> Markup:
    """Parts one after another; plain text among them is escaped."""
    return Markup("".join(text(part) for part in parts))


def _attribute(key: str, value: str | float | bool) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(str(value), quote=True)}"'
