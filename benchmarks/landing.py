"""From a broker to Delta rows, in events per CPU-second: `headrace land`, the plain recipe, and Spark.

`make bench BENCH=landing`. All land one topic of the embedded broker to its end, in turns, each time into a new table:
ours as users run it (durable, exactly once), the plain recipe of `landing_plain`, and the stream of `landing_spark`,
once with one batch of all, which is its best, and once with batches as large as our commits. The CPU is that of the
landing process and of what it starts; the broker is another one. The start is taken off: of ours and of the plain
recipe what the same command takes on a topic of four events, of Spark all until its session has landed a topic. Every
table is read back and compared with what was sent before any time is printed.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import IO

from kafka_topics import PARTITIONS, Case, embedded_broker, filled
from landed_rows import RowSums, landed, sent
from spent import Spent, run

from headrace.ingestion.flush import FlushPolicy
from headrace.tables import OFFSET, PARTITION, raw_table

HERE = Path(__file__).parent
WARM_EVENTS = 100_000
GOALS = {"plain recipe": 8, "Spark, one batch": 4, "Spark, batches of our size": 4}
PACKAGES = ("headrace", "kafka-python", "crc32c", "pyarrow", "deltalake", "numba", "pyspark", "delta-spark")
MIB = 2**20

Landed = tuple[Spent, Path]
Land = Callable[[str, Path], Landed]


@dataclass
class Contender:
    """A way to land. `land` fills a table in a new folder; `columns` are its names of partition and offset.

    Either each landing is a process of its own, and `start_s` (CPU-seconds) a part of what it spends; or all are in one
    that has started before.
    """

    name: str
    land: Land
    columns: tuple[str, str] = ("partition", "offset")
    is_process: bool = True
    start_s: float = 0.0
    rounds: list[Spent] = field(default_factory=list)
    table_bytes: int = 0  # of the data files

    def warm_up(self, few: str, warm: str, folders: Iterator[Path]) -> None:
        """Lands a topic, so that caches on disk are filled; and finds out what a start takes by one of few events."""
        self.land(warm, new(folders))
        if self.is_process:
            self.start_s = min(self.land(few, new(folders))[0].cpu_s for _ in range(2))

    @property
    def best_s(self) -> float:
        """CPU-seconds of the best round, without the start."""
        return min(spent.cpu_s for spent in self.rounds) - self.is_process * self.start_s

    @property
    def peak_mib(self) -> int:
        """The most memory that a round took."""
        return round(max(spent.peak_bytes for spent in self.rounds) / MIB)


def headrace(address: str) -> Land:
    """The command `headrace land`."""

    def land(topic: str, folder: Path) -> Landed:
        command = [str(Path(sys.executable).with_name("headrace")), "land", "--until-end", "--topic", topic]
        places = ["--brokers", address, "--home", str(folder), "--lake", str(folder / "lake")]
        return run([*command, *places]), raw_table(folder / "lake", topic)

    return land


def plain(address: str) -> Land:
    """The plain recipe, as a process of its own."""

    def land(topic: str, folder: Path) -> Landed:
        table = folder / "table"
        return run([sys.executable, str(HERE / "landing_plain.py"), address, topic, str(table)]), table

    return land


@contextmanager
def spark(address: str) -> Iterator[tuple[Callable[[int | None], Land], float]]:
    """A session, which lands by so many rows a batch, and what its start took."""
    command = [sys.executable, str(HERE / "landing_spark.py"), address]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603

        def landing(rows_a_batch: int | None) -> Land:
            def land(topic: str, folder: Path) -> Landed:
                table = folder / "table"
                order = {"topic": topic, "table": str(table), "rows_a_batch": rows_a_batch}
                print(json.dumps(order), file=process.stdin, flush=True)
                return answered(process.stdout), table

            return land

        yield landing, answered(process.stdout).cpu_s
        process.stdin.close()


def answered(answers: IO[str]) -> Spent:
    """The next answer of Spark's process."""
    if not (line := answers.readline()):
        raise SystemExit("Spark has ended; its own words are on stderr")
    return Spent(**json.loads(line))


def measure(contenders: list[Contender], topic: str, expected: RowSums, rounds: int, folders: Iterator[Path]) -> None:
    """Has everyone land the topic, in turns.

    Raises:
        SystemExit: a table does not hold what was sent.
    """
    for _ in range(rounds):
        for each in contenders:
            spent, table = each.land(topic, new(folders))
            found = landed(table, *each.columns)
            if found != expected:
                raise SystemExit(f"{each.name} has landed {found}, and there were sent {expected}")
            each.rounds.append(spent)
            each.table_bytes = sum(file.stat().st_size for file in table.glob("*.parquet"))


def new(folders: Iterator[Path]) -> Path:
    """The next folder, made."""
    folder = next(folders)
    folder.mkdir()
    return folder


def result(ours: Contender, baseline: Contender, events: int) -> dict[str, object]:
    """The line that is printed."""
    both = {"ours": ours, "baseline": baseline}
    started_s = ours.best_s + ours.start_s, baseline.best_s + baseline.start_s
    return {
        "name": f"landing: {baseline.name}",
        "unit": "events per CPU-second, starts excluded",
        **{name: round(events / each.best_s) for name, each in both.items()},
        "ratio": round(baseline.best_s / ours.best_s, 2),
        "ratio, starts included": round(started_s[1] / started_s[0], 2),
        "goal": GOALS[baseline.name],
        "start, CPU-seconds": {name: round(each.start_s, 2) for name, each in both.items()},
        "peak memory, MiB": {name: each.peak_mib for name, each in both.items()},
        "bytes an event": {name: round(each.table_bytes / events, 1) for name, each in both.items()},
    }


def main() -> int:
    """Prints one JSON line a baseline."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--bytes", type=int, default=200, help="size of an event")
    parser.add_argument("--compression", default="none")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    case = Case(options.events, options.bytes, options.compression, distinct=min(options.events, 200_000))
    cases = [Case(events, options.bytes, options.compression) for events in (PARTITIONS, WARM_EVENTS)]
    with tempfile.TemporaryDirectory() as folder, embedded_broker(Path(folder) / "broker") as address:
        topics = [filled(address, each, options.seed) for each in (*cases, case)]
        with spark(address) as (session, start_s):
            ours = Contender("headrace", headrace(address), (PARTITION, OFFSET))
            streams = {"Spark, one batch": None, "Spark, batches of our size": FlushPolicy().max_rows}
            baselines = [
                Contender("plain recipe", plain(address)),
                *(Contender(name, session(rows), is_process=False, start_s=start_s) for name, rows in streams.items()),
            ]
            folders = (Path(folder) / f"landing-{number}" for number in count())
            for each in (ours, *baselines):
                each.warm_up(*topics[:2], folders)
            answer = sent(case, options.seed)
            measure([ours, *baselines], topics[2], answer, options.rounds, folders)
    versions = {name: version(name) for name in PACKAGES} | {"python": platform.python_version()}
    about = {"n": case.messages, "case": str(case), "rounds": options.rounds, "seed": options.seed}
    for each in baselines:
        line = result(ours, each, case.messages) | about | {"answer": str(answer), "versions": versions}
        print(json.dumps(line), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
