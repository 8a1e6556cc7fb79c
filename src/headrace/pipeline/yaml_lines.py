"""Reads YAML into plain values and keeps the line of every one of them.

YAML 1.2 with its core types, read from parser events: there is no way to a Python object, and only `true` and `false`
are booleans. Dates stay text. Anchors, aliases and `<<` merges work, within a limit on what they may grow to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

MAX_BYTES = 256 * 1024  # a file of 100 sources with 50 columns each has some 250 kB
MAX_DEPTH = 30
MAX_VALUES = 50_000  # aliases included, so that ten nested lists of aliases cannot fill the memory

Place = tuple[str | int, ...]

_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")
}


class YamlFault(Exception):
    """The text is not YAML that can be read here. `line` counts from 1."""

    def __init__(self, line: int, problem: str, hint: str) -> None:
        super().__init__(f"{line}: {problem}. {hint}")
        self.line, self.problem, self.hint = line, problem, hint


@dataclass(frozen=True)
class Document:
    """The value of a file and where its parts are: `lines` maps the path of each key and item to its line, from 1."""

    value: Any
    lines: dict[Place, int] = field(repr=False)

    def line(self, place: Place) -> int:
        """The line of `place`, or of the nearest thing around it that exists."""
        while place not in self.lines:
            place = place[:-1]
        return self.lines[place]


@dataclass(frozen=True)
class _Node:
    line: int
    value: Any  # a scalar, a list of nodes, or a dict of (line of the key, node)
    size: int


def read_yaml(content: bytes) -> Document:
    """Reads one YAML document.

    Raises:
        YamlFault: not UTF-8, not YAML, a key given twice, a tag, too large or too deep; or more than one document.
    """
    if len(content) > MAX_BYTES:
        raise YamlFault(
            1, f"the file has {len(content):,} bytes", f"At most {MAX_BYTES:,} are read; split the pipeline"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = content[: err.start].count(b"\n") + 1
        raise YamlFault(line, f"byte {err.start} is not UTF-8", "Save the file as UTF-8") from err
    try:
        node = _Composer(YAML(typ="safe", pure=True).parse(text)).document()
    except MarkedYAMLError as err:
        line = err.problem_mark.line + 1 if err.problem_mark else 1
        raise YamlFault(line, f"this is not YAML: {err.problem}", _syntax_hint(err.context)) from err
    except YAMLError as err:
        line = text.count("\n", 0, getattr(err, "position", 0) or 0) + 1
        raise YamlFault(line, "this is not YAML: it holds a control character", "Remove it") from err
    lines: dict[Place, int] = {}
    return Document(_plain(node, (), lines, node.line), lines)


def _syntax_hint(context: str | None) -> str:
    return (
        f"It was found {context}" if context else "Check the indentation, and put text that holds ': ' or '#' in quotes"
    )


class _Composer:
    def __init__(self, events: Iterator[Event]) -> None:
        self._events = events
        self._anchors: dict[str, _Node] = {}

    def document(self) -> _Node:
        next(self._events)  # the start of the stream
        start = next(self._events)
        if isinstance(start, StreamEndEvent):
            raise YamlFault(1, "the file is empty", "Begin with 'pipeline: NAME' and 'sources:'")
        node = self._node(next(self._events), 0)
        next(self._events)  # the end of the document
        after = next(self._events)
        if isinstance(after, DocumentStartEvent):
            raise YamlFault(_line(after), "a second document begins here", "A pipeline file holds one document")
        return node

    def _node(self, event: Event, depth: int) -> _Node:
        if depth > MAX_DEPTH:
            raise YamlFault(_line(event), f"values are nested deeper than {MAX_DEPTH}", "No pipeline needs that")
        if isinstance(event, AliasEvent):
            if event.anchor not in self._anchors:
                raise YamlFault(
                    _line(event), f"nothing is anchored as '&{event.anchor}' before this", "Define it first"
                )
            return self._anchors[event.anchor]
        if not isinstance(event, ScalarEvent | SequenceStartEvent | MappingStartEvent):
            raise YamlFault(_line(event), "something is missing here", "Write a value")
        if event.tag:
            raise YamlFault(_line(event), f"found the tag '{event.tag}'", "Tags are not read; write a plain value")
        node = self._untagged(event, depth)
        if node.size > MAX_VALUES:
            raise YamlFault(node.line, f"its aliases unfold to more than {MAX_VALUES:,} values", "Write less")
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _untagged(self, event: ScalarEvent | SequenceStartEvent | MappingStartEvent, depth: int) -> _Node:
        if isinstance(event, ScalarEvent):
            return _Node(_line(event), _scalar(event), 1)
        if isinstance(event, SequenceStartEvent):
            items = list(self._items(depth))
            return _Node(_line(event), items, 1 + sum(item.size for item in items))
        return self._mapping(_line(event), depth)

    def _items(self, depth: int) -> Iterator[_Node]:
        while not isinstance(event := next(self._events), SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _mapping(self, line: int, depth: int) -> _Node:
        own: dict[str, tuple[int, _Node]] = {}
        merged: dict[str, tuple[int, _Node]] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            key, key_line = self._key(event), _line(event)
            node = self._node(next(self._events), depth + 1)
            if key == "<<":
                merged = _merge(node, key_line) | merged
                continue
            if key in own:
                raise YamlFault(key_line, f"the key '{key}' is given twice (first on line {own[key][0]})", "Keep one")
            own[key] = (key_line, node)
        entries = merged | own
        return _Node(line, entries, 1 + sum(node.size for _, node in entries.values()))

    def _key(self, event: Event) -> str:
        if isinstance(event, ScalarEvent) and not event.tag:
            return str(event.value)
        raise YamlFault(_line(event), "a key must be plain text", "Write 'name: value'")


def _merge(node: _Node, line: int) -> dict[str, tuple[int, _Node]]:
    if isinstance(node.value, dict):
        return node.value
    if isinstance(node.value, list) and all(isinstance(item.value, dict) for item in node.value):
        merged: dict[str, tuple[int, _Node]] = {}
        for item in node.value:
            merged = item.value | merged
        return merged
    raise YamlFault(line, "'<<' takes a mapping", "Write '<<: *anchor'")


def _scalar(event: ScalarEvent) -> Any:
    text: str = event.value
    if event.style:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text) and len(text) <= 40:
        return int(text)
    if _FLOAT.fullmatch(text) and abs(number := float(text)) != float("inf"):
        return number
    return text


def _plain(node: _Node, place: Place, lines: dict[Place, int], line: int) -> Any:
    lines[place] = line
    if isinstance(node.value, dict):
        return {key: _plain(child, (*place, key), lines, at) for key, (at, child) in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(child, (*place, at), lines, child.line) for at, child in enumerate(node.value)]
    return node.value


def _line(event: Event) -> int:
    return int(event.start_mark.line) + 1
