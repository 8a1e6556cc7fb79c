"""From a broker to Delta rows, in events per CPU-second: `headrace land`, the plain recipe, and Spark.

`make bench BENCH=landing`. All land one topic of the embedded broker to its end, in turns, each time into a new table:
ours as users run it (durable, exactly once), the plain recipe of `landing_plain`, and the stream of `landing_spark`,
once with one batch of all, which is its best, once with that and a codec as ours, and once with batches as large as our
commits. Each is a process that is kept between landings; the CPU is its own and that of what works for it, and the
broker is another one. What a process takes until it has landed its first few events is its start, and stated apart;
another topic is landed before any is counted. Every table is read back and compared with what was sent before any time
is printed.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import count
from pathlib import Path

from kafka_topics import PARTITIONS, Case, embedded_broker, filled
from landed_rows import RowSums, landed, sent
from landing_orders import Order, landing_process
from spent import Spent

from headrace.ingestion.flush import FlushPolicy
from headrace.tables import OFFSET, PARTITION, raw_table

HERE = Path(__file__).parent
WARM_EVENTS = 100_000
# What each stream of Spark is ordered beyond the topic and the table.
STREAMS: dict[str, Order] = {
    "Spark, one batch": {},
    "Spark, one batch, zstd": {"codec": "zstd"},
    "Spark, batches of our size": {"rows_a_batch": FlushPolicy().max_rows},
}
GOALS = {"plain recipe": 8} | dict.fromkeys(STREAMS, 4)
PACKAGES = ("headrace", "kafka-python", "crc32c", "pyarrow", "deltalake", "numba", "pyspark", "delta-spark")
MIB = 2**20


class Process:
    """A process that lands, with what it has spent."""

    def __init__(self, land: Callable[[Order], Spent]) -> None:
        self._land = land
        self._spent_s = 0.0
        self.start_s = 0.0  # CPU-seconds until it had landed its first events

    def land(self, order: Order) -> Spent:
        """What a landing took, and the most memory that the process has held until now."""
        until_now = self._land(order)
        spent = Spent(until_now.cpu_s - self._spent_s, until_now.peak_bytes)
        self._spent_s = until_now.cpu_s
        return spent


@dataclass
class Contender:
    """A way to land, by a process that knows what it is ordered; `columns` are its names of partition and offset."""

    name: str
    process: Process
    order: Order = field(default_factory=dict)
    columns: tuple[str, str] = ("partition", "offset")
    rounds: list[Spent] = field(default_factory=list)
    table_bytes: int = 0  # of the data files

    def land(self, topic: str, folder: Path) -> tuple[Spent, Path]:
        """Lands a topic into a table in a new folder; what it took, and the table."""
        table = raw_table(folder, topic)
        return self.process.land({"topic": topic, "table": str(table), **self.order}), table

    def start(self, few: str, warm: str, folders: Iterator[Path]) -> None:
        """Has its process land a few events, which is its start; and more, so that caches are filled."""
        self.process.start_s = self.land(few, next(folders))[0].cpu_s
        self.land(warm, next(folders))

    @property
    def rounds_s(self) -> list[float]:
        """CPU-seconds of each round."""
        return [spent.cpu_s for spent in self.rounds]

    @property
    def peak_mib(self) -> int:
        """The most memory that was held until the end of the last round."""
        return round(max(spent.peak_bytes for spent in self.rounds) / MIB)


def measure(contenders: list[Contender], topic: str, expected: RowSums, rounds: int, folders: Iterator[Path]) -> None:
    """Has everyone land the topic, in turns.

    Raises:
        SystemExit: a table does not hold what was sent.
    """
    for _ in range(rounds):
        for each in contenders:
            spent, table = each.land(topic, next(folders))
            found = landed(table, *each.columns)
            if found != expected:
                raise SystemExit(f"{each.name} has landed {found}, and there were sent {expected}")
            each.rounds.append(spent)
            each.table_bytes = sum(file.stat().st_size for file in table.glob("*.parquet"))


def result(ours: Contender, baseline: Contender, events: int) -> dict[str, object]:
    """The line that is printed."""
    both = {"ours": ours, "baseline": baseline}
    best_s = {name: min(each.rounds_s) for name, each in both.items()}
    started_s = {name: best_s[name] + each.process.start_s for name, each in both.items()}
    return {
        "name": f"landing: {baseline.name}",
        "unit": "events per CPU-second, starts excluded",
        **{name: round(events / seconds) for name, seconds in best_s.items()},
        "ratio": round(best_s["baseline"] / best_s["ours"], 2),
        "ratio of the first rounds": round(baseline.rounds_s[0] / ours.rounds_s[0], 2),
        "ratio, starts included": round(started_s["baseline"] / started_s["ours"], 2),
        "goal": GOALS[baseline.name],
        "rounds, CPU-seconds": {name: [round(s, 2) for s in each.rounds_s] for name, each in both.items()},
        "start, CPU-seconds": {name: round(each.process.start_s, 2) for name, each in both.items()},
        "peak memory, MiB": {name: each.peak_mib for name, each in both.items()},
        "bytes an event": {name: round(each.table_bytes / events, 1) for name, each in both.items()},
    }


def main() -> int:
    """Prints one JSON line a baseline."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--bytes", type=int, default=200, help="size of an event")
    parser.add_argument("--compression", default="none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    case = Case(options.events, options.bytes, options.compression, distinct=min(options.events, 200_000))
    cases = [Case(events, options.bytes, options.compression) for events in (PARTITIONS, WARM_EVENTS)]
    with tempfile.TemporaryDirectory() as home, ExitStack() as open_:
        folders = (Path(home) / f"landing-{number}" / "lake" for number in count())
        address = open_.enter_context(embedded_broker(Path(home) / "broker"))
        few, warm, topic = (filled(address, each, options.seed) for each in (*cases, case))
        headrace, plain, spark = (
            Process(open_.enter_context(landing_process(HERE / f"landing_{name}.py", address)))
            for name in ("headrace", "plain", "spark")
        )
        ours = Contender("headrace", headrace, columns=(PARTITION, OFFSET))
        streams = [Contender(name, spark, order) for name, order in STREAMS.items()]
        baselines = [Contender("plain recipe", plain), *streams]
        for each in (ours, *baselines[:2]):
            each.start(few, warm, folders)
        answer = sent(case, options.seed)
        measure([ours, *baselines], topic, answer, options.rounds, folders)
    versions = {name: version(name) for name in PACKAGES} | {"python": platform.python_version()}
    about = {"n": case.messages, "case": str(case), "rounds": options.rounds, "seed": options.seed}
    for each in baselines:
        line = result(ours, each, case.messages) | about | {"answer": str(answer), "versions": versions}
        print(json.dumps(line), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
