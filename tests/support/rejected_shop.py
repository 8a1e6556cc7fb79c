"""Orders of the shop that strict rules reject and looser ones of the same definition accept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .raw_lake import Record, append_raw
from .shop import ORDERS, order

# `gift` may not be missing. It is an admission rule, so the tables are the same ones.
STRICT: dict[str, Any] = {
    "columns": {**ORDERS["columns"], "gift": {"type": "boolean", "required": True}},
}


def without_gift(number: int, **changes: object) -> bytes:
    """The record value of an order that says nothing of `gift`."""
    event = json.loads(order(number, **changes))
    del event["gift"]
    return json.dumps(event).encode()


# What becomes of each under the strict rules, and under the shop's own once it is replayed.
RECORDS = [
    Record(order(1), 0),  # clean
    Record(without_gift(2), 1),  # rejected; cleaned
    Record(without_gift(3), 2),  # rejected; cleaned
    Record(without_gift(3), 3),  # rejected; a copy of offset 2
    Record(without_gift(4), 4),  # rejected; a copy of offset 5, which was clean before it
    Record(order(4), 5),  # clean
    Record(b"{", 6),  # rejected; so it stays
    Record(order(5, shop="west"), 7),  # rejected; so it stays
    Record(without_gift(6, amount=-1.0), 8),  # rejected; so it stays, for another reason
    Record(without_gift(1), 9),  # rejected; a copy of offset 0
    Record(order(7), 10),  # clean
]
REJECTED_FOR = {
    **dict.fromkeys([1, 2, 3, 4, 8, 9], "missing_field"),
    6: "invalid_json",
    7: "not_allowed",
}
CLEANED = {1, 2}
DUPLICATES = {3: 2, 4: 5, 9: 0}  # to the offset of the winner
STILL_REJECTED = {6: "invalid_json", 7: "not_allowed", 8: "out_of_range"}


def land_rejected(lake: Path) -> Path:
    """Lands `RECORDS`, and gives the lake."""
    append_raw(lake, "orders", RECORDS)
    return lake
