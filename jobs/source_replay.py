"""Replaying the quarantine of one source: what stands as rejected is judged again by the present rules.

Duplicates are written first, then clean, and the attempts last. What an interrupted replay has placed is found by its
position, is not placed again, and gets its attempt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from .accounts import CLEANED, DUPLICATE, KEY, accepted_positions, extents, span_of
from .admission import REASON
from .clean_tables import REJECTED
from .cleaning import SourceCleaner, computed, judge_records
from .rejections import CHANGED, as_raw, next_attempts, standing_rejections


@dataclass(frozen=True)
class Replayed:
    """What became of the records that stood as rejected, in records.

    `rejected` still are, for `reasons`; `attempts` is how many rows were written to say all this. A rejection that is
    as it was writes none.
    """

    cleaned: int = 0
    duplicates: int = 0
    rejected: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    attempts: int = 0


class SourceReplay(SourceCleaner):
    """Judges again what one source has rejected, in one process.

    `on_step` is told the name of each step as it is passed: judged, after_duplicates, after_clean, after_attempts.
    """

    def replay(self, reasons: Iterable[str] = ()) -> Replayed:
        """One unit of work: everything that stands as rejected, for one of `reasons` or for any.

        Raises:
            LockTimeout: another run cleans this source.
            Superseded: another rebuild of the source was switched to.
            ContractError: a table is not what the pipeline file makes.
            SchemaRegistryError: the schemas of the writers cannot be asked for; nothing is placed then.
        """
        with self._locked("replay"):
            self._units += 1
            quarantine = self._spark.read.format("delta").load(str(self._tables.quarantine))
            rejections = computed(standing_rejections(quarantine, reasons))
            least, greatest = extents(rejections)
            return self._replay(rejections, span_of(greatest, least)) if greatest else Replayed()

    def _replay(self, rejections: DataFrame, span: Column) -> Replayed:
        before = accepted_positions(self._spark, self._tables, span)
        waiting = as_raw(rejections.join(before, KEY, "left_anti"))
        judged = computed(judge_records(waiting, self._source, self._treatment, self._schemas.of(waiting)))
        accepted = judged.where(F.col(REASON).isNull())
        rows = accepted.count()
        self._on_step("judged")
        if rows:
            self._place_accepted(accepted, rows, {})
        after = accepted_positions(self._spark, self._tables, span)
        attempts = computed(next_attempts(rejections, after, judged))
        replayed = _counted(attempts)
        if replayed.attempts:
            self._commits.append(attempts.where(CHANGED), self._tables.quarantine, unit=self._units)
            self._on_step("after_attempts")
        return replayed


def _counted(attempts: DataFrame) -> Replayed:
    rows = attempts.groupBy("outcome", "reason").agg(F.count("*").alias("rows"), F.count_if(CHANGED).alias("changed"))
    found = rows.collect()
    reasons = {row["reason"]: row["rows"] for row in found if row["outcome"] == REJECTED}
    by_outcome = {row["outcome"]: row["rows"] for row in found}
    return Replayed(
        cleaned=by_outcome.get(CLEANED, 0),
        duplicates=by_outcome.get(DUPLICATE, 0),
        rejected=sum(reasons.values()),
        reasons=dict(sorted(reasons.items())),
        attempts=sum(row["changed"] for row in found),
    )
