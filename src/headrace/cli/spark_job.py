"""Starting a Spark job as a process of its own, following what it says, and ending it with us.

The job runs by this Python, and starts its JVM by spark-submit as `pyspark` does: so a signal reaches the job's own
code first, and the JVM ends when the job does, however that ends.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread, Timer
from types import FrameType
from typing import IO, Any

from headrace.errors import CheckFailed, HeadraceError, UsageError
from headrace.settings import Settings

from .jvm_options import driver_options
from .output import Report

# How long a job that was told to end may take before it is killed: a stream first ends its micro-batch.
END_WITHIN_S = 60.0
# How long the JVM may take after the job: it deletes its scratch folders. Killed processes are gone at once, unless
# nobody reaps them, as in a container without an init.
CLEAN_UP_WITHIN_S = 5.0
DIE_WITHIN_S = 1.0
POLL_INTERVAL_S = 0.05

_OUT_OF_HEAP = re.compile(r"java\.lang\.OutOfMemoryError: (Java heap space|GC overhead limit exceeded)")

PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
ERROR_OF_EXIT_CODE: dict[int, type[HeadraceError]] = {2: UsageError, 3: CheckFailed}


@dataclass(frozen=True)
class SparkJob:
    """A job: the module that is its entry, its options, and the jars of its JVM. Its log is in `logs` of the home."""

    module: str
    options: Sequence[str]
    settings: Settings
    jars: Sequence[Path]

    def run(self, report: Report) -> dict[str, Any]:
        """Runs the job to its end and gives the event `result` that it said.

        Raises:
            HeadraceError: what the job said was wrong, with its exit code; where it did not say so as an event, the
                message has what its log says of the end, and names the file.
            KeyboardInterrupt: it was ended by SIGINT, and did not end well of its own.
        """
        log_file = self._log_file()
        with log_file.open("wb") as log, self._process(log) as process, _signals_passed_to(process) as received:
            last = _follow(process, log, report)
            code = process.wait()
        if code == 0 and last.get("event") == "result":
            return {key: value for key, value in last.items() if key != "event"}
        error = ERROR_OF_EXIT_CODE.get(code, HeadraceError)
        if last.get("event") == "error":
            raise error(str(last.get("message")))
        if signal.SIGINT in received:
            raise KeyboardInterrupt
        raise error(
            f"the Spark job {self.module} ended with exit code {code}: {self._why(log_file)}. Its log is {log_file}"
        )

    def _why(self, log_file: Path) -> str:
        """What the log says of the end. Where the JVM had no heap left, the last line is of what followed from that."""
        log = log_file.read_text(errors="replace")
        if found := _OUT_OF_HEAP.search(log):
            return (
                f"{found[0]}. Its JVM had {self.settings.driver_memory} of heap; the setting driver_memory "
                "(HEADRACE_DRIVER_MEMORY) gives it more"
            )
        return next((line.strip() for line in reversed(log.split("\n")) if line.strip()), "it said nothing")

    def _log_file(self) -> Path:
        folder = self.settings.home / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        name, now = self.module.rpartition(".")[2], time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        return folder / f"{name}-{now}-{os.getpid()}.log"

    @contextmanager
    def _process(self, log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
        """The job, in a process group of its own; whatever is left of the group at the end is killed."""
        with subprocess.Popen(  # noqa: S603  our own entry, by our own Python
            [sys.executable, "-m", self.module, *self.options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env=os.environ | self._environment(),
            start_new_session=True,
        ) as process:
            undertaker = Thread(target=_bury, args=[process])
            undertaker.start()
            try:
                yield process
            finally:
                if process.poll() is None:
                    _kill_group(process)
                undertaker.join()

    def _environment(self) -> dict[str, str]:
        jars = ",".join(map(str, self.jars))
        arguments = ["--master", self.settings.spark_master, "--driver-memory", self.settings.driver_memory]
        arguments += ["--jars", jars]
        return {
            "PYSPARK_SUBMIT_ARGS": shlex.join([*arguments, "pyspark-shell"]),
            "SPARK_SUBMIT_OPTS": driver_options(self.settings.cache),
            "PYSPARK_PYTHON": sys.executable,
            "PYSPARK_DRIVER_PYTHON": sys.executable,
        }


def _follow(process: subprocess.Popen[bytes], log: IO[bytes], report: Report) -> dict[str, Any]:
    """Reports the job's progress until it ends; gives its last event. Lines that are not events go to the log."""
    last: dict[str, Any] = {}
    for line in process.stdout or ():
        event = _event(line)
        if event is None:
            log.write(line)
        elif event["event"] == "progress":
            report(_progress_text(event))
        else:
            last = event
    return last


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "event" in found else None


def _progress_text(event: dict[str, Any]) -> str:
    counted = f" {event['done']:,} of {event['total']:,}" if event.get("total") else ""
    return f"{event.get('source')}: {event.get('step')}{counted}"


@contextmanager
def _signals_passed_to(process: subprocess.Popen[bytes]) -> Iterator[set[int]]:
    """Passes signals on to the job as SIGTERM (a second one kills it); yields the numbers of those that came."""
    received: set[int] = set()

    def pass_on(number: int, frame: FrameType | None) -> None:
        if received:
            _kill_group(process)
        received.add(number)
        last_resort.start()
        process.send_signal(signal.SIGTERM)

    last_resort = Timer(END_WITHIN_S, _kill_group, [process])
    before = {number: signal.signal(number, pass_on) for number in PASSED_ON}
    try:
        yield received
    finally:
        last_resort.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


def _bury(process: subprocess.Popen[bytes]) -> None:
    """Waits for the job's end, lets its JVM clean up behind it, and kills what is left then."""
    process.wait()
    if not _group_ends(process, within_s=CLEAN_UP_WITHIN_S):
        _kill_group(process)
        _group_ends(process, within_s=DIE_WITHIN_S)


def _group_ends(process: subprocess.Popen[bytes], *, within_s: float) -> bool:
    deadline_s = time.monotonic() + within_s
    while _group_exists(process):
        if time.monotonic() >= deadline_s:
            return False
        time.sleep(POLL_INTERVAL_S)
    return True


def _group_exists(process: subprocess.Popen[bytes]) -> bool:
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if _group_exists(process):
        os.killpg(process.pid, signal.SIGKILL)
