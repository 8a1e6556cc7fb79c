"""One source as a stream: Structured Streaming says what has landed, the cleaner places it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from headrace.errors import HeadraceError, Held, UsageError

from .accounts import last_offsets
from .cleaning import Counts, SourceCleaner
from .report import Report

STOP_POLL_S = 1


class CleaningStream:
    """A running query whose micro-batches say how far each partition may be judged.

    The query is stateless: a micro-batch selects offsets, and the cleaner takes everything that is not yet placed up to
    them. So a repeated, split or forgotten micro-batch changes nothing, and the order in which Delta hands out files
    does not matter.
    """

    def __init__(self, name: str, cleaner: SourceCleaner, report: Report) -> None:
        self.name, self.counts = name, Counts()
        self._cleaner, self._report = cleaner, report
        self._query: StreamingQuery | None = None
        self._failure: HeadraceError | None = None
        self._cleaning = False  # what fails meanwhile is no matter of the checkpoint, whatever its words

    def start(
        self, spark: SparkSession, raw: Path, checkpoint: Path, *, max_files: int, interval_s: float | None
    ) -> None:
        """Starts the query on `checkpoint`; without `interval_s` it ends at the end of what has landed by now."""
        rows = spark.readStream.format("delta").option("maxFilesPerTrigger", max_files).load(str(raw))
        writer = rows.writeStream.queryName(self.name).foreachBatch(self._clean_batch)
        writer = writer.option("checkpointLocation", str(checkpoint))
        if interval_s is None:
            writer = writer.trigger(availableNow=True)
        else:
            writer = writer.trigger(processingTime=f"{interval_s} seconds")
        self._query = writer.start()

    def has_ended(self, stop: threading.Event) -> bool:
        """Whether the query has ended by now, after a short wait; it is stopped if `stop` is set.

        Raises:
            HeadraceError: a micro-batch failed for a reason that the user can mend.
            UsageError: the checkpoint no longer fits the raw table.
        """
        if self._query is None:
            raise RuntimeError("has_ended() before start()")
        try:
            if stop.is_set():
                self.stop()
            return bool(self._query.awaitTermination(STOP_POLL_S))
        except StreamingQueryException as err:
            raise self._explained(err) from err

    def stop(self) -> None:
        """Ends the query, in the middle of a micro-batch if need be."""
        if self._query is not None:
            self._query.stop()

    def _clean_batch(self, batch: DataFrame, batch_id: int) -> None:
        last = last_offsets(batch)
        self._cleaning = True
        try:
            counts = self._cleaner.clean_up_to(last)
        except HeadraceError as err:
            self._failure = err
            if isinstance(err, Held):  # other streams go on, so that it is said now
                self._report.progress(self.name, str(err))
            raise
        self._cleaning = False
        self.counts = self.counts + counts
        self._report.progress(self.name, f"micro-batch {batch_id}: {counts.rows:,} rows")

    def _explained(self, err: StreamingQueryException) -> BaseException:
        if self._failure is not None:
            return self._failure
        text = str(err)
        if not self._cleaning and ("DELTA_" in text or "checkpoint" in text.lower()):
            return UsageError(
                f"the stream of source '{self.name}' cannot go on from its checkpoint: {text.splitlines()[0]}. "
                "Remove the checkpoint folder: the books are in the tables, so a new one loses and doubles nothing"
            )
        return err


def wait_for_all(streams: Sequence[CleaningStream], stop: threading.Event) -> list[Held]:
    """Returns when all have ended, or have been stopped because `stop` was set; when one fails, the others are stopped.
    Why some were held is given; they do not stop the others.

    Raises: as `CleaningStream.has_ended`.
    """
    running = list(streams)
    held: list[Held] = []
    try:
        while running:
            running = [stream for stream in running if not _is_over(stream, stop, held)]
    finally:
        for stream in running:
            stream.stop()
    return held


def _is_over(stream: CleaningStream, stop: threading.Event, held: list[Held]) -> bool:
    try:
        return stream.has_ended(stop)
    except Held as err:
        held.append(err)
        return True
