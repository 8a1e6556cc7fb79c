"""What must hold for the drift of a source."""

from __future__ import annotations

from collections.abc import Iterator

from .declared import Fault, Place
from .drift import MEASURES, ColumnDrift, Drift, Measure, watched_columns
from .source import Source

Faults = Iterator[Fault]


def check_drift(source: Source) -> Faults:
    """What is wrong in the drift of a source; places are paths inside it."""
    drift = source.drift
    if drift is None:
        return
    columns = source.row_columns()
    known = True
    for at, name in enumerate(drift.columns or ()):
        place: Place = ("drift", "columns", at)
        if name not in columns:
            known = False
            yield Fault.unknown(place, "column", name, columns)
        elif name in source.event_id:
            yield Fault(place, f"'{name}' is part of the event id", "What identifies an event has no distribution")
        if name in (drift.columns or ())[:at]:
            yield Fault(place, f"'{name}' is listed twice", "Keep one")
    if known:
        yield from _check_measured(source, drift)
    yield from _check_severity(source, drift)


def _check_measured(source: Source, drift: Drift) -> Faults:
    watchable = source.watchable()
    for name, own in drift.own.items():
        if name not in watchable.names(drift):
            yield Fault(
                ("drift", "own", name),
                f"'{name}' has thresholds of its own, and is not watched",
                "Add it to 'columns'" if name in source.row_columns() else "It is no column of the source",
            )
            continue
        for measure in _stated(own):
            if problem := watchable.why_not(name, measure):
                yield Fault(("drift", "own", name, measure), problem, "Leave it out")
    measured = watched_columns(drift, watchable)
    for at, name in enumerate(drift.columns or ()):
        if measured and name not in measured:
            hint = "State a measure that it has, or leave the column out"
            yield Fault(("drift", "columns", at), f"nothing is measured of '{name}'", hint)
    if not measured:
        yield Fault(
            ("drift",), "nothing is measured of any column", f"State at least one threshold of: {', '.join(MEASURES)}"
        )


def _stated(own: ColumnDrift) -> list[Measure]:
    return [measure for measure in MEASURES if getattr(own, measure) is not None]


def _check_severity(source: Source, drift: Drift) -> Faults:
    if source.table is None:
        return
    hint = "A table is read whole, and stays as it was until its next version: use warn"
    if drift.severity == "hold":
        yield Fault(("drift", "severity"), "a reference table cannot be held", hint)
    for name, own in drift.own.items():
        if own.severity == "hold":
            yield Fault(("drift", "own", name, "severity"), "a reference table cannot be held", hint)
