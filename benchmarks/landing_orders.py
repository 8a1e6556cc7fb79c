"""What the landing processes of `landing` have in common: an order by line, and an answer to each with what it took.

Each is started with the broker's address, stays for all landings, and reads a line of JSON for each: `topic`, `table`
(a path where nothing is yet) and whatever else it can be told. It lands the topic to its end into that table.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from spent import Spent, spent_by

Order = dict[str, int | str | None]


def carry_out(land: Callable[..., None], helpers: Iterable[int] = ()) -> None:
    """Lands as ordered on stdin. The answer is what was spent since the process began, by it and by its helpers."""
    (address,) = sys.argv[1:]
    processes = (os.getpid(), *helpers)
    for line in sys.stdin:
        with redirect_stdout(sys.stderr):
            land(address, **json.loads(line))
        spent = spent_by(processes)
        print(json.dumps([spent.cpu_s, spent.peak_bytes]), flush=True)


@contextmanager
def landing_process(script: Path, address: str) -> Iterator[Callable[[Order], Spent]]:
    """A process that lands as ordered, and says what it has spent since it began."""
    command = [sys.executable, str(script), address]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603

        def land(order: Order) -> Spent:
            print(json.dumps(order), file=process.stdin, flush=True)
            if not (answer := process.stdout.readline()):
                raise SystemExit(f"{script.name} has ended; its own words are on stderr")
            return Spent(*json.loads(answer))

        yield land
