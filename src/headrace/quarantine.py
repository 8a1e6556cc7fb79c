"""The quarantine as a reader sees it: which records stand as rejected, why, and what they look like.

A position stands as rejected while its newest attempt is a rejection and it is in neither clean nor duplicates. Between
the last write of a replay and the ones before it, a record is already placed although its newest attempt is still a
rejection: it counts where it is placed, and the next replay finishes what is missing.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .lake import Query, literal, open_table
from .log_lines import printable
from .tables import SourceTables

MADE_BY_CLEANING = "`headrace clean`"

EXAMPLES = 3  # records shown of each group, the newest arrivals first
SHOWN_BYTES = 160  # of each of their values and keys

_SAME_POSITION = "a._topic_id = b._topic_id AND a._partition = b._partition AND a._offset = b._offset"

# The newest attempt at each position; more than one row of it where the books are wrong.
_NEWEST_ATTEMPTS = """
    SELECT * FROM (
        SELECT *, rank() OVER (PARTITION BY _topic_id, _partition, _offset ORDER BY attempt DESC) AS age
        FROM quarantine
    ) WHERE age = 1
"""
_ACCEPTED_POSITIONS = """
    SELECT _topic_id, _partition, _offset FROM clean
    UNION ALL SELECT _topic_id, _partition, _offset FROM duplicates
"""
_REJECTIONS = f"""
    SELECT a.* FROM newest_attempts AS a LEFT ANTI JOIN accepted_positions AS b ON {_SAME_POSITION}
    WHERE a.outcome = 'rejected'
"""
_UNFINISHED = f"""
    SELECT a.* FROM newest_attempts AS a LEFT SEMI JOIN accepted_positions AS b ON {_SAME_POSITION}
    WHERE a.outcome = 'rejected'
"""


def name_rejections(query: Query) -> None:
    """Names four views over the tables `clean`, `duplicates` and `quarantine` of a query.

    newest_attempts      quarantine rows, the newest attempt at each position
    accepted_positions   the positions in clean and in duplicates
    rejections           those of newest_attempts that stand as rejected
    unfinished           rejections of records that a replay has placed since, without having said so
    """
    query.name("newest_attempts", _NEWEST_ATTEMPTS)
    query.name("accepted_positions", _ACCEPTED_POSITIONS)
    query.name("rejections", _REJECTIONS)
    query.name("unfinished", _UNFINISHED)


@dataclass(frozen=True)
class Example:
    """A rejected record; `key` and `value` are cut, and escaped so that a terminal shows them and does nothing else."""

    generation: int
    partition: int
    offset: int
    arrived_at: datetime
    detail: str
    key: str | None
    value: str | None
    value_bytes: int | None


@dataclass(frozen=True)
class RejectionGroup:
    """The records that stand as rejected for one reason and one kind of detail: the detail without its numbers."""

    reason: str
    detail: str
    records: int
    first_arrived_at: datetime
    last_arrived_at: datetime
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class QuarantineSummary:
    """What stands in the quarantine of a source: `rejected` records in `groups` and, left out, `more_groups`.

    `cleaned` and `duplicate` count the records that a replay has accepted since.
    """

    rejected: int
    cleaned: int
    duplicate: int
    groups: tuple[RejectionGroup, ...]
    more_groups: int


def summarize_quarantine(tables: SourceTables, reasons: Iterable[str] = (), *, limit: int) -> QuarantineSummary:
    """Groups what stands as rejected for one of `reasons`, or for any; the `limit` largest groups are given.

    Raises:
        ContractError: a table is missing or not readable.
    """
    kinds = {"clean": tables.clean, "duplicates": tables.duplicates, "quarantine": tables.quarantine}
    query = Query({name: open_table(path, made_by=MADE_BY_CLEANING) for name, path in kinds.items()})
    name_rejections(query)
    chosen = ", ".join(literal(reason) for reason in reasons)
    query.name(
        "asked", f"SELECT *, {_KIND} AS kind FROM rejections" + (f" WHERE reason IN ({chosen})" if chosen else "")
    )
    query.name("grouped", _GROUPED)
    query.name("shown", f"SELECT * FROM grouped ORDER BY records DESC, reason, kind LIMIT {int(limit)}")
    totals, examples = query.row(_TOTALS), query.rows(_EXAMPLES)
    groups = tuple(
        _group(row, examples) for row in query.rows("SELECT * FROM shown ORDER BY records DESC, reason, kind")
    )
    return QuarantineSummary(
        rejected=totals["rejected"],
        cleaned=totals["cleaned"],
        duplicate=totals["duplicate"],
        groups=groups,
        more_groups=totals["groups"] - len(groups),
    )


def shown_bytes(content: bytes | None, *, cut: bool = False) -> str | None:
    """Bytes as text on one line, harmless to a terminal: what is not UTF-8 or not printable is escaped.

    `cut` says that more bytes follow: the beginning of a character at the end is then left out.
    """
    if content is None:
        return None
    text = codecs.getincrementaldecoder("utf-8")("backslashreplace").decode(content, final=not cut)
    return printable(text) + ("…" if cut else "")


# A detail without the numbers and instants that are words of it, so that a thousand values out of range are one group.
_KIND = r"regexp_replace(regexp_replace(detail, '(^| )[-+]?[0-9][^ ,]*', '\1…', 'g'), '… …', '…', 'g')"

_GROUPED = """
    SELECT reason, kind, count(*) AS records, min(arrived_at) AS first_arrived_at, max(arrived_at) AS last_arrived_at
    FROM asked GROUP BY reason, kind
