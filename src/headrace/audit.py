"""The audit: proves by position that nothing was lost or doubled on the way from the producer to the clean tables.

    journal ──► raw           every acknowledged record is in raw, once, with the same bytes, and nothing else is
    raw ──► clean + duplicates + quarantine     every raw position is in exactly one of the three, and nothing else is

A position is (topic id, partition, offset). It counts as quarantined while its newest attempt is a rejection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from .errors import ContractError
from .gaps import Gap, gaps_from_property
from .lake import Query, literal, open_table
from .tables import GAPS_PROPERTY, SourceTables, raw_table

EXAMPLES = 5  # positions named for each audit that does not balance

MADE_BY_LANDING = "`headrace land`"
MADE_BY_CLEANING = "`headrace clean`"


# One row a place (partition, offset): the records sent there, the raw rows there (copies in all left out), and how many
# of the values found there are strangers to the journal. Several lives of a topic may share a place.
_PLACES = """
    SELECT p, o, sum(sent) AS sent, sum(landed) AS landed, count(*) FILTER (WHERE sent = 0) AS strangers FROM (
        SELECT p, o, hash, sum(sent) AS sent, sum(landed) AS landed FROM (
            SELECT p, o, hash, 1 AS sent, 0 AS landed FROM sent
            UNION ALL
            SELECT p, o, hash, 0, 1 FROM (
                SELECT DISTINCT _topic_id, _partition AS p, _offset AS o, sha256(value) AS hash FROM raw
            )
        ) GROUP BY p, o, hash
    ) GROUP BY p, o
"""

_LANDING_TOTALS = """
    SELECT (SELECT count(*) FROM sent) AS journal,
           (SELECT count(*) FROM raw) AS raw,
           sum(CASE WHEN {gap} THEN greatest(sent - landed, 0) ELSE 0 END) AS accepted,
           sum(CASE WHEN {gap} THEN 0 ELSE greatest(sent - landed, 0) END) AS lost,
           sum(greatest(landed - sent, 0)) AS extra,
           sum(CASE WHEN sent > 0 THEN strangers ELSE 0 END) AS altered,
           (SELECT sum(copies - 1)
            FROM (SELECT count(*) AS copies FROM raw GROUP BY _topic_id, _partition, _offset)) AS doubled
    FROM places
"""

_LANDING_EXAMPLES = """
    SELECT 'lost' AS fault, p, o FROM places WHERE sent > landed AND NOT ({gap})
    UNION ALL SELECT 'extra', p, o FROM places WHERE landed > sent
    UNION ALL SELECT 'altered', p, o FROM places WHERE sent > 0 AND strangers > 0
    UNION ALL SELECT 'doubled', _partition, _offset FROM raw GROUP BY _topic_id, _partition, _offset HAVING count(*) > 1
"""

# One row for each time that one of the three tables holds a position.
_PLACED = """
    SELECT _topic_id AS t, _partition AS p, _offset AS o, 'clean' AS kind FROM clean
    UNION ALL SELECT _topic_id, _partition, _offset, 'duplicates' FROM duplicates
    UNION ALL SELECT _topic_id, _partition, _offset, 'quarantine' FROM (
        SELECT _topic_id, _partition, _offset, outcome,
               rank() OVER (PARTITION BY _topic_id, _partition, _offset ORDER BY attempt DESC) AS age
        FROM quarantine
    ) WHERE age = 1 AND outcome = 'rejected'
"""

# One row a position; `reached` is the last offset of its partition that is in one of the three tables.
_POSITIONS = """
    SELECT position.t, position.p, position.o, landed, placed, coalesce(reached, -1) AS reached FROM (
        SELECT t, p, o, sum(landed) AS landed, sum(placed) AS placed FROM (
            SELECT _topic_id AS t, _partition AS p, _offset AS o, 1 AS landed, 0 AS placed FROM raw
            UNION ALL SELECT t, p, o, 0, 1 FROM placed
        ) GROUP BY t, p, o
    ) AS position
    LEFT JOIN (SELECT t, p, max(o) AS reached FROM placed GROUP BY t, p) AS partition
    ON position.t = partition.t AND position.p = partition.p
"""

_UNWON = """
    SELECT d._partition AS p, d._offset AS o FROM duplicates AS d LEFT ANTI JOIN clean AS c
    ON d.winner_topic_id = c._topic_id AND d.winner_partition = c._partition AND d.winner_offset = c._offset
"""

_CLEANING_TOTALS = f"""
    SELECT (SELECT count(*) FROM raw) AS raw,
           (SELECT count(*) FROM placed WHERE kind = 'clean') AS clean,
           (SELECT count(*) FROM placed WHERE kind = 'duplicates') AS duplicates,
           (SELECT count(*) FROM placed WHERE kind = 'quarantine') AS quarantine,
           count(*) FILTER (WHERE landed > 0 AND placed = 0 AND o < reached) AS lost,
           count(*) FILTER (WHERE landed > 0 AND placed = 0 AND o > reached) AS waiting,
           sum(greatest(placed - 1, 0)) AS doubled,
           count(*) FILTER (WHERE landed = 0) AS unexplained,
           (SELECT count(*) FROM ({_UNWON})) AS unwon
    FROM positions
