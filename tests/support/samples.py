"""Samples of topics, made by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from headrace.draft import SampledRecord, TopicSample
from headrace.pipeline.times import EPOCH

SECOND_US, MINUTE_US, HOUR_US, DAY_US = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
START_US = (datetime(2024, 3, 1, tzinfo=UTC) - EPOCH).days * DAY_US


def iso(at_us: int) -> str:
    """An instant as producers write it."""
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat().replace("+00:00", "Z")


def sample_of(
    documents: Iterable[Mapping[str, Any] | bytes | None],
    *,
    topic: str = "orders",
    key: str | None = None,
    stamped_at: str | None = None,
    stamps_us: Iterable[int | None] | None = None,
) -> TopicSample:
    """One partition with these documents in order; bytes and None are sent as they are.

    The record's key is the text of the field `key`; it is stamped with `stamps_us`, else with the ISO 8601 time in the
    field `stamped_at`, else a minute apart from `START_US` on.
    """
    sent = list(documents)
    stamps = (
        list(stamps_us) if stamps_us is not None else [START_US + number * MINUTE_US for number in range(len(sent))]
    )
    records = []
    for offset, (document, stamp_us) in enumerate(zip(sent, stamps, strict=True)):
        told = document if isinstance(document, Mapping) else {}
        at = datetime.fromisoformat(told[stamped_at]) if stamped_at and stamped_at in told else None
        records.append(
            SampledRecord(
                partition=0,
                offset=offset,
                timestamp_us=stamp_us if at is None else int(at.timestamp() * 1e6),
                key=str(told[key]).encode() if key is not None and key in told else None,
                value=json.dumps(document).encode() if isinstance(document, Mapping) else document,
            )
        )
    return TopicSample(topic, records, len(records), 1)


def orders(count: int = 200) -> list[dict[str, Any]]:
    """Orders of a shop: five customers, one order a minute, a note now and then."""
    return [
        {
            "order_id": f"o-{number}",
            "customer_id": f"c-{number % 5}",
            "ordered_at": iso(START_US + number * MINUTE_US),
            "pieces": number % 4 + 1,
            "amount": number * 1.25,
            "gift": number % 3 == 0,
            "note": None if number % 2 else f"note {number}",
        }
        for number in range(count)
    ]
