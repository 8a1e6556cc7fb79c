"""What cleaning made of each source, counted in the terms in which the replay predicts it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import ContractError
from .lake import Query, open_table
from .quarantine import MADE_BY_CLEANING, name_rejections
from .tables import SourceTables

# What a prediction says of a source, and what is counted here.
PREDICTED = ("records", "clean", "duplicates", "quarantine", "late", "unknown_fields")


def count_outcome(tables: SourceTables) -> dict[str, Any]:
    """Counts the tables of one source: rows that are clean, copies by kind, what stands as rejected by reason, and of
    the clean rows those that are flagged late and those that carry unknown fields.

    Raises:
        ContractError: a table is missing or not readable.
    """
    kinds = {"clean": tables.clean, "duplicates": tables.duplicates, "quarantine": tables.quarantine}
    query = Query({name: open_table(path, made_by=MADE_BY_CLEANING) for name, path in kinds.items()})
    name_rejections(query)
    counts = query.row(_COUNTS)
    duplicates = {"exact": counts.pop("exact"), "conflict": counts.pop("conflict")}
    quarantine = {row["reason"]: row["rows"] for row in query.rows(_REASONS)}
    records = counts["clean"] + sum(duplicates.values()) + sum(quarantine.values())
    return {"records": records, **counts, "duplicates": duplicates, "quarantine": quarantine}


def read_predictions(expected_file: Path) -> dict[str, dict[str, Any]]:
    """The prediction that a replay wrote, by source.

    Raises:
        ContractError: there is none, or it is not one.
    """
    try:
        sources: dict[str, dict[str, Any]] = json.loads(expected_file.read_text())["sources"]
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise ContractError(
            f"{expected_file} is not a prediction: {err}. A replay writes it before it sends anything"
        ) from err
    return sources


def differences(predicted: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Each number of `found` that is not the predicted one, in words; empty where all are."""
    expected_flat, found_flat = _flat(predicted), _flat(found)
    return [
        f"{name}: predicted {expected_flat.get(name, 0):,}, found {found_flat.get(name, 0):,}"
        for name in sorted(expected_flat.keys() | found_flat.keys())
        if expected_flat.get(name, 0) != found_flat.get(name, 0)
    ]


def _flat(counts: Mapping[str, Any]) -> dict[str, int]:
    flat: dict[str, int] = {}
    for name in PREDICTED:
        value = counts.get(name, 0)
        flat |= (
            {f"{name} {kind}": rows for kind, rows in value.items()} if isinstance(value, Mapping) else {name: value}
        )
    return flat


_COUNTS = """
    SELECT (SELECT count(*) FROM clean) AS clean,
           (SELECT count(*) FROM clean WHERE _late) AS late,
           (SELECT count(*) FROM clean WHERE _unknown_fields IS NOT NULL) AS unknown_fields,
           (SELECT count(*) FROM duplicates WHERE same_bytes) AS exact,
           (SELECT count(*) FROM duplicates WHERE NOT same_bytes) AS conflict
"""

_REASONS = "SELECT reason, count(*) AS rows FROM rejections GROUP BY reason"