"""

_CLEANING_EXAMPLES = f"""
    SELECT 'lost' AS fault, p, o FROM positions WHERE landed > 0 AND placed = 0 AND o < reached
    UNION ALL SELECT 'waiting', p, o FROM positions WHERE landed > 0 AND placed = 0 AND o > reached
    UNION ALL SELECT 'doubled', p, o FROM positions WHERE placed > 1
    UNION ALL SELECT 'unexplained', p, o FROM positions WHERE landed = 0
    UNION ALL SELECT 'unwon', p, o FROM ({_UNWON})
"""


@dataclass(frozen=True)
class LandingBooks:
    """Journal against raw, in records. All but the first three are faults.

    lost     acknowledged by the broker, but not in raw
    extra    in raw, but not in the journal
    altered  in raw with bytes whose sha256 the journal does not have at this position
    doubled  raw rows beyond the first of a position

    `accepted` are no fault: acknowledged, not in raw, and inside one of the `gaps` that somebody has accepted.
    """

    topic: str
    journal: int
    raw: int
    lost: int
    extra: int
    altered: int
    doubled: int
    examples: tuple[str, ...]
    accepted: int = 0
    gaps: tuple[Gap, ...] = ()

    @property
    def faults(self) -> dict[str, int]:
        """The faults that were found, in records, by name."""
        return _nonzero(lost=self.lost, extra=self.extra, altered=self.altered, doubled=self.doubled)


@dataclass(frozen=True)
class CleaningBooks:
    """Raw against the union of clean, duplicates and open quarantine, in rows. What follows `quarantine` are faults.

    lost          in raw and in none of the three, although a later offset of its partition is
    waiting       in raw and in none of the three, and so is all that follows it: not cleaned yet
    doubled       in two of the three, or twice in one
    unexplained   in one of the three, but not in raw
    unwon         duplicates whose winner is not in clean: the event itself is gone
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

    @property
    def faults(self) -> dict[str, int]:
        """The faults that were found, in rows, by name."""
        return _nonzero(
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


def _nonzero(**counts: int) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}


def audit_landing(journal: Path, lake: Path, topic: str) -> LandingBooks:
    """Compares the journal's records of `topic` (its full name) with its raw table.

    Raises:
        ContractError: the table is missing or not readable, or there is no journal.
    """
    raw = open_table(raw_table(lake, topic), made_by=MADE_BY_LANDING)
    query = Query({"raw": raw}, {"journal": _checked(journal)})
    query.name(
        "sent", f'SELECT "partition" AS p, "offset" AS o, sha256 AS hash FROM journal WHERE topic = {literal(topic)}'
    )
    query.name("places", _PLACES)
    gaps = gaps_from_property(raw.metadata().configuration.get(GAPS_PROPERTY))
    inside = _inside(gaps)
    totals = query.row(_LANDING_TOTALS.format(gap=inside))
    books = LandingBooks(topic=topic, examples=(), gaps=gaps, **_whole(totals))
    return replace(books, examples=_examples(query, _LANDING_EXAMPLES.format(gap=inside))) if books.faults else books


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
    query.name("placed", _PLACED)
    query.name("positions", _POSITIONS)
    totals = query.row(_CLEANING_TOTALS)
    books = CleaningBooks(source=source, examples=(), **_whole(totals))
    return replace(books, examples=_examples(query, _CLEANING_EXAMPLES)) if books.faults else books


def topics_of_journal(journal: Path) -> dict[str, int]:
    """The topics that the journal has records of, and how many.

    Raises:
        ContractError: there is no journal, or it cannot be read.
    """
    found = Query({}, {"journal": _checked(journal)}).rows(
        "SELECT topic, count(*) AS records FROM journal GROUP BY topic"
    )
    return {row["topic"]: row["records"] for row in found}


def _inside(gaps: tuple[Gap, ...]) -> str:
    """Whether a place is in one of the gaps, in SQL. A journal does not know of topic ids, so any life's gap counts."""
    conditions = [f"(p = {gap.partition:d} AND o >= {gap.first:d} AND o < {gap.end:d})" for gap in gaps]
    return " OR ".join(conditions) or "false"


def _checked(journal: Path) -> Path:
    if not any(journal.glob("part-*.parquet")):
        raise ContractError(f"there is no journal in {journal}: no part-*.parquet. The producer writes it as it sends")
    return journal


def _whole(totals: Mapping[str, int | None]) -> dict[str, int]:
    """Sums over no rows are null in SQL, and 0 in the books."""
    return {name: count or 0 for name, count in totals.items()}


def _examples(query: Query, faults: str) -> tuple[str, ...]:
    rows = query.rows(f"SELECT fault, p, o FROM ({faults}) ORDER BY p, o, fault LIMIT {EXAMPLES}")
    return tuple(f"{row['fault']}: partition {row['p']}, offset {row['o']}" for row in rows)