"""
_TOTALS = """
    SELECT (SELECT count(*) FROM asked) AS rejected,
           (SELECT count(*) FROM grouped) AS groups,
           count(*) FILTER (WHERE outcome = 'cleaned') AS cleaned,
           count(*) FILTER (WHERE outcome = 'duplicate') AS duplicate
    FROM newest_attempts
"""
# The bytes of a record are in its first attempt; twice as many characters of hex are the bytes to show, and one more.
_CUT = 2 * (SHOWN_BYTES + 1)
_EXAMPLES = f"""
    SELECT b.reason, b.kind, b.detail, a._generation, a._partition, a._offset, b.arrived_at,
           left(encode(a.key, 'hex'), {_CUT}) AS key, left(encode(a.value, 'hex'), {_CUT}) AS value,
           character_length(encode(a.value, 'hex')) / 2 AS value_bytes
    FROM quarantine AS a JOIN (
        SELECT * FROM (
            SELECT asked.reason, asked.kind, detail, _topic_id, _partition, _offset, arrived_at,
                   row_number() OVER (
                       PARTITION BY asked.reason, asked.kind ORDER BY arrived_at DESC, _generation, _partition, _offset
                   ) AS place
            FROM asked JOIN shown ON asked.reason = shown.reason AND asked.kind = shown.kind
        ) WHERE place <= {EXAMPLES}
    ) AS b ON {_SAME_POSITION}
    WHERE a.attempt = 1 ORDER BY b.place
"""


def _group(row: dict[str, Any], examples: Iterable[dict[str, Any]]) -> RejectionGroup:
    ours = [example for example in examples if (example["reason"], example["kind"]) == (row["reason"], row["kind"])]
    return RejectionGroup(
        reason=row["reason"],
        detail=row["kind"],
        records=row["records"],
        first_arrived_at=row["first_arrived_at"],
        last_arrived_at=row["last_arrived_at"],
        examples=tuple(_example(example) for example in ours),
    )


def _example(row: dict[str, Any]) -> Example:
    return Example(
        generation=row["_generation"],
        partition=row["_partition"],
        offset=row["_offset"],
        arrived_at=row["arrived_at"],
        detail=printable(row["detail"]),
        key=_shown_hex(row["key"]),
        value=_shown_hex(row["value"]),
        value_bytes=row["value_bytes"],
    )


def _shown_hex(text: str | None) -> str | None:
    if text is None:
        return None
    content = bytes.fromhex(text)
    return shown_bytes(content[:SHOWN_BYTES], cut=len(content) > SHOWN_BYTES)
