"""The verb `fsck`: every table of the lake read as files; what is damaged is named, and repaired where that is safe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from headrace.errors import CheckFailed, UsageError
from headrace.lake_tables import choose_tables
from headrace.settings import load_settings

from .options import Home, Lake
from .output import Result, step, table

if TYPE_CHECKING:
    from headrace.fsck import Checked, Finding

LEAST_LITTER_AGE_H = 1.0  # far longer than any commit takes

Topics = Annotated[list[str] | None, typer.Option("--topic", help="Only the raw table of this topic; may be repeated.")]
Tables = Annotated[
    list[str] | None, typer.Option("--table", help="Only this table, as `headrace status` names it; may be repeated.")
]
Mend = Annotated[bool, typer.Option("--repair", help="Do the repairs that lose nothing.")]
Deep = Annotated[bool, typer.Option("--deep", help="Read every data file, page by page, and compare it with the log.")]
LitterAge = Annotated[
    float, typer.Option("--litter-age-h", help="With --repair: how many hours old a file must be that nobody needs.")
]
LockWait = Annotated[float, typer.Option("--lock-wait-s", help="With --repair: seconds to wait for writers.")]


def fsck(
    topics: Topics = None,
    tables: Tables = None,
    deep: Deep = False,
    repair: Mend = False,
    litter_age_h: LitterAge = 168.0,
    lock_wait_s: LockWait = 10.0,
    home: Home = None,
    lake: Lake = None,
) -> Result:
    """Find every damage of the lake's tables, with its consequence and its repair; exit 3 where one is left."""
    from headrace.fsck import check_table, repair_table

    if litter_age_h < LEAST_LITTER_AGE_H:
        raise UsageError(
            f"--litter-age-h {litter_age_h:g}: a younger file may be of a commit in flight. "
            f"The least is {LEAST_LITTER_AGE_H:g}"
        )
    settings = load_settings({"home": home, "lake": lake})
    checked = []
    with step("fsck") as report:
        for each in choose_tables(settings.lake, tables or (), topics or ()):
            report(each.name)
            checked.append(
                repair_table(each, deep=deep, litter_age_h=litter_age_h, lock_wait_s=lock_wait_s)
                if repair
                else check_table(each, deep=deep)
            )
    sound = all(found.is_sound for found in checked)
    code = 0 if sound else CheckFailed.exit_code
    return Result(_data(checked, sound), _shown(checked, settings.lake), exit_code=code)


def _data(checked: Sequence[Checked], sound: bool) -> dict[str, Any]:
    return {
        "sound": sound,
        "tables": {
            found.table.name: {
                "version": found.version,
                "files": found.files,
                "findings": [_as_json(finding) for finding in found.findings],
                "repaired": [_as_json(finding) for finding in found.repaired],
            }
            for found in checked
        },
    }


def _as_json(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind.value,
        "file": finding.file,
        "found": finding.found,
        "consequence": finding.consequence,
        "advice": finding.advice,
        "damage": finding.is_damage,
        "repairable": finding.repair is not None,
    }


def _shown(checked: Sequence[Checked], lake: Path) -> RenderableType:
    if not checked:
        return f"{lake} has no tables"
    rows = [(found.table.name, found.version, found.files, _in_words(found)) for found in checked]
    parts: list[RenderableType] = [table(["table", "version", "files", "found"], rows)]
    for found in checked:
        parts += [_told(finding, "repaired") for finding in found.repaired]
        parts += [_told(finding, "damaged" if finding.is_damage else "not needed") for finding in found.findings]
    return Group(*parts)


def _told(finding: Finding, state: str) -> Text:
    lines = [f"\n{state}: {finding.table.name}/{finding.file} ({finding.kind.value})", f"  {finding.found}"]
    if state == "repaired" and finding.repair:
        return Text("\n".join([*lines, f"  done: {finding.repair.value}"]))
    return Text("\n".join([*lines, f"  {finding.consequence}", f"  repair: {finding.advice}"]))


def _in_words(found: Checked) -> str:
    damages = sum(finding.is_damage for finding in found.findings)
    rest = len(found.findings) - damages
    words = [f"{damages} damaged"] if damages else ["sound"]
    words += [f"{rest} not needed"] if rest else []
    words += [f"{len(found.repaired)} repaired"] if found.repaired else []
    return ", ".join(words)
