"""`python -m headrace.ingestion TOPIC...`: the lander alone, without the rest of the command line."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path

from headrace.errors import HeadraceError, PositionLost, UsageError
from headrace.lean_start import start_lean
from headrace.log_lines import LogFormat, log_to_stderr
from headrace.settings import load_settings

from .flush import FlushPolicy
from .session import land
from .settings import LandingSettings
from .stop import stop_on_signals


def main(arguments: list[str] | None = None) -> int:
    """Runs the lander; one JSON line on stdout at the end, progress on stderr. Returns the exit code."""
    options = _parser().parse_args(arguments)
    start_lean()
    log_to_stderr(LogFormat.TEXT, logging.INFO)
    try:
        with stop_on_signals() as stop:
            result = land(
                options.topics,
                settings=_settings(options),
                until_end=options.until_end,
                stop=stop,
                report=lambda progress: print(progress, file=sys.stderr),
            )
    except HeadraceError as err:
        print(f"error: {err}", file=sys.stderr)
        return err.exit_code
    print(json.dumps({"rows": result.rows, "commits": result.commits, "seconds": round(result.seconds, 3)}))
    return PositionLost.exit_code if result.lost else 0


def _settings(options: argparse.Namespace) -> LandingSettings:
    settings = load_settings({"brokers": options.brokers, "lake": options.lake})
    if settings.brokers is None:
        raise UsageError("no brokers were given: use --brokers HOST:PORT, or the setting brokers")
    policy = FlushPolicy(max_rows=options.max_rows, max_bytes=options.max_bytes, max_age_s=options.max_age_s)
    return LandingSettings(
        brokers=settings.brokers,
        lake=settings.lake,
        group=options.group,
        policy=policy,
        lock_wait_s=settings.lock_wait_s,
        max_batch_bytes=settings.max_batch_bytes,
        session_timeout_s=options.session_timeout_s,
        durable=settings.durable,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m headrace.ingestion", description=__doc__)
    defaults = FlushPolicy()
    parser.add_argument("topics", nargs="+", metavar="TOPIC", help="full name of a topic")
    parser.add_argument("--brokers", help="host:port[,host:port]")
    parser.add_argument("--lake", type=Path, help="root folder of the tables")
    parser.add_argument("--group", default="", help="consumer group; default: one per lake")
    parser.add_argument("--until-end", action="store_true", help="stop at the ends that the topics have now")
    parser.add_argument("--max-rows", type=int, default=defaults.max_rows, help="rows that make a commit")
    parser.add_argument("--max-bytes", type=int, default=defaults.max_bytes, help="bytes that make a commit")
    parser.add_argument(
        "--max-age-s", type=float, default=defaults.max_age_s, help="seconds that a record waits at most"
    )
    parser.add_argument(
        "--session-timeout-s", type=float, default=10.0, help="how soon the group gives up a dead lander"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
