"""The verb `materialize`: the newest features of every key, from the lake into the online store."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from headrace.errors import UsageError
from headrace.pipeline import Pipeline, load_pipeline
from headrace.pipeline.times import iso
from headrace.settings import Settings, load_settings

from .options import Home, Lake, LockWait, PipelineFile
from .output import Report, Result, step, table

if TYPE_CHECKING:
    from headrace.features.materialize import Publication

Groups = Annotated[
    list[str] | None, typer.Argument(metavar="[GROUP]…", help="Only these feature groups; all when absent.")
]
Clock = Annotated[
    str | None, typer.Option(metavar="TIME", help="What now means: an instant (UTC), or system. (default: system)")
]
OnlineStore = Annotated[Path | None, typer.Option(help="Folder of the online store. (default: HOME/online)")]
Follow = Annotated[bool, typer.Option("--follow", help="Go on publishing what is built, until SIGTERM or SIGINT.")]
EveryS = Annotated[float, typer.Option("--every-s", min=0.05, help="With --follow: seconds between publications.")]


def materialize(
    pipeline: PipelineFile,
    groups: Groups = None,
    follow: Follow = False,
    every_s: EveryS = 5.0,
    clock: Clock = None,
    home: Home = None,
    lake: Lake = None,
    online_store: OnlineStore = None,
    lock_wait_s: LockWait = None,
) -> Result:
    """Publish the newest features of every key into the online store, as of the clock of the settings."""
    flags = {"home": home, "lake": lake, "online_store": online_store, "clock": clock, "lock_wait_s": lock_wait_s}
    settings = load_settings(flags)
    declared = load_pipeline(pipeline)
    if not (groups or declared.features):
        raise UsageError(f"{pipeline} declares no feature group, so there is nothing to publish")
    with step("materialize") as report:
        if follow:
            return _result(_follow(declared, settings, groups, every_s, report))
        return _result(run_materialize(declared, settings, groups))


def run_materialize(pipeline: Pipeline, settings: Settings, groups: list[str] | None) -> dict[str, Publication]:
    """Publishes once; gives what each group took."""
    from headrace.features.materialize import materialize as publish

    return publish(pipeline, settings, groups)


def _follow(
    pipeline: Pipeline, settings: Settings, groups: list[str] | None, every_s: float, report: Report
) -> Mapping[str, Publication]:
    """Publishes again and again, and gives the last publications once a signal asks to end."""
    with _until_signal() as ended:
        while True:
            done = run_materialize(pipeline, settings, groups)
            report(f"{sum(publication.written for publication in done.values()):,} rows written")
            if ended.wait(every_s):
                return done


@contextmanager
def _until_signal() -> Iterator[threading.Event]:
    """An event that SIGTERM or SIGINT sets; a publication that runs is ended first."""
    ended = threading.Event()
    wanted = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda *_: ended.set()) for number in wanted]
    try:
        yield ended
    finally:
        for number, handler in zip(wanted, before, strict=True):
            signal.signal(number, handler)


def _result(done: Mapping[str, Publication]) -> Result:
    data: dict[str, Any] = {"groups": {name: publication.to_json() for name, publication in done.items()}}
    return Result(data, _shown(done))


def _shown(done: Mapping[str, Publication]) -> Table:
    columns = ["group", "keys looked at", "rows written", "version", "as of"]
    return table(
        columns,
        [
            (name, found.keys, found.written, found.published.features_version or 0, iso(found.published.instant_us))
            for name, found in done.items()
        ],
    )
