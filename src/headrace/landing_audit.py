"""The first half of the audit: a producer's journal against raw, by position.

Below the position of a partition every acknowledged record must be there, once and with its bytes (the rule of Jepsen's
Kafka workload); what is at the position or after it has not been landed yet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .books import MADE_BY_LANDING, examples, nonzero, whole
from .gaps import DELETED, Gap, gaps_from_property
from .journal import Journal
from .lake import Query, literal, open_table
from .tables import GAPS_PROPERTY, TOPIC_IDS_PROPERTY, landing_application, raw_table

if TYPE_CHECKING:
    from deltalake import DeltaTable

# One row a place (partition, offset): the records sent there by outcome, the raw rows there (copies in all left out),
# how many of the values found there are strangers to the journal, and how many are of aborted transactions only;
# `position` is where the landing of the partition stands. Several lives of a topic may share a place.
_PLACES = """
    SELECT place.*, coalesce(position, 0) AS position FROM (
        SELECT p, o, sum(sent) AS sent, sum(aborted) AS aborted, sum(unknown) AS unknown, sum(landed) AS landed,
               count(*) FILTER (WHERE sent + aborted + unknown = 0) AS strangers,
               sum(CASE WHEN sent + unknown = 0 THEN least(aborted, landed) ELSE 0 END) AS aborted_read
        FROM (
            SELECT p, o, hash, sum(sent) AS sent, sum(aborted) AS aborted, sum(unknown) AS unknown,
                   sum(landed) AS landed
            FROM (
                SELECT p, o, hash, CASE WHEN outcome = 'committed' THEN 1 ELSE 0 END AS sent,
                       CASE WHEN outcome = 'aborted' THEN 1 ELSE 0 END AS aborted,
                       CASE WHEN outcome = 'unknown' THEN 1 ELSE 0 END AS unknown, 0 AS landed
                FROM sent
                UNION ALL
                SELECT p, o, hash, 0, 0, 0, 1 FROM (
                    SELECT DISTINCT _topic_id, _partition AS p, _offset AS o, sha256(value) AS hash FROM raw
                )
            ) GROUP BY p, o, hash
        ) GROUP BY p, o
    ) AS place
    LEFT JOIN (SELECT p AS of, position FROM reached) ON p = of
"""

# One row a partition: the offsets between its first landed row and its position that are not in raw, and how many of
# them the journal explains: lost writes, aborted records, and one marker for each transaction. Where a transaction has
# no known end, it may have left any number.
_GAPS = """
    SELECT p, sum(gap) AS gap, coalesce(max(explained), 0) AS explained, coalesce(max(in_doubt), 0) AS in_doubt FROM (
        SELECT _partition AS p, max(CASE WHEN age = 1 THEN greatest(_offset + 1, position) ELSE _offset + 1 END)
               - min(_offset) - count(DISTINCT _offset) - ({passed_over}) AS gap
        FROM (
            SELECT _topic_id, _partition, _offset,
                   rank() OVER (PARTITION BY _partition ORDER BY _generation DESC) AS age
            FROM raw
        )
        LEFT JOIN (SELECT p AS of, position FROM reached) ON _partition = of
        GROUP BY _topic_id, _partition
    )
    LEFT JOIN (
        SELECT p AS of, sum(CASE WHEN o < position AND landed = 0 AND NOT ({accepted}) THEN least(sent + aborted, 1)
                                 ELSE 0 END)
               + coalesce(max(markers), 0) AS explained, sum(unknown) AS in_doubt
        FROM places
        LEFT JOIN (SELECT p AS ending, count(DISTINCT t) AS markers FROM sent WHERE outcome <> 'unknown' GROUP BY p)
        ON p = ending
        GROUP BY p
    ) ON p = of
    GROUP BY p
"""

_LANDING_TOTALS = """
    SELECT (SELECT count(*) FROM sent) AS journal,
           (SELECT count(*) FROM raw) AS raw,
           sum(CASE WHEN o < position AND {accepted} THEN greatest(sent - landed, 0) ELSE 0 END) AS accepted,
           sum(CASE WHEN o < position AND NOT ({accepted}) THEN greatest(sent - landed, 0) ELSE 0 END) AS lost_write,
           sum(CASE WHEN o < position THEN 0 ELSE greatest(sent - landed, 0) END) AS waiting,
           sum(aborted_read) AS aborted_read,
           sum(CASE WHEN sent + aborted + unknown > 0 THEN strangers ELSE 0 END) AS inconsistent_offset,
           (SELECT sum(copies - 1)
            FROM (SELECT count(*) AS copies FROM raw GROUP BY _topic_id, _partition, _offset)) AS duplicate,
           (SELECT sum(greatest(gap - explained, 0)) FROM gaps WHERE in_doubt = 0) AS skip,
           sum(greatest(landed - sent - aborted - unknown, 0)) AS extra
    FROM places
