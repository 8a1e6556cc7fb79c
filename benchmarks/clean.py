"""Cleaning a raw table into clean, duplicates and quarantine: headrace's job against the same work written by hand.

`make bench BENCH=clean`. Every contender cleans all of one raw table into new tables, in turns, each turn a process of
its own: the job of `headrace clean` (`clean_headrace.py`), plain Spark functions written for this one source
(`clean_spark.py`), polars (`clean_polars.py`) and DuckDB (`clean_duckdb.py`). Starts are left out and stated. The rows
of the three tables are equal in all their declared columns before any time is printed. With `--times 10` ours cleans
ten times the records, too, which tells what a record more costs.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median

from clean_answers import TableSum, answer
from clean_raw import SOURCE, write_raw
from clean_turn import CORES, DRIVER_MEMORY

HERE = Path(__file__).parent
GOAL, GOAL_TIMES = 0.9, 11
MIB = 2**20
PACKAGES = ("headrace", "pyspark", "delta-spark", "polars", "duckdb", "deltalake", "pyarrow")


@dataclass
class Contender:
    """A way to clean: the script, what it is given beside raw and lake, and what its turns took."""

    name: str
    script: str
    options: Sequence[str] = ()
    turns: list[dict[str, float]] = field(default_factory=list)

    def clean(self, raw: Path, lake: Path) -> dict[str, TableSum]:
        """Cleans `raw` into new tables below `lake`, and gives their sums.

        Raises:
            SystemExit: it failed; its own words are on stderr.
        """
        command = [sys.executable, str(HERE / self.script), str(raw), str(lake), *self.options]
        found = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 (made here)
        if found.returncode:
            raise SystemExit(f"{self.name} ended with {found.returncode}")
        self.turns.append(json.loads(found.stdout.splitlines()[-1]))
        return answer({kind: _table(lake, kind) for kind in ("clean", "duplicates", "quarantine")})

    def median(self, what: str) -> float:
        """The median of the turns."""
        return median(turn[what] for turn in self.turns)

    @property
    def peak_mib(self) -> int:
        """The most memory that a turn took."""
        return round(max(turn["peak_bytes"] for turn in self.turns) / MIB)


def _table(lake: Path, kind: str) -> Path:
    """The one table of a kind: `<lake>/<kind>`, or below the pipeline's folder as headrace places it."""
    placed = list(lake.glob(f"*/{kind}/{SOURCE}/*/_delta_log"))
    return placed[0].parent if placed else lake / kind


def compare(contenders: Sequence[Contender], raw: Path, rounds: int) -> dict[str, TableSum]:
    """Has everyone clean `raw`, in turns; gives the sums that all agree on.

    Raises:
        SystemExit: the tables of one are not those of the first.
    """
    expected: dict[str, TableSum] = {}
    for _ in range(rounds):
        for each in contenders:
            with tempfile.TemporaryDirectory() as lake:
                found = each.clean(raw, Path(lake))
            expected = expected or found
            for kind, sums in found.items():
                if sums != expected[kind]:
                    raise SystemExit(f"{each.name}, {kind}: found {sums}, and {contenders[0].name} {expected[kind]}")
    return expected


def comparison(ours: Contender, baseline: Contender, records: int) -> dict[str, object]:
    """The line of one baseline."""
    both = {"ours": ours, "baseline": baseline}
    return {
        "name": f"clean: {baseline.name}",
        "unit": "records per CPU-second, starts excluded",
        **{name: round(records / each.median("cpu_s")) for name, each in both.items()},
        "ratio": round(baseline.median("cpu_s") / ours.median("cpu_s"), 2),
        "ratio by the clock": round(baseline.median("wall_s") / ours.median("wall_s"), 2),
        "goal": GOAL,
        "start, CPU-seconds": {name: round(each.median("start_s"), 1) for name, each in both.items()},
        "seconds by the clock": {name: round(each.median("wall_s"), 1) for name, each in both.items()},
        "peak memory, MiB": {name: each.peak_mib for name, each in both.items()},
    }


def growth(few: Contender, many: Contender, times: int) -> dict[str, object]:
    """The line that says what `times` the records cost."""
    return {
        "name": f"clean: {times} times the records",
        "unit": "times the cost of the fewer, starts excluded",
        "ratio": round(many.median("cpu_s") / few.median("cpu_s"), 2),
        "ratio by the clock": round(many.median("wall_s") / few.median("wall_s"), 2),
        "goal": GOAL_TIMES * times / 10,
        "CPU-seconds": [round(each.median("cpu_s"), 1) for each in (few, many)],
        "peak memory, MiB": [each.peak_mib for each in (few, many)],
    }


def main() -> int:
    """Prints one JSON line a result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_030_000, help="records of raw, one in a hundred a defect")
    parser.add_argument("--times", type=int, default=1, help="clean so many times the records, too")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--memory", default=DRIVER_MEMORY, help="of Spark's driver")
    parser.add_argument("--only", nargs="*", help="scripts of baselines; all when absent")
    options = parser.parse_args()
    baselines = [
        Contender("plain Spark functions", "clean_spark.py", [options.memory]),
        Contender("polars", "clean_polars.py"),
        Contender("DuckDB", "clean_duckdb.py"),
    ]
    baselines = [each for each in baselines if options.only is None or each.script in options.only]
    ours = Contender("headrace", "clean_headrace.py", [options.memory])
    versions = {name: version(name) for name in PACKAGES} | {"python": platform.python_version()}
    about = {"n": options.records, "rounds": options.rounds, "seed": options.seed, "cores": CORES}
    about |= {"driver memory": options.memory, "versions": versions}
    with tempfile.TemporaryDirectory() as folder:
        sums = compare([ours, *baselines], write_raw(Path(folder), options.records, options.seed), options.rounds)
        for each in baselines:
            line = comparison(ours, each, options.records) | about
            print(json.dumps(line | {"answer": {kind: str(found) for kind, found in sums.items()}}), flush=True)
    if options.times > 1:
        many = Contender("headrace", "clean_headrace.py", [options.memory])
        with tempfile.TemporaryDirectory() as folder:
            compare([many], write_raw(Path(folder), options.times * options.records, options.seed), options.rounds)
        print(json.dumps(growth(ours, many, options.times) | about), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
