"""What a verb says, and where: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table

from headrace.errors import HeadraceError, HeadraceWarning
from headrace.log_lines import printable, speaks_json

log = logging.getLogger("headrace")

REPORT_INTERVAL_S = 1.0  # how often a step that is not on a terminal may print a line

WIDTH_IN_A_FILE = 160  # columns, where there is no terminal to say it

Report = Callable[[str], None]


@dataclass(frozen=True)
class Result:
    """What a verb found: `data` for machines, `shown` for people, and an exit code (0 done, 3 a check did not hold)."""

    data: Mapping[str, Any]
    shown: RenderableType | None = None
    exit_code: int = 0


def print_result(result: Result, *, as_json: bool) -> None:
    """Prints the one machine-readable line, or what a person wants to see."""
    if as_json:
        _print_line(result.data)
    elif isinstance(result.shown, str):
        sys.stdout.write(result.shown + "\n")
    elif result.shown is not None:
        width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDTH_IN_A_FILE
        Console(file=sys.stdout, highlight=False, soft_wrap=True, width=width).print(result.shown)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A plain table of text; numbers stand to the right, with thousands apart."""
    filled = list(rows)
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        numeric = all(isinstance(row[index], int | float) for row in filled)
        shown.add_column(column, justify="right" if numeric else "left", no_wrap=numeric, overflow="fold")
    for row in filled:
        shown.add_row(*(f"{cell:,}" if isinstance(cell, int | float) else escape(str(cell)) for cell in row))
    return shown


def print_error(verb: str, error: HeadraceError, *, as_json: bool) -> None:
    """Prints the message of a user's error on stderr, and as the one line on stdout when that is wanted."""
    print_message(f"headrace {verb}: {error}")
    if as_json:
        _print_line({"error": type(error).__name__, "message": str(error), "exit_code": error.exit_code})


def print_message(text: str) -> None:
    """Says something on stderr: as it is but for control characters, or as a line of the log where that is JSON."""
    if speaks_json():
        log.error("%s", text)
    else:
        Console(stderr=True, highlight=False, soft_wrap=True).print(escape(printable(text, keep="\n")))


def _print_line(data: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(data, default=str) + "\n")
    sys.stdout.flush()


@contextmanager
def step(name: str) -> Iterator[Report]:
    """Shows on stderr that the step `name` runs, what it reports meanwhile, and how long it took.

    On a terminal the line moves; elsewhere it is a line a second at most, so that a log stays readable. Where the log
    is JSON, these are lines of it.
    """
    if speaks_json():
        log.info("%s: begins", name)
        yield lambda text: log.info("%s: %s", name, text)
        log.info("%s: done", name)
        return
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    started_s = time.monotonic()
    with _terminal(console, name) if console.is_terminal else _lines(console, name) as report:
        yield report
    console.print(f"{escape(name)}: done in {time.monotonic() - started_s:.1f} s")


@contextmanager
def _terminal(console: Console, name: str) -> Iterator[Report]:
    with console.status(escape(name)) as status:
        yield lambda text: status.update(f"{escape(name)}: {escape(text)}")


@contextmanager
def _lines(console: Console, name: str) -> Iterator[Report]:
    last_s = time.monotonic()

    def report(text: str) -> None:
        nonlocal last_s
        if time.monotonic() - last_s >= REPORT_INTERVAL_S:
            last_s = time.monotonic()
            console.print(f"{escape(name)}: {escape(text)}")

    console.print(f"{escape(name)} …")
    yield report


@contextmanager
def spoken_warnings(verb: str) -> Iterator[None]:
    """Says our own warnings as messages of the verb."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", HeadraceWarning)
        yield
    for found in caught:
        if issubclass(found.category, HeadraceWarning):
            print_message(f"headrace {verb}: {found.message}")
        else:
            warnings.warn_explicit(found.message, found.category, found.filename, found.lineno)
