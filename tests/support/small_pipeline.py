"""A small pipeline file that uses every part of the grammar, to be changed line by line in tests."""

from __future__ import annotations

from pathlib import Path

from headrace.pipeline import Pipeline, load_pipeline

SMALL = """\
pipeline: shop
sources:
  orders:
    topic: orders
    event_id: [order_id]
    event_at: ordered_at
    late: {after: 7d, action: keep}
    copies_within: 30d
    columns:
      order_id: {type: string, required: true}
      customer: {type: string}
      shop: {type: string, one_of: [north, south]}
      ordered_at: {type: timestamp, required: true}
      paid_at: {type: timestamp}
      amount: {type: double, between: [0, 10000]}
      pieces: {type: long}
      gift: {type: boolean}
    derive:
      hour_of_day: {type: long, value: hour(ordered_at)}
    fit: {from: 2024-01-01, to: 2024-06-01}
    clean:
      amount: {outliers: {method: mad, threshold: 6, by: [shop], action: clip}, missing: {fill: median}}
      pieces: {outliers: {method: bounds, low: 1, high: 100}, missing: {fill: constant, value: 1}}
  returns:
    topic: returns
    event_id: [order_id]
    event_at: returned_at
    columns:
      order_id: {type: string}
      customer: {type: string}
      returned_at: {type: timestamp}
  customers:
    table: customers
    event_id: [customer]
    columns:
      customer: {type: string}
      since: {type: date}
entities:
  buyer: {keys: [customer]}
features:
  buyer_orders:
    entity: buyer
    source: orders
    aggregate:
      orders: {count: events}
      amount: [mean, max]
    windows: [1h, 24h]
    hop: 5m
    ttl: 2d
  buyer_last:
    entity: buyer
    source: orders
    latest: [amount, shop]
    carry: {amount: 3h}
  buyer_facts:
    entity: buyer
    source: customers
    latest: [since]
services:
  returns:
    features: [buyer_orders, buyer_last, buyer_facts]
    prune: {measure: pearson, above: 0.95, fit: {from: 2024-01-01, to: 2024-06-01}}
training_sets:
  returns:
    service: returns
    rows: {source: orders, at: ordered_at}
    label: {source: returns, by: [order_id], type: boolean, value: returned_at is not null}
    extra:
      amount: {type: double, value: amount}
    split: {train: {until: 2024-06-01}, test: {until: 2024-07-01}, embargo: 1d}
"""


def small(changes: dict[int, str] | None = None) -> str:
    """The file with some of its lines, counted from 1, replaced by other text."""
    lines = SMALL.splitlines()
    for number, text in (changes or {}).items():
        lines[number - 1] = text
    return "\n".join(lines) + "\n"


def load_text(text: str | bytes, folder: Path) -> Pipeline:
    """The pipeline that `text` is, loaded from a file in `folder`."""
    path = folder / "p.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_pipeline(path)
