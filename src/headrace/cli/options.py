"""The options that several verbs share, each said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="One machine-readable line on stdout.")]
Home = Annotated[Path | None, typer.Option(help="Folder of the embedded broker and its state. (default: .headrace)")]
Brokers = Annotated[
    str | None, typer.Option(help="host:port[,host:port] of a Kafka cluster. (default: the embedded one)")
]
Lake = Annotated[Path | None, typer.Option(help="Root folder of the Delta tables. (default: HOME/lake)")]
TopicPrefix = Annotated[str | None, typer.Option(help="Put before every topic name of the pipeline file.")]
LockWait = Annotated[
    float | None, typer.Option("--lock-wait-s", help="Seconds to wait for another writer. (default: 600)")
]
PipelineFile = Annotated[Path, typer.Option("--pipeline", "-p", help="The pipeline file.")]
