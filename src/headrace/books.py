"""What both halves of the audit share: how books are counted, and how a few positions at fault are named."""

from __future__ import annotations

from collections.abc import Mapping

from .lake import Query

EXAMPLES = 5  # positions named for each audit that does not balance

MADE_BY_LANDING = "`headrace land`"


def nonzero(**counts: int) -> dict[str, int]:
    """The counts that are not zero."""
    return {name: count for name, count in counts.items() if count}


def whole(totals: Mapping[str, int | None]) -> dict[str, int]:
    """Sums over no rows are null in SQL, and 0 in the books."""
    return {name: count or 0 for name, count in totals.items()}


def examples(query: Query, faults: str) -> tuple[str, ...]:
    """Some positions at fault, in words; `faults` is SQL of fault, p, o."""
    rows = query.rows(f"SELECT fault, p, o FROM ({faults}) ORDER BY p, o, fault LIMIT {EXAMPLES}")
    return tuple(f"{row['fault']}: partition {row['p']}, offset {row['o']}" for row in rows)
