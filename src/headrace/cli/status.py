"""The verb `status`: what runs, what the tables hold, who lands, and how far landing is behind the topics."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType

from headrace.errors import HeadraceError
from headrace.settings import Settings, load_settings
from headrace.tables import SELECTIONS

from .landers import landers, landers_table
from .options import Brokers, Home, Lake
from .output import Result, print_message, table


def status(home: Home = None, brokers: Brokers = None, lake: Lake = None) -> Result:
    """Show the broker, every table of the lake with version and rows, who lands into it, and the lag by partition."""
    settings = load_settings({"home": home, "brokers": brokers, "lake": lake})
    running = _broker(settings)
    tables, unreadable = _tables(settings.lake)
    lags = _lags(settings, running, [name.removeprefix("raw/") for name in tables if name.startswith("raw/")])
    landing = landers(settings.lake)
    data = {"broker": running, "lake": str(settings.lake), "tables": tables, "unreadable": unreadable, "lag": lags}
    return Result(data | {"landers": landing}, _shown(settings, running, tables, lags, landing))


def _broker(settings: Settings) -> dict[str, Any] | None:
    from headrace.infra.local import broker

    found = broker.status(settings.home)
    return (
        {name: str(value) if isinstance(value, Path) else value for name, value in asdict(found).items()}
        if found
        else None
    )


def _tables(lake: Path) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Version, rows and size of each table, by its folder under the lake, for features also until when; and what is
    wrong with each that cannot be read, so that one broken table hides no other.
    """
    found, unreadable = {}, {}
    kinds = ("raw/*", f"*/{SELECTIONS}", "*/*/*/*")
    for log in sorted(log for kind in kinds for log in lake.glob(f"{kind}/_delta_log")):
        name = str(log.parent.relative_to(lake))
        try:
            found[name] = _table(log.parent)
        except HeadraceError as err:
            unreadable[name] = str(err)
            print_message(f"{name}: {err}")
    return found, unreadable


def _table(table_folder: Path) -> dict[str, Any]:
    from headrace.lake import open_table, state_of

    state = asdict(state_of(open_table(table_folder, made_by="Its job")))
    is_features = table_folder.parent.parent.name == "features"
    return state | ({"until": _until(table_folder)} if is_features else {})


def _until(table_folder: Path) -> str | None:
    from headrace.features.group_rows import latest_build_of
    from headrace.pipeline.times import iso

    build = latest_build_of(table_folder)
    return None if build is None else iso(build.until_us)


def _lags(settings: Settings, running: dict[str, Any] | None, topics: list[str]) -> list[dict[str, Any]]:
    """How far each partition has landed, and where it ends; nothing where no broker answers."""
    brokers = settings.brokers or (running and str(running["address"]))
    if not brokers or not topics:
        return []
    from headrace.ingestion.lag import partition_lags

    try:
        return [asdict(found) for found in partition_lags(brokers, settings.lake, topics)]
    except HeadraceError as err:
        print_message(f"no lag: {err}")
        return []


def _shown(
    settings: Settings,
    running: dict[str, Any] | None,
    tables: dict[str, dict[str, Any]],
    lags: list[dict[str, Any]],
    landing: list[dict[str, Any]],
) -> RenderableType:
    first = (
        f"broker: {running['address']} (process {running['pid']})"
        if running
        else "broker: the embedded one does not run"
    )
    parts: list[RenderableType] = [first, f"lake: {settings.lake}"]
    if tables:
        states = [
            (name, state["version"], state["rows"], state["files"], state.get("until") or "")
            for name, state in tables.items()
        ]
        parts += ["", table(["table", "version", "rows", "files", "built until"], states)]
    if landing:
        parts += ["", landers_table(landing)]
    if lags:
        columns = ["topic", "partition", "landed", "end", "lag"]
        parts += ["", table(columns, [[lag[column] for column in columns] for lag in lags])]
    return Group(*parts)
