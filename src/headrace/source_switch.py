"""The switch: which rebuild of a source is read and written from now on, in one step, and the way back.

Only tables whose books balance are switched to. What has landed since they were last written is no fault: it waits, as
after any landing, and the next clean places it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from .audit import CleaningBooks, audit_cleaning
from .errors import CheckFailed, UsageError
from .holds import read_hold
from .rebuilds import Standing, numbers_in, read_standing, write_standing
from .source_lock import source_lock
from .tables import SourceTables

MAY_WAIT = "waiting"


@dataclass(frozen=True)
class Switched:
    """The rebuild that was present, the one that is now, and how many records of raw the next clean places in it."""

    before: int
    present: int
    waiting: int


def switch_source(lake: Path, topic: str, tables: SourceTables, number: int, *, lock_wait_s: float) -> Switched:
    """Makes rebuild `number` of the source the present one. `tables` are the present ones, `topic` its full name.

    Raises:
        UsageError: there is no such rebuild, or it is not finished.
        Held: something of the source is held.
        CheckFailed: its books do not balance.
        LockTimeout: another run held the source for too long.
        Superseded: it was switched meanwhile.
    """
    source = tables.clean.parent.name
    with source_lock(tables, wait_s=lock_wait_s, purpose=f"switch {source}"):
        standing = read_standing(tables.rebuilds, tables.definition)
        _require_finished(tables, number, standing)
        hold = read_hold(tables.hold)
        if hold and not hold.released:
            raise hold.error(source)
        books = audit_cleaning(lake, topic, source, tables.numbered(number))
        if faults := faults_of(books):
            raise CheckFailed(
                f"rebuild {number} of source '{source}' does not balance: {in_words(faults)} "
                f"({'; '.join(books.examples)}). Rebuild {tables.number} is present as before"
            )
        if number != tables.number:
            write_standing(
                tables.rebuilds, tables.definition, Standing(number, time.time_ns() // 1000, standing.making)
            )
    return Switched(tables.number, number, books.waiting)


def faults_of(books: CleaningBooks) -> dict[str, int]:
    """The faults that stand in the way of a switch, in rows: all but records that wait for the next clean."""
    return {fault: rows for fault, rows in books.faults.items() if fault != MAY_WAIT}


def in_words(faults: dict[str, int]) -> str:
    """Faults as a message has them."""
    return ", ".join(f"{rows:,} {fault}" for fault, rows in faults.items())


def _require_finished(tables: SourceTables, number: int, standing: Standing) -> None:
    source = tables.clean.parent.name
    known = numbers_in(tables.clean.parent, tables.definition)
    if number not in known:
        raise UsageError(
            f"source '{source}' has no rebuild {number} under its present definition ({tables.definition}). There are: "
            f"{', '.join(map(str, known)) or '(none)'}"
        )
    if standing.making and standing.making.number == number:
        raise UsageError(
            f"rebuild {number} of source '{source}' is not finished, or lacks what has landed since. Finish it, which "
            f"switches to it: headrace rebuild -p FILE {source}"
        )
