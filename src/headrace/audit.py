"""The audit: proves by position that nothing was lost or doubled on the way from the producer to the clean tables.

    journal ──► raw           every acknowledged record is in raw, once, with the same bytes, and nothing else is
    raw ──► clean + duplicates + quarantine     every raw position is in exactly one of the three, and nothing else is

A position is (topic id, partition, offset). It counts as clean, else as a duplicate, else as quarantined while its
newest attempt is a rejection; anything else is a fault.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from .books import MADE_BY_LANDING, examples, nonzero, whole
from .lake import Query, open_table
from .landing_audit import LandingBooks
from .quarantine import MADE_BY_CLEANING, name_rejections
from .tables import SourceTables, raw_table

# One row for each time that one of the three tables holds a position.
_PLACED = """
    SELECT _topic_id AS t, _partition AS p, _offset AS o, 'clean' AS kind FROM clean
    UNION ALL SELECT _topic_id, _partition, _offset, 'duplicates' FROM duplicates
    UNION ALL SELECT _topic_id, _partition, _offset, 'quarantine' FROM rejections
"""

# One row a position; `reached` is the last offset of its partition that was ever judged.
_POSITIONS = """
    SELECT position.t, position.p, position.o, landed, placed, coalesce(reached, -1) AS reached FROM (
        SELECT t, p, o, sum(landed) AS landed, sum(placed) AS placed FROM (
            SELECT _topic_id AS t, _partition AS p, _offset AS o, 1 AS landed, 0 AS placed FROM raw
            UNION ALL SELECT t, p, o, 0, 1 FROM placed
        ) GROUP BY t, p, o
    ) AS position
    LEFT JOIN (
        SELECT t, p, max(o) AS reached FROM (
            SELECT t, p, o FROM placed UNION ALL SELECT _topic_id, _partition, _offset FROM newest_attempts
        ) GROUP BY t, p
    ) AS partition
    ON position.t = partition.t AND position.p = partition.p
"""

# What an interrupted replay has set aside may wait for its winner, which the replay would have cleaned next.
_UNWON = """
    SELECT d._partition AS p, d._offset AS o FROM duplicates AS d LEFT ANTI JOIN clean AS c
    ON d.winner_topic_id = c._topic_id AND d.winner_partition = c._partition AND d.winner_offset = c._offset
    LEFT ANTI JOIN unfinished AS u
    ON d._topic_id = u._topic_id AND d._partition = u._partition AND d._offset = u._offset
"""

_CLEANING_TOTALS = f"""
    SELECT (SELECT count(*) FROM raw) AS raw,
           (SELECT count(*) FROM placed WHERE kind = 'clean') AS clean,
           (SELECT count(*) FROM placed WHERE kind = 'duplicates') AS duplicates,
           (SELECT count(*) FROM placed WHERE kind = 'quarantine') AS quarantine,
           count(*) FILTER (WHERE landed > 0 AND placed = 0 AND o <= reached) AS lost,
           count(*) FILTER (WHERE landed > 0 AND placed = 0 AND o > reached) AS waiting,
           sum(greatest(placed - 1, 0)) AS doubled,
           count(*) FILTER (WHERE landed = 0) AS unexplained,
           (SELECT count(*) FROM ({_UNWON})) AS unwon,
           (SELECT count(*) FROM unfinished) AS unfinished
    FROM positions
"""

_CLEANING_EXAMPLES = f"""
    SELECT 'lost' AS fault, p, o FROM positions WHERE landed > 0 AND placed = 0 AND o <= reached
    UNION ALL SELECT 'waiting', p, o FROM positions WHERE landed > 0 AND placed = 0 AND o > reached
    UNION ALL SELECT 'doubled', p, o FROM positions WHERE placed > 1
    UNION ALL SELECT 'unexplained', p, o FROM positions WHERE landed = 0
    UNION ALL SELECT 'unwon', p, o FROM ({_UNWON})
"""


@dataclass(frozen=True)
class CleaningBooks:
    """Raw against clean, duplicates and what stands as rejected, in rows. What follows `quarantine` are faults.

    lost          in raw and in none of the three, although a later offset of its partition is
    waiting       in raw and in none of the three, and so is all that follows it: not cleaned yet
    doubled       in two of the three, or twice in one
    unexplained   in one of the three, but not in raw
    unwon         duplicates whose winner is not in clean: the event itself is gone

    `unfinished` is no fault: rows of clean or duplicates whose newest attempt is still a rejection. A replay was
    interrupted before it wrote its attempts, or is about to; the next one writes them.
    """

    source: str
    raw: int
    clean: int
    duplicates: int
    quarantine: int
    lost: int
    waiting: int
    doubled: int
    unexplained: int
    unwon: int
    examples: tuple[str, ...]
    unfinished: int = 0

    @property
    def faults(self) -> dict[str, int]:
        """The faults that were found, in rows, by name."""
        return nonzero(
            lost=self.lost, waiting=self.waiting, doubled=self.doubled, unexplained=self.unexplained, unwon=self.unwon
        )


@dataclass(frozen=True)
class SourceBooks:
    """Both audits of one source; None for one that was not asked for."""

    source: str
    topic: str
    landing: LandingBooks | None
    cleaning: CleaningBooks | None

    @property
    def faults(self) -> dict[str, int]:
        """The faults of both, in records, by name."""
        landing = self.landing.faults if self.landing else {}
        cleaning = self.cleaning.faults if self.cleaning else {}
        return {name: landing.get(name, 0) + cleaning.get(name, 0) for name in landing | cleaning}

    @property
    def examples(self) -> tuple[str, ...]:
        """Some of the positions that are at fault, in words."""
        return tuple(text for books in (self.landing, self.cleaning) if books for text in books.examples)


def audit_cleaning(lake: Path, topic: str, source: str, tables: SourceTables) -> CleaningBooks:
    """Compares the raw table of `topic` (its full name) with the three tables of `source`.

    Raises:
        ContractError: one of the four tables is missing or not readable.
    """
    query = Query(
        {
            "raw": open_table(raw_table(lake, topic), made_by=MADE_BY_LANDING),
            "clean": open_table(tables.clean, made_by=MADE_BY_CLEANING),
            "duplicates": open_table(tables.duplicates, made_by=MADE_BY_CLEANING),
            "quarantine": open_table(tables.quarantine, made_by=MADE_BY_CLEANING),
        }
    )
    name_rejections(query)
    query.name("placed", _PLACED)
    query.name("positions", _POSITIONS)
    totals = query.row(_CLEANING_TOTALS)
    books = CleaningBooks(source=source, examples=(), **whole(totals))
    return replace(books, examples=examples(query, _CLEANING_EXAMPLES, books.faults)) if books.faults else books
