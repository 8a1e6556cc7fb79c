"""YAML as a person would write it: lines with a comment at their end, aligned block by block."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

MAX_COLUMN = 72  # a comment begins there at the latest, unless its line is longer
NOT_PLAIN = ("null", "true", "false")  # names that YAML would take for something else


@dataclass(frozen=True)
class Line:
    """A line and its comment; one without `text` is a comment alone, one without both is empty."""

    text: str = ""
    comment: str = ""
    indent: int = 0


def render(blocks: Sequence[Sequence[Line]]) -> str:
    """The text of a file: blocks of lines whose comments are aligned."""
    return "".join(f"{line}\n" for block in blocks for line in _aligned(block))


def word(name: str) -> str:
    """A name as YAML reads it back."""
    return f'"{name}"' if name in NOT_PLAIN else name


def scalar(text: str) -> str:
    """A topic or an expression as YAML reads it back: in quotes unless it begins as a plain word does."""
    return text if text[:1].islower() and text not in NOT_PLAIN else json.dumps(text)


def _aligned(block: Sequence[Line]) -> list[str]:
    widths = [line.indent + len(line.text) for line in block if line.text and line.comment]
    at = min(max((width for width in widths if width <= MAX_COLUMN), default=0), MAX_COLUMN) + 2
    return [_written(line, at) for line in block]


def _written(line: Line, at: int) -> str:
    text = " " * line.indent + line.text
    if not line.comment:
        return text.rstrip()
    return f"{text}# {line.comment}" if not line.text else f"{text.ljust(at - 1)} # {line.comment}"
