"""Findings in time: days of few or many rows, outbreaks of missing values, hours without rows, late arrivals, gaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from .report import Bucket, Entities, Finding, Profile, Times
from .words import counted, lasting, listed, share_text

FEW, MANY = 0.5, 2.0  # of the usual rows of a step
FEWEST_BUCKETS = 8
NAMED = 3
# An outbreak of missing values: this share of a step's rows, and this many times the share over all.
OUTBREAK, OUTBREAK_TIMES, OUTBREAK_ROWS = 0.2, 5.0, 30


def time_findings(profile: Profile) -> Iterator[Finding]:
    """All findings of this file."""
    if profile.times is not None:
        yield from _unusual_steps(profile.times)
        yield from _outbreaks(profile, profile.times)
        yield from _quiet_hours(profile.times)
        yield from _lateness(profile.times)
    if profile.entities is not None:
        yield from _gaps(profile.entities)


def step_text(at: str, step: str) -> str:
    """A step of the time line as it is named: a day by its date, an hour with its time."""
    length = {"minute": 16, "hour": 16, "day": 10, "week": 10, "month": 7, "year": 4}[step]
    return at[:length].replace("T", " ")


def _unusual_steps(times: Times) -> Iterator[Finding]:
    inner = times.buckets[1:-1]  # the first and the last one may be cut
    if len(inner) < FEWEST_BUCKETS:
        return
    usual = median(bucket.rows for bucket in inner)
    few = [bucket for bucket in inner if bucket.rows < FEW * usual]
    many = [bucket for bucket in inner if bucket.rows > MANY * usual]
    for found, words in ((few, "less than half"), (many, "more than twice")):
        if found:
            far = sorted(found, key=lambda bucket: abs(bucket.rows - usual), reverse=True)
            have = "has" if len(found) == 1 else "have"
            how_many = f"{counted(len(found), times.step)} {have} {words} the usual {usual:,.0f} rows"
            text = f"{how_many}: {_named(far, times.step)}."
            yield Finding(kind="volume", columns=(times.column,), text=text, weight=0.5)


def _named(buckets: Sequence[Bucket], step: str) -> str:
    names = [f"{step_text(bucket.at, step)} ({bucket.rows:,})" for bucket in buckets[:NAMED]]
    return ", ".join(names) + ", …" if len(buckets) > NAMED else listed(names)


def _outbreaks(profile: Profile, times: Times) -> Iterator[Finding]:
    """The worst step of each column; columns with the same worst step are told together."""
    worst: dict[tuple[str, float], list[str]] = {}
    for column in profile.columns:
        if not 0 < column.missing < OUTBREAK * profile.rows:
            continue
        buckets = [bucket for bucket in times.buckets if bucket.rows >= OUTBREAK_ROWS]
        if not buckets:
            continue
        most = max(buckets, key=lambda bucket: bucket.missing.get(column.name, 0) / bucket.rows)
        share = most.missing.get(column.name, 0) / most.rows
        if share >= OUTBREAK and share >= OUTBREAK_TIMES * column.missing / profile.rows:
            worst.setdefault((most.at, round(share, 2)), []).append(column.name)
    for (at, share), names in worst.items():
        are = "is" if len(names) == 1 else "are"
        overall = share_text(max(profile.column(name).missing for name in names), profile.rows)
        text = (
            f"{listed(names)} {are} missing most on {step_text(at, times.step)}: in {share_text(share, 1)} "
            f"of its rows, against {overall} over all."
        )
        yield Finding(kind="missing in time", columns=tuple(names), text=text, weight=0.66)


def _quiet_hours(times: Times) -> Iterator[Finding]:
    rows = [0] * 24
    for _, hour, count in times.hours:
        rows[hour] += count
    quiet = [hour for hour in range(24) if not rows[hour]]
    if not quiet or len(quiet) == 23:
        return
    start = next((hour for hour in quiet if rows[(hour - 1) % 24]), None)
    if start is None:
        return
    end = next(hour % 24 for hour in range(start + 1, start + 25) if rows[hour % 24])
    if (end - start) % 24 == len(quiet):
        text = f"No row is between {start:02d}:00 and {end:02d}:00 UTC by {times.column}."
        yield Finding(kind="volume", columns=(times.column,), text=text, weight=0.35)


def _lateness(times: Times) -> Iterator[Finding]:
    late = times.lateness
    if late is None:
        return
    half, most = late.quantiles_s["0.5"], late.quantiles_s["0.99"]
    text = f"Half of the rows arrive within {lasting(half)} of their event, and 99 % within {lasting(most)}."
    yield Finding(kind="lateness", columns=("event_at", "arrived_at"), text=text, weight=0.42)
    if late.early:
        text = f"{counted(late.early)} arrived before they happened: a clock is wrong."
        yield Finding(kind="lateness", columns=("event_at", "arrived_at"), text=text, weight=0.8)


def _gaps(entities: Entities) -> Iterator[Finding]:
    if not entities.regular or not entities.with_gaps:
        return
    most = max(entities.shown, key=lambda entity: entity.absent)
    name = ", ".join(most.key)
    text = (
        f"{entities.with_gaps:,} of {entities.entities:,} entities by "
        f"{listed(entities.keys)} have gaps: {name} lacks {counted(most.absent, 'step')} of "
        f"{lasting(most.step_s or 0)} in {counted(most.gaps, 'gap')}, the longest of {lasting(most.longest_s or 0)} "
        f"from {most.longest_from} on."
    )
    yield Finding(kind="gaps", columns=entities.keys, text=text, weight=0.7)
