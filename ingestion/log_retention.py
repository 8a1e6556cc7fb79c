"""Which files of a Delta log are past their time: a decision with no clock and no folder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# An entry, or any part of a checkpoint, of one version.
_OF_VERSION = re.compile(r"(\d{20})\.(?:json|checkpoint(?:\.[\w.-]+)?\.(?:parquet|json)|crc)")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.parquet")  # of one part, as deltalake and Spark write it here
# A file of ours that never got its name, because its writer died.
_UNFINISHED = re.compile(r"\.(?:\d{20}\.(?:json|checkpoint\.parquet)|_last_checkpoint)\.[0-9a-f]{32}\.tmp")

_INTERVAL = re.compile(r"\s*(?:interval\s+)?(\d+)\s+(week|day|hour|minute|second|millisecond)s?\s*")
_SECONDS = {"week": 604_800.0, "day": 86_400.0, "hour": 3_600.0, "minute": 60.0, "second": 1.0, "millisecond": 0.001}


@dataclass(frozen=True)
class LogFile:
    """The name of a file in `_delta_log`, and when it was last written, in seconds since 1970."""

    name: str
    modified_at_s: float


def interval_s(text: str) -> float | None:
    """The seconds of an interval of a table property, such as `interval 4 hours`; None where it is none."""
    match = _INTERVAL.fullmatch(text.lower())
    return int(match[1]) * _SECONDS[match[2]] if match else None


def expired(files: Iterable[LogFile], *, before_s: float, superseded_before_s: float, span_s: float) -> list[str]:
    """The names that may go, in the order in which they must: the oldest version first.

    Those written before `before_s` whose version is below a checkpoint, itself no newer than all that stays. So what
    stays can be read from that checkpoint on, and a log from which only some have gone yet has no hole.

    Then, of the checkpoints between that one and the newest, those written before `superseded_before_s`, but for the
    first of each `span_s` seconds: at one of these the log will begin one day. Each names all files of the table anew.
    """
    found = list(files)
    versions = {file: int(match[1]) for file in found if (match := _OF_VERSION.fullmatch(file.name))}
    kept = [version for file, version in versions.items() if file.modified_at_s >= before_s]
    checkpoints = {int(match[1]): file for file in found if (match := _CHECKPOINT.fullmatch(file.name))}
    floor = max((version for version in checkpoints if not kept or version <= min(kept)), default=0)
    gone = sorted((version, file.name) for file, version in versions.items() if version < floor)
    newer = {version: file for version, file in checkpoints.items() if version > floor}
    superseded = [file for file in _but_the_first_of_spans(newer, span_s) if file.modified_at_s < superseded_before_s]
    unfinished = sorted(f.name for f in found if _UNFINISHED.fullmatch(f.name) and f.modified_at_s < before_s)
    return [name for _, name in gone] + [file.name for file in superseded] + unfinished


def _but_the_first_of_spans(checkpoints: Mapping[int, LogFile], span_s: float) -> list[LogFile]:
    """By version, without the newest."""
    spans, found = set[float](), []
    for _, file in sorted(checkpoints.items())[:-1]:
        span = file.modified_at_s // span_s
        if span in spans:
            found.append(file)
        spans.add(span)
    return found
