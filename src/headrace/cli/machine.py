"""The verbs about this machine: what it lacks, its jars, and the embedded broker."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Annotated, Literal

import typer

from headrace.errors import BrokerError
from headrace.settings import Settings, load_settings

from .options import Home
from .output import Result, step, table

JAR_SETS: tuple[Literal["broker", "spark"], ...] = ("broker", "spark")


def doctor(home: Home = None) -> Result:
    """Check Java, jars, ports, disk and versions, and say what mends each failing check."""
    from headrace.infra.local.doctor import examine

    findings = examine(load_settings({"home": home}))
    shown = table(
        ["check", "", "found", "what mends it"],
        [(f.name, "ok" if f.ok else "FAILS", f.found, "" if f.ok else f.mend) for f in findings],
    )
    healthy = all(finding.ok for finding in findings)
    return Result({"ok": healthy, "checks": [asdict(f) for f in findings]}, shown, exit_code=0 if healthy else 1)


def jars(
    only: Annotated[Literal["broker", "tools", "spark", "bench"] | None, typer.Argument(help="Only this set.")] = None,
) -> Result:
    """Fetch the jars, once per user; print those of Spark, as in `spark-submit --jars "$(headrace jars)"`.

    Without SET the classes of both are archived, too, so that the broker and Spark's jobs start faster.
    """
    from headrace.infra.local.jars import ensure_jars

    from .class_archives import ensure_archives

    cache = load_settings().cache
    found: dict[str, list[str]] = {}
    for name in (only,) if only else JAR_SETS:
        with step(f"jars of {name}") as report:
            found[name] = [str(path) for path in ensure_jars(name, cache, report)]
    if only is None:
        with step("archives of their classes") as report:
            ensure_archives(cache, report)
    return Result(found, ",".join(found[only or "spark"]))


def up(home: Home = None) -> Result:
    """Start the embedded Kafka broker, unless it runs, and say its address."""
    from headrace.infra.local import broker

    settings = load_settings({"home": home})
    with step("broker") as report:
        started = broker.start(settings.home, settings.cache, report)
    data = {key: value if isinstance(value, int) else str(value) for key, value in asdict(started).items()}
    return Result(data, f"broker at {started.address} (process {started.pid}, log {_short(started.log_file)})")


def down(home: Home = None) -> Result:
    """Stop the embedded Kafka broker; its records stay."""
    from headrace.infra.local import broker

    settings = load_settings({"home": home})
    ran = broker.status(settings.home) is not None
    with step("stopping the broker"):
        broker.stop(settings.home)
    return Result({"stopped": ran}, "broker stopped" if ran else "the broker was not running")


def _short(path: os.PathLike[str]) -> str:
    return os.path.relpath(path)


def brokers_of(settings: Settings) -> str:
    """The brokers of the settings, else the address of the embedded broker.

    Raises:
        BrokerError: no brokers are set, and the embedded one was never started here.
    """
    from headrace.infra.local import broker

    found = settings.brokers or broker.address(settings.home)
    if found is None:
        raise BrokerError(
            f"no brokers are set, and no embedded broker was started in {settings.home}. "
            "Start one with `headrace up`, or name a cluster with --brokers or HEADRACE_BROKERS"
        )
    return found
