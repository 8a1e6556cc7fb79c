"""`make soak`: runs one, tells what happens as it goes, and ends with a table; exit code 1 when anything is wrong."""

from __future__ import annotations

import argparse
import logging
import shutil
import signal
import sys
import tempfile
import warnings
from pathlib import Path

from .run import soak
from .world import Options

EVENTS_PER_S = 720.0  # of which FEWEST_OF_ASKED must come: two million in an hour, whatever else the machine does


def main(arguments: list[str]) -> int:
    """Returns the exit code. The folder of a run stays where something was wrong, and is named."""
    options = _options(_parser().parse_args(arguments))
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore", ResourceWarning)  # sockets of kafka-python, while a broker is away
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    folder = Path(tempfile.mkdtemp(prefix="headrace-soak-"))
    try:
        report = soak(options, folder / "soak", _say)
    except KeyboardInterrupt:
        print(f"interrupted; all that was started has ended. See {folder}", file=sys.stderr)
        return 130
    print("\n".join(["", *report.lines()]), flush=True)
    if report.faults:
        print(f"the lake, the journals and the logs are in {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


def _options(given: argparse.Namespace) -> Options:
    seconds = given.seconds or given.minutes * 60
    events = given.events or seconds * EVENTS_PER_S
    dose_s = given.dose_minutes and given.dose_minutes * 60
    return Options(seconds, given.seed, events, given.session_timeout_s, dose_s=dose_s)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="of the plan; the start and the audit come on top")
    parser.add_argument("--dose-minutes", type=float, help="as much is to happen as else in so many")
    parser.add_argument("--seconds", type=float, help="in place of the minutes")
    parser.add_argument("--seed", type=int, default=20130101)
    parser.add_argument("--events", type=float, help=f"to send in that time; default: {EVENTS_PER_S:g} a second")
    parser.add_argument("--session-timeout-s", type=float, default=10.0, help="of the landers")
    return parser


def _interrupt(number: int, frame: object) -> None:
    """Once: a second signal would leave behind what the first has not ended yet."""
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
