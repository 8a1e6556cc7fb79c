"""The options that several verbs share, each said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headrace.log_lines import LogFormat

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
MaxBuffered = Annotated[
    int | None,
    typer.Option("--max-buffered-mib", help="Memory for what is read and not landed, in MiB. (default: 256)"),
]
MetricsPort = Annotated[
    int | None,
    typer.Option(help="Serve /metrics, /healthz and /readyz on this port; 0: any that is free. (default: none)"),
]
MetricsAddress = Annotated[str | None, typer.Option(help="The address to serve them on. (default: 127.0.0.1)")]
LogLines = Annotated[
    LogFormat | None, typer.Option("--log-format", help="How the log on stderr is written. (default: text)")
]
PipelineFile = Annotated[Path, typer.Option("--pipeline", "-p", help="The pipeline file.")]
