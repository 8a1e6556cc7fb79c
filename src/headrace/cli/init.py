"""The verb `init`: a first pipeline file, drafted from a sample of topics."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.markup import escape

from headrace.errors import UsageError
from headrace.pipeline.declared import NAME_HINT, NAME_PATTERN
from headrace.pipeline.model import NOT_A_PIPELINE_NAME
from headrace.pipeline.source import TOPIC_PATTERN
from headrace.settings import load_settings

from .machine import brokers_of
from .options import Brokers, Home, TopicPrefix
from .output import Result, step, table

if TYPE_CHECKING:
    from headrace.draft import Draft

PipelineName = Annotated[str, typer.Argument(metavar="NAME", help="The name of the pipeline.")]
Topics = Annotated[list[str] | None, typer.Option("--topic", help="Draft a source of this topic; may be repeated.")]
Sample = Annotated[
    int, typer.Option("--sample", min=1, max=1_000_000, help="Records to read of each topic, and 16 MiB at most.")
]
Out = Annotated[Path | None, typer.Option("--out", help="The file to write. (default: NAME.yaml)")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")]


def init(
    name: PipelineName,
    topics: Topics = None,
    sample: Sample = 10_000,
    out: Out = None,
    force: Force = False,
    home: Home = None,
    brokers: Brokers = None,
    topic_prefix: TopicPrefix = None,
) -> Result:
    """Write a first pipeline file from a sample of topics, with what speaks for each choice beside it."""
    _check_name(name)
    _check_topics(topics or [])
    file = out or Path(f"{name}.yaml")
    _check_file(file, force=force)
    settings = load_settings({"home": home, "brokers": brokers, "topic_prefix": topic_prefix})
    from headrace.draft import draft_pipeline
    from headrace.ingestion.sample import sample_topics

    with step("init") as report:
        asked = {topic: settings.topic(topic) for topic in topics or ()}
        samples = sample_topics(asked, brokers_of(settings), records=sample, max_batch_bytes=settings.max_batch_bytes)
        report(f"read {sum(len(each.records) for each in samples):,} records")
        draft = draft_pipeline(name, samples)
    _write(file, draft.text, force=force)
    return _result(name, file, draft)


def _check_name(name: str) -> None:
    if not re.fullmatch(NAME_PATTERN, name):
        raise UsageError(f"'{name}' is not a name for a pipeline. {NAME_HINT}")
    if name in NOT_A_PIPELINE_NAME:
        raise UsageError(f"the name '{name}' is reserved: the lake has a folder of that name. Choose another")


def _check_topics(topics: list[str]) -> None:
    if not topics:
        raise UsageError("which topics? Name each with --topic; `headrace init shop --topic orders --topic returns`")
    for topic in topics:
        if not re.fullmatch(TOPIC_PATTERN, topic) or topic in (".", ".."):
            raise UsageError(f"'{topic}' is no topic: Kafka's names have a-z, A-Z, 0-9, '.', '_' and '-'")


def _check_file(file: Path, *, force: bool) -> None:
    if file.is_dir():
        raise UsageError(f"{file} is a folder. Name the file to write with --out")
    if file.exists() and not force:
        raise UsageError(f"{file} is there already, and is not overwritten. Name another with --out, or say --force")
    if not file.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {file.absolute().parent}. Make it first, or name another file with --out")


def _write(file: Path, text: str, *, force: bool) -> None:
    try:
        with file.open("w" if force else "x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError as err:
        raise UsageError(f"{file} was made by somebody else meanwhile, and is not overwritten") from err
    except OSError as err:
        raise UsageError(f"{file} cannot be written: {err.strerror}. Name another file with --out") from err


def _result(name: str, file: Path, draft: Draft) -> Result:
    sources: dict[str, dict[str, Any]] = {
        each.source: {
            "topic": each.topic,
            "documents": len(each.documents),
            "columns": each.types(),
            "event_id": list(each.event_id.columns),
            "event_at": each.event_time.expression,
        }
        for each in draft.found
    }
    decide = [{"line": line, "what": what} for line, what in draft.decisions()]
    shown = table(
        ["source", "topic", "documents", "columns", "event id", "event_at"],
        [
            (each, s["topic"], s["documents"], len(s["columns"]), ", ".join(s["event_id"]), s["event_at"])
            for each, s in sources.items()
        ],
    )
    ask = [f"{file}:{line}: decide: {what}" for line, what in draft.decisions()]
    after = f"{file} was written. Look at it, then: headrace pipeline check {file}"
    data = {"pipeline": name, "file": str(file), "sources": sources, "decide": decide}
    return Result(data, Group(shown, *(escape(line) for line in (*ask, after))))
