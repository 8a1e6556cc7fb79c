"""A small source for tests of the cleaning jobs: the orders of a shop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from headrace.pipeline import Pipeline, Source

ORDERS: dict[str, Any] = {
    "topic": "orders",
    "event_id": ["id"],
    "event_at": "at",
    "late": {"after": "6d", "action": "keep"},
    "columns": {
        "id": {"type": "string", "required": True},
        "at": {"type": "timestamp", "required": True},
        "shop": {"type": "string", "one_of": ["north", "south"]},
        "amount": {"type": "double", "between": [0, 10000]},
        "pieces": {"type": "long"},
        "gift": {"type": "boolean"},
    },
    "derive": {"hour": {"type": "long", "value": "hour(at)"}},
    "clean": {
        "amount": {"outliers": {"method": "bounds", "low": 1, "high": 500, "action": "clip"}},
        "pieces": {
            "outliers": {"method": "bounds", "high": 100, "action": "null_value"},
            "missing": {"fill": "constant", "value": 1},
        },
    },
}


def shop(**changes: Any) -> Pipeline:
    """The pipeline of the shop, whose one source differs from `ORDERS` by `changes`."""
    return Pipeline(pipeline="shop", sources={"orders": ORDERS | changes})


def orders(**changes: Any) -> Source:
    """The shop's one source."""
    return shop(**changes).sources["orders"]


def write_shop(path: Path, **changes: Any) -> Path:
    """Writes the pipeline file of the shop (JSON is YAML) and gives `path`."""
    path.write_text(json.dumps({"pipeline": "shop", "sources": {"orders": ORDERS | changes}}))
    return path


def order(number: int, **changes: Any) -> bytes:
    """The record value of one order."""
    event = {
        "id": f"order-{number}",
        "at": "2013-01-01T10:15:00Z",
        "shop": "north",
        "amount": 5.0,
        "pieces": 2,
        "gift": False,
    }
    return json.dumps(event | changes).encode()
