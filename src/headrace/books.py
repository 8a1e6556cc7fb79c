"""What both halves of the audit share: how books are counted, and how a few positions at fault are named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .lake import Query, literal

EXAMPLES = 5  # positions named for each audit that does not balance

MADE_BY_LANDING = "`headrace land`"


def nonzero(**counts: int) -> dict[str, int]:
    """The counts that are not zero."""
    return {name: count for name, count in counts.items() if count}


def whole(totals: Mapping[str, int | None]) -> dict[str, int]:
    """Sums over no rows are null in SQL, and 0 in the books."""
    return {name: count or 0 for name, count in totals.items()}


def examples(query: Query, faults: str, names: Iterable[str]) -> tuple[str, ...]:
    """Some positions at fault, in words; `faults` is SQL of fault, p, o, and `names` are the faults that were found.

    One after the other, because of all at once millions of positions do not fit into the memory of a query.
    """
    rows = [
        row
        for name in names
        for row in query.rows(
            f"SELECT fault, p, o FROM ({faults}) WHERE fault = {literal(name)} ORDER BY p, o LIMIT {EXAMPLES}"
        )
    ]
    first = sorted(rows, key=lambda row: (row["p"], row["o"], row["fault"]))[:EXAMPLES]
    return tuple(f"{row['fault']}: partition {row['p']}, offset {row['o']}" for row in first)
