"""A plan as a row of the table of plans, which Spark writes and every engine reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from headrace.errors import ContractError
from headrace.pipeline.times import EPOCH
from headrace.tables import CREATED_AT

from .plan import Plan, PlanVersion

# Name to Spark SQL type. `body` is the plan as JSON; `inputs` are table versions by folder, as JSON.
COLUMNS = {
    "source": "string",
    "plan": "int",
    CREATED_AT: "timestamp",
    "definition": "string",
    "fit_from": "timestamp",
    "fit_to": "timestamp",
    "rows": "bigint",
    "inputs": "string",
    "code": "string",
    "body": "string",
}


def read_row(row: Mapping[str, Any]) -> PlanVersion:
    """The plan in a row of the table; timestamps are aware datetimes.

    Raises:
        ContractError: it is none that this version of Headrace can read.
    """
    try:
        return PlanVersion(
            source=row["source"],
            version=row["plan"],
            created_at_us=instant(row[CREATED_AT]) or 0,
            definition=row["definition"],
            from_us=instant(row["fit_from"]),
            to_us=instant(row["fit_to"]),
            inputs=json.loads(row["inputs"]),
            code=row["code"],
            plan=Plan.model_validate_json(row["body"]),
        )
    except (ValidationError, ValueError, KeyError, TypeError) as err:
        raise ContractError(
            f"plan {row.get('plan')} of source '{row.get('source')}' cannot be read: {err}. "
            "Another version of Headrace wrote it: fit again, or pin another plan"
        ) from err


def body_of(plan: Plan) -> str:
    """A plan as JSON: the same plan gives the same text."""
    return plan.model_dump_json(exclude_defaults=True)


def instant(at: datetime | None) -> int | None:
    """Microseconds since 1970 of an aware datetime."""
    return None if at is None else (at - EPOCH) // timedelta(microseconds=1)
