"""The verbs `compact` and `vacuum`: few large files for many small ones, and the removal of those replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from headrace.errors import UsageError
from headrace.lake_tables import LakeTable, choose_tables
from headrace.settings import Settings, load_settings

from .options import Home, Lake, LockWait
from .output import Result, step, table

Topics = Annotated[list[str] | None, typer.Option("--topic", help="Only the raw table of this topic; may be repeated.")]
Tables = Annotated[
    list[str] | None, typer.Option("--table", help="Only this table, as `headrace status` names it; may be repeated.")
]
TargetMb = Annotated[int, typer.Option("--target-mb", min=1, help="Size up to which files are put together.")]
RetentionH = Annotated[int, typer.Option("--retention-h", help="Hours since a file was replaced; at least 168.")]
Manifests = Annotated[
    list[Path] | None,
    typer.Option("--manifest", help="A manifest that is not pinned in the lake, or a folder of some; may be repeated."),
]
Checkpoints = Annotated[
    list[Path] | None, typer.Option("--checkpoints", help="Checkpoints of streams outside the lake; may be repeated.")
]
Rebuilds = Annotated[
    bool, typer.Option("--rebuilds", help="Also remove the tables of earlier rebuilds, but those that somebody needs.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")]


def compact(
    topics: Topics = None,
    tables: Tables = None,
    target_mb: TargetMb = 128,
    home: Home = None,
    lake: Lake = None,
    lock_wait_s: LockWait = None,
) -> Result:
    """Put small data files together, beside running landers; without a table: all of raw, clean and features."""
    from headrace.compaction import NOT_COMPACTED
    from headrace.compaction import compact as put_together

    settings = load_settings({"home": home, "lake": lake, "lock_wait_s": lock_wait_s})
    chosen = choose_tables(settings.lake, tables or (), topics or ())
    if not (tables or topics):
        chosen = [each for each in chosen if each.kind not in NOT_COMPACTED]
    done = []
    with step("compact") as report:
        for each in chosen:
            report(each.name)
            done.append(put_together(each, target_mb=target_mb, lock_wait_s=settings.lock_wait_s))
    rows = [(found.table.name, found.version, found.removed, found.added) for found in done]
    columns = ["version", "removed", "added"]
    data = {"tables": {name: dict(zip(columns, counts, strict=True)) for name, *counts in rows}}
    return Result(data, table(["table", "version", "files replaced", "new files"], rows))


def vacuum(
    topics: Topics = None,
    tables: Tables = None,
    retention_h: RetentionH = 168,
    manifests: Manifests = None,
    checkpoints: Checkpoints = None,
    rebuilds: Rebuilds = False,
    dry_run: DryRun = False,
    home: Home = None,
    lake: Lake = None,
    lock_wait_s: LockWait = None,
) -> Result:
    """Remove data files that compactions have replaced, but those that a manifest or a stream still needs."""
    settings = load_settings({"home": home, "lake": lake, "lock_wait_s": lock_wait_s})
    if rebuilds and (tables or topics):
        raise UsageError("--rebuilds looks at all of the lake: leave --table and --topic out, or --rebuilds")
    chosen = choose_tables(settings.lake, tables or (), topics or ())
    with step("vacuum"):
        gone = _removed_rebuilds(settings, retention_h, manifests or [], dry_run=dry_run) if rebuilds else None
        left = [each for each in chosen if each.folder.exists()]
        done = _vacuumed(left, settings, retention_h, manifests or [], checkpoints or [], dry_run=dry_run)
    return done if gone is None else Result({**done.data, **gone.data}, Group(gone.shown or "", done.shown or ""))


def _removed_rebuilds(settings: Settings, retention_h: int, manifests: list[Path], *, dry_run: bool) -> Result:
    from headrace.earlier_rebuilds import earlier_rebuilds, remove

    found = earlier_rebuilds(settings.lake, retention_h=retention_h, manifests=manifests)
    sizes = {each.name: each.size_bytes for each in found}
    for each in found:
        if not (each.kept_by or dry_run):
            remove(each, lock_wait_s=settings.lock_wait_s)
    data = {
        each.name: {"removed": not each.kept_by, "bytes": sizes[each.name], "kept": list(each.kept_by)}
        for each in found
    }
    fate = "would go" if dry_run else "removed"
    rows = [(each.name, sizes[each.name], "; ".join(each.kept_by) or fate) for each in found]
    return Result({"rebuilds": data}, table(["earlier rebuild", "bytes", ""], rows))


def _vacuumed(
    chosen: list[LakeTable],
    settings: Settings,
    retention_h: int,
    manifests: list[Path],
    checkpoints: list[Path],
    *,
    dry_run: bool,
) -> Result:
    from headrace.vacuum import vacuum as remove_replaced

    done = [
        remove_replaced(
            each,
            settings.lake,
            retention_h=retention_h,
            manifests=manifests,
            checkpoints=checkpoints,
            dry_run=dry_run,
            lock_wait_s=settings.lock_wait_s,
        )
        for each in chosen
    ]
    data = {
        found.table.name: {"removed": len(found.removed), "bytes": found.size_bytes, "kept": dict(found.kept)}
        for found in done
    }
    header = "files that would go" if dry_run else "files removed"
    rows = [(found.table.name, len(found.removed), found.size_bytes) for found in done]
    parts: list[RenderableType] = [table(["table", header, "bytes"], rows)]
    for found in done:
        parts += [Text(f"{found.table.name}: kept {files:,} files: {who}") for who, files in found.kept.items()]
    return Result({"dry_run": dry_run, "tables": data}, Group(*parts))
