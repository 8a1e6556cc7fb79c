"""What the demo says at its end: what was built, how long it took, where it is, and whether it is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from headrace.errors import CheckFailed

from .output import Result, print_message, table

if TYPE_CHECKING:
    from headrace.audit import SourceBooks

RIGHT = "Audit: every record is accounted for, once, and every count is as predicted."
WRONG = "Audit: FAILED. What is wrong stands above the table."


def demo_result(
    books: Sequence[SourceBooks],
    wrong: Mapping[str, list[str]],
    seconds: Mapping[str, float],
    places: Mapping[str, object],
) -> Result:
    """The books of each source, the counts that are not as predicted, seconds by stage, and places."""
    lines = [f"{source.topic}: {example}" for source in books for example in source.examples]
    lines += [f"{name}: {line}" for name, found in wrong.items() for line in found]
    for line in lines:
        print_message(line)
    right = not wrong and not any(source.faults for source in books)
    data = {
        "balances": not any(source.faults for source in books),
        "wrong_predictions": wrong,
        "sources": {source.source: asdict(source) for source in books},
        "seconds": seconds,
        "places": {name: str(place) for name, place in places.items()},
    }
    shown = Group("", _built(books), "", _took(seconds), "", _where(places), "", RIGHT if right else WRONG)
    return Result(data, shown, exit_code=0 if right else CheckFailed.exit_code)


def _built(books: Sequence[SourceBooks]) -> Table:
    rows = [(source.source, *_numbers(source)) for source in books]
    total = ("total", *(sum(column) for column in zip(*(row[1:] for row in rows), strict=True)))
    return table(["source", "events", "raw", "clean", "quarantine", "duplicates"], [*rows, total])


def _numbers(source: SourceBooks) -> tuple[int, ...]:
    landing, cleaning = source.landing, source.cleaning
    sent, raw = (landing.journal, landing.raw) if landing else (0, 0)
    placed = (cleaning.clean, cleaning.quarantine, cleaning.duplicates) if cleaning else (0, 0, 0)
    return (sent, raw, *placed)


def _took(seconds: Mapping[str, float]) -> str:
    stages = ", ".join(f"{name} {taken_s:.1f}" for name, taken_s in seconds.items())
    return f"seconds: {stages}; together {sum(seconds.values()):.1f}"


def _where(places: Mapping[str, object]) -> str:
    return "\n".join(f"{name + ':':<14} {escape(str(place))}" for name, place in places.items())
