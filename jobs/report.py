"""What a job says while it runs: lines for a person, or JSON lines for the command line that started it."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession

POLL_INTERVAL_S = 0.5


@dataclass(frozen=True)
class Report:
    """Events of a run: `progress`, then one `result` or one `error`. JSON goes to stdout, words to stderr."""

    json_lines: bool

    def progress(self, source: str, step: str, done: int | None = None, total: int | None = None) -> None:
        """Says what is being done to `source`; `done` of `total` are Spark tasks."""
        if self.json_lines:
            self._emit(event="progress", source=source, step=step, done=done, total=total)
        else:
            print(f"{source}: {step}" + (f" {done}/{total}" if total else ""), file=sys.stderr, flush=True)

    def result(self, result: Mapping[str, Any]) -> None:
        """The end of a run that did what was asked: facts by name of source, group or training set."""
        if self.json_lines:
            self._emit(event="result", **result)
            return
        for kind, found in result.items():
            for name, facts in found.items():
                print(_said_of_cleaning(name, facts) if kind == "sources" else _said(name, facts))

    def error(self, message: str) -> None:
        """The end of a run that could not do what was asked."""
        if self.json_lines:
            self._emit(event="error", message=message)
        else:
            print(message, file=sys.stderr, flush=True)

    @contextmanager
    def watching(self, spark: SparkSession, source: str, step: str) -> Iterator[None]:
        """Reports the tasks of Spark's running stages, twice a second, while the body runs."""
        over = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(spark, source, step, over), daemon=True)
        self.progress(source, step)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

    def _watch(self, spark: SparkSession, source: str, step: str, over: threading.Event) -> None:
        tracker = spark.sparkContext.statusTracker()
        said: tuple[int, int] | None = None
        while not over.wait(POLL_INTERVAL_S):
            stages = [info for stage in tracker.getActiveStageIds() if (info := tracker.getStageInfo(stage))]
            counts = (sum(info.numCompletedTasks for info in stages), sum(info.numTasks for info in stages))
            if counts[1] and counts != said and (self.json_lines or counts[0] == counts[1]):
                self.progress(source, step, *counts)
                said = counts

    def _emit(self, **event: Any) -> None:
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()


def _said_of_cleaning(source: str, counts: Mapping[str, Any]) -> str:
    reasons = ", ".join(f"{reason} {rows:,}" for reason, rows in counts["reasons"].items())
    return (
        f"{source}: {counts['clean']:,} clean, {counts['duplicates']:,} duplicates, "
        f"{counts['quarantine']:,} quarantined" + (f" ({reasons})" if reasons else "")
    )


def _said(name: str, facts: Mapping[str, Any]) -> str:
    return f"{name}: " + ", ".join(f"{fact} {value}" for fact, value in facts.items())
