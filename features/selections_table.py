"""The table of selections in the lake, a row a version, and the file that says which are pinned.

<pipeline>/selections                written by features (deltalake)
<pipeline>/selections.pinned.json    {"late15": 3}
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError

from headrace import locks, pinned_versions
from headrace.errors import ContractError, MachineError
from headrace.lake import open_table, read_columns
from headrace.tables import SelectionsTable, selections_table

from .pushed_rows import PROPERTIES
from .selection import Selection, Selections, known_of

# What people ask of the table in SQL; `body` is the whole selection as JSON, which alone is read back.
SCHEMA = pa.schema(
    [
        ("service", pa.string()),
        ("selection", pa.int32()),
        ("definition", pa.string()),
        ("created_at", pa.timestamp("us", "UTC")),
        ("measure", pa.string()),
        ("above", pa.float64()),
        ("fit_from", pa.timestamp("us", "UTC")),
        ("fit_to", pa.timestamp("us", "UTC")),
        ("rows", pa.int64()),
        ("kept", pa.list_(pa.string())),
        ("dropped", pa.list_(pa.string())),
        ("body", pa.string()),
    ]
)


def read_selections(lake: Path, pipeline: str, service: str) -> Selections:
    """All selections of a service, and its pin; empty where nothing was decided yet.

    Raises:
        ContractError: the table or the file of pins cannot be read.
    """
    places = selections_table(lake, pipeline)
    return known_of(service, _versions(places), pinned_versions.read_pins(places.pinned))


def store_selection(lake: Path, pipeline: str, found: Selection, *, lock_wait_s: float) -> Selection:
    """Writes a selection as the next version of its service, in one commit; gives it with its number.

    Raises:
        LockTimeout: another process writes selections of this pipeline.
        MachineError: the table cannot be written.
    """
    places = selections_table(lake, pipeline)
    with locks.exclusive(places.lock, wait_s=lock_wait_s, purpose=f"prune {found.service}"):
        own = known_of(found.service, _versions(places), {}).versions
        numbered = replace(found, version=own[-1].version + 1 if own else 1)
        try:
            if not DeltaTable.is_deltatable(str(places.path)):
                DeltaTable.create(str(places.path), SCHEMA, configuration=PROPERTIES)
            write_deltalake(str(places.path), _row(numbered), mode="append")
        except (DeltaError, OSError) as err:
            raise MachineError(f"{places.path} cannot be written: {err}. No selection was stored") from err
    return numbered


def _versions(places: SelectionsTable) -> list[Selection]:
    if not (places.path / "_delta_log").is_dir():
        return []
    try:
        bodies = read_columns(open_table(places.path, made_by="`headrace prune`"), ["body"]).column("body").to_pylist()
        return [Selection.from_json(json.loads(body)) for body in bodies]
    except (ValueError, TypeError, KeyError) as err:
        raise ContractError(f"{places.path} holds a row that is no selection of this version: {err!r}") from err


def _row(found: Selection) -> pa.Table:
    stamps = {"created_at": found.created_at_us, "fit_from": found.from_us, "fit_to": found.to_us}
    values = {
        "service": found.service,
        "selection": found.version,
        "definition": found.definition,
        "measure": found.measure,
        "above": found.above,
        "rows": found.rows,
        "kept": list(found.kept),
        "dropped": [one.feature for one in found.dropped],
        "body": json.dumps(found.to_json()),
    }
    columns = {name: pa.array([value], SCHEMA.field(name).type) for name, value in values.items()}
    columns |= {name: pa.array([us], pa.int64()).cast(SCHEMA.field(name).type) for name, us in stamps.items()}
    return pa.table({name: columns[name] for name in SCHEMA.names}, schema=SCHEMA)


def write_pin(lake: Path, pipeline: str, service: str, number: int | None, *, lock_wait_s: float) -> None:
    """Pins a selection of a service, or, with None, lets the newest hold again.

    Raises:
        LockTimeout: another process writes selections of this pipeline.
        ContractError: the file of pins cannot be read.
        MachineError: it cannot be written.
    """
    places = selections_table(lake, pipeline)
    with locks.exclusive(places.lock, wait_s=lock_wait_s, purpose=f"pin a selection of {service}"):
        try:
            pinned_versions.write_pin(places.pinned, service, number)
        except OSError as err:
            raise MachineError(f"{places.pinned} cannot be written: {err}. What was pinned is as it was") from err
