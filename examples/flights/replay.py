"""Sends the flights as five topics: each record once, in a fixed order, stamped with its simulated arrival.

Records leave in the order of the sequence and are acknowledged by all replicas before they enter the journal. A replay
that was killed is started again with the same options: it finds in the topics what it had sent beyond the journal, and
sends only what is lacking. A finished one sends nothing.

    python -m headrace.examples.flights.replay --brokers 127.0.0.1:9092 --journal .headrace/journal
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from headrace import locks
from headrace.errors import HeadraceError

from .binding import bind
from .defects import inject, predict
from .events import DAYS, SOURCES, load_events
from .journal import Journal
from .options import ReplayOptions
from .order import Order, line_up
from .recovery import recover
from .sender import Report, Sender
from .sequence import RecordSequence, build_sequence

WAIT_FOR_OTHER_REPLAY_S = 5.0


@dataclass(frozen=True, kw_only=True)
class ReplayResult:
    """What became of a replay: of `records`, how many were `sent` now, `found` in the topics but not in the journal,
    and `journaled` before; the full topic name of each source, and the file with the prediction.
    """

    records: int
    sent: int
    found: int
    journaled: int
    seconds: float
    topics: dict[str, str]
    expected_file: Path


def replay(options: ReplayOptions, report: Report = lambda done, total: None) -> ReplayResult:
    """Sends what the journal and the topics lack. `report` is told records done and records in all, now and then.

    Raises:
        UsageError: the options are not legal, or the journal or the topics belong to another replay.
        BrokerError: the cluster does not answer or refuses; start again with the same options to go on.
        LockTimeout: another replay uses this journal.
    """
    began_s = time.monotonic()
    journal = Journal(options.journal)
    with locks.exclusive(journal.lock_file, wait_s=WAIT_FOR_OTHER_REPLAY_S, purpose="replay"):
        sequence, expected = prepare(options)
        bind(options, journal, sequence, expected)
        done = journal.read()
        found = 0
        if len(done.sequence) < len(sequence):
            found = recover(options, journal, sequence, done)
            done = journal.read()
        sent = Sender(options, journal, sequence, done, report).send()
    return ReplayResult(
        records=len(sequence),
        sent=sent,
        found=found,
        journaled=len(sequence) - sent - found,
        seconds=round(time.monotonic() - began_s, 3),
        topics=options.topics,
        expected_file=journal.expected_file,
    )


def prepare(options: ReplayOptions) -> tuple[RecordSequence, dict[str, Any]]:
    """The records that these options ask for, and the prediction of what will become of them (see `expected.json`)."""
    events = load_events(options.days)
    lined_up = line_up(events, options.order)
    added = inject(events, lined_up, rate=options.defects, seed=options.seed)
    prediction = predict(events, lined_up, added)
    asked = {"days": options.days, "order": options.order.value, "defects": options.defects, "seed": options.seed}
    sources = {source: {"topic": options.topics[source], **prediction[source]} for source in SOURCES}
    sequence = build_sequence(events, lined_up, added, partitions=options.partitions)
    return sequence, {"format": 1, "replay": asked, "sources": sources}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a replay from the command line and gives the exit code; errors are one line on stderr."""
    asked = _parser().parse_args(arguments)
    as_json = asked.__dict__.pop("json")
    console = Console(stderr=True)
    logging.getLogger("kafka").setLevel(logging.ERROR)  # what matters of its warnings comes back as an error
    try:
        result = _replay_with_progress(ReplayOptions(**asked.__dict__), console)
    except HeadraceError as err:
        console.print(f"error: {err}", style="red", markup=False, highlight=False, soft_wrap=True)
        return err.exit_code
    except OSError as err:
        console.print(f"error: the journal cannot be written: {err}", style="red", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on from here")
        return 1
    _tell(result, console, as_json=as_json)
    return 0


def _tell(result: ReplayResult, console: Console, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({**result.__dict__, "expected_file": str(result.expected_file)}))
        return
    console.print(
        f"{result.records:,} records: {result.sent:,} sent, {result.found:,} found in the topics, "
        f"{result.journaled:,} sent before; {result.seconds:.1f} s. Prediction: {result.expected_file}",
        soft_wrap=True,
    )


def _replay_with_progress(options: ReplayOptions, console: Console) -> ReplayResult:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("replay: reading the data", total=None)

        def report(done: int, total: int) -> None:
            progress.update(task, description="replay", completed=done, total=total)

        return replay(options, report)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m headrace.examples.flights.replay", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--brokers", required=True, help="host:port[,host:port] of the Kafka cluster")
    parser.add_argument("--journal", required=True, type=Path, help="folder of this replay's journal")
    parser.add_argument("--topic-prefix", default="", help="put before every topic name")
    parser.add_argument(
        "--order",
        default=Order.EVENT_TIME,
        type=Order,
        choices=list(Order),
        metavar="ORDER",
        help="event_time or published",
    )
    parser.add_argument("--days", default=DAYS, type=int, help="only the first days of 2013 (default: all 365)")
    parser.add_argument("--defects", default=0.0, type=float, help="share of each kind of defect to add: 0.01 is 1 %%")
    parser.add_argument("--seed", default=7, type=int, help="of the defects")
    parser.add_argument("--partitions", default=2, type=int, help="of each topic")
    parser.add_argument("--json", action="store_true", help="one line with the result on stdout")
    return parser


if __name__ == "__main__":
    sys.exit(main())
