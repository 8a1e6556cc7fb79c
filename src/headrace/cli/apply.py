"""The verb `apply`: the pipeline file becomes entities, feature views and services in Feast's registry."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from headrace.pipeline import load_pipeline
from headrace.settings import load_settings

from .options import Home, Lake, LockWait, PipelineFile
from .output import Result, print_message, step, table

if TYPE_CHECKING:
    from headrace.features.registry_changes import Change

Registry = Annotated[
    str | None, typer.Option(metavar="URL", help="SQLAlchemy URL of the registry. (default: SQLite under HOME)")
]
OnlineStore = Annotated[Path | None, typer.Option(help="Folder of the online store. (default: HOME/online)")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")]


def apply(
    pipeline: PipelineFile,
    dry_run: DryRun = False,
    registry: Registry = None,
    home: Home = None,
    lake: Lake = None,
    online_store: OnlineStore = None,
    lock_wait_s: LockWait = None,
) -> Result:
    """Register the features of a pipeline file with Feast; what changes is said before it is done."""
    from headrace.features.registry import apply_pipeline, plan_changes

    flags = {"registry": registry, "home": home, "lake": lake, "online_store": online_store, "lock_wait_s": lock_wait_s}
    settings, declared = load_settings(flags), load_pipeline(pipeline)
    if dry_run:
        changes = plan_changes(declared, settings)
    else:
        with step("apply"):
            changes = apply_pipeline(declared, settings, _announce)
    data: dict[str, Any] = {
        "project": declared.pipeline,
        "applied": not dry_run,
        "changes": [{"what": c.what, "kind": c.kind, "name": c.name, "details": list(c.details)} for c in changes],
    }
    return Result(data, _shown(changes))


def _announce(changes: Sequence[Change]) -> None:
    for change in changes:
        print_message(str(change))


def _shown(changes: Sequence[Change]) -> Table | str:
    if not changes:
        return "nothing changes: the registry says what the pipeline file says"
    return table(["what", "kind", "name", "details"], [(c.what, c.kind, c.name, "; ".join(c.details)) for c in changes])