"""

_LANDING_EXAMPLES = """
    SELECT 'lost_write' AS fault, p, o FROM places WHERE sent > landed AND o < position AND NOT ({accepted})
    UNION ALL SELECT 'waiting', p, o FROM places WHERE sent > landed AND o >= position
    UNION ALL SELECT 'aborted_read', p, o FROM places WHERE aborted_read > 0
    UNION ALL SELECT 'inconsistent_offset', p, o FROM places WHERE sent + aborted + unknown > 0 AND strangers > 0
    UNION ALL SELECT 'duplicate', _partition, _offset FROM raw
    GROUP BY _topic_id, _partition, _offset HAVING count(*) > 1
    UNION ALL SELECT 'skip', _partition, before + 1 FROM (
        SELECT _partition, _offset, lag(_offset) OVER (PARTITION BY _topic_id, _partition ORDER BY _offset) AS before
        FROM raw
    ) WHERE _offset > before + 1 AND _partition IN (SELECT p FROM gaps WHERE in_doubt = 0 AND gap > explained)
    UNION ALL SELECT 'extra', p, o FROM places WHERE landed > sent + aborted + unknown
"""

# Where the lander has left no position: the end of what is in raw, of the newest life of the topic.
_ENDS_OF_RAW = """
    SELECT _partition AS p, max(_offset) + 1 AS position FROM (
        SELECT *, rank() OVER (PARTITION BY _partition ORDER BY _generation DESC) AS age FROM raw
    ) WHERE age = 1 GROUP BY _partition
"""


@dataclass(frozen=True)
class LandingBooks:
    """Journal against raw, in records, by the names that Jepsen's Kafka workload has for them. All but the first three
    are faults. A position is that of the partition: the next offset that the lander reads.

    lost_write           acknowledged below the position, and not in raw
    waiting              acknowledged at the position or after it: not landed yet
    aborted_read         in raw, although its transaction was aborted
    inconsistent_offset  in raw with bytes whose sha256 the journal does not have at this position
    duplicate            raw rows beyond the first of a position
    skip                 offsets below the position that are not in raw, and that the journal does not explain
    extra                in raw, and not in the journal

    `accepted` are no fault: acknowledged, not in raw, and inside one of the `gaps` that somebody has accepted.
    """

    topic: str
    journal: int
    raw: int
    lost_write: int
    waiting: int
    aborted_read: int
    inconsistent_offset: int
    duplicate: int
    skip: int
    extra: int
    examples: tuple[str, ...]
    accepted: int = 0
    gaps: tuple[Gap, ...] = ()

    @property
    def faults(self) -> dict[str, int]:
        """The faults that were found, in records, by name."""
        names = ("lost_write", "waiting", "aborted_read", "inconsistent_offset", "duplicate", "skip", "extra")
        return nonzero(**{name: getattr(self, name) for name in names})


def audit_landing(journal: Journal, lake: Path, topic: str) -> LandingBooks:
    """Compares the journal's records of `topic` (its full name) with its raw table.

    Raises:
        ContractError: the table or the journal is missing or not readable.
    """
    raw = open_table(raw_table(lake, topic), made_by=MADE_BY_LANDING)
    query = Query({"raw": raw}, journal.folders)
    journal.name_sent(query, topic)
    query.name("reached", _reached(raw, query))
    query.name("places", _PLACES)
    gaps = gaps_from_property(raw.metadata().configuration.get(GAPS_PROPERTY))
    accepted = _accepted(gaps)
    query.name("gaps", _GAPS.format(accepted=accepted, passed_over=_passed_over(gaps)))
    totals = query.row(_LANDING_TOTALS.format(accepted=accepted))
    books = LandingBooks(topic=topic, examples=(), gaps=gaps, **whole(totals))
    at_fault = _LANDING_EXAMPLES.format(accepted=accepted)
    return replace(books, examples=examples(query, at_fault, books.faults)) if books.faults else books


def _accepted(gaps: tuple[Gap, ...]) -> str:
    """SQL: whether a place is in an accepted gap. A journal does not know of topic ids, so any life's gap counts."""
    inside = [f"(p = {gap.partition:d} AND o >= {gap.first:d} AND o < {gap.end:d})" for gap in gaps]
    return f"({' OR '.join(inside) or 'false'})"


def _passed_over(gaps: tuple[Gap, ...]) -> str:
    """SQL over the raw rows of one life of a partition: the offsets behind its first row that were passed over."""
    each = [
        f"CASE WHEN _topic_id = {literal(gap.topic_id)} AND _partition = {gap.partition:d} "
        f"THEN greatest({gap.end:d} - greatest({gap.first:d}, min(_offset)), 0) ELSE 0 END"
        for gap in gaps
        if gap.reason == DELETED
    ]
    return " + ".join(each) or "0"


def _reached(raw: DeltaTable, query: Query) -> str:
    """SQL of the landed positions: p, position. Of a topic with several lives those of the newest that has one."""
    topic_ids = raw.metadata().configuration.get(TOPIC_IDS_PROPERTY)
    if topic_ids is None:
        return _ENDS_OF_RAW
    found = query.rows("SELECT DISTINCT p FROM (SELECT p FROM sent UNION ALL SELECT _partition FROM raw)")
    rows = []
    for partition in sorted(row["p"] for row in found):
        applications = [landing_application(each, partition) for each in reversed(topic_ids.split(","))]
        positions = [raw.transaction_version(application) for application in applications]
        rows.append(f"({partition}, {next((each for each in positions if each is not None), 0)})")
    return f"SELECT * FROM (VALUES {', '.join(rows)}) AS t(p, position)" if rows else _ENDS_OF_RAW
