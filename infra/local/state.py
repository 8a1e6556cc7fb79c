"""What is remembered of the embedded broker between its starts: its ports and its cluster."""

from __future__ import annotations

import base64
import json
import os
import re
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from .ports import LOOPBACK


@dataclass(frozen=True)
class BrokerState:
    """The content of `state.json`."""

    port: int
    controller_port: int
    cluster_id: str

    @property
    def address(self) -> str:
        """host:port, as clients want it."""
        return f"{LOOPBACK}:{self.port}"


def read_state(file: Path) -> BrokerState | None:
    """What was remembered; None when nothing was, or when a crash left half a file: then ports are chosen anew."""
    try:
        content = json.loads(file.read_text())
        return BrokerState(int(content["port"]), int(content["controller_port"]), str(content["cluster_id"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def write_state(file: Path, state: BrokerState) -> None:
    """Replaces the file as a whole."""
    temporary = file.with_suffix(".new")
    write_private(temporary, json.dumps(asdict(state)) + "\n")
    temporary.replace(file)


def write_private(file: Path, text: str) -> None:
    """Writes a file that only its owner may read."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)


def recorded_cluster_id(records: Path) -> str | None:
    """The cluster that a data folder belongs to; None when it is not one yet."""
    try:
        found = re.search(r"^cluster\.id=(.+)$", (records / "meta.properties").read_text(), re.MULTILINE)
    except FileNotFoundError:
        return None
    return found[1].strip() if found else None


def new_cluster_id() -> str:
    """A random cluster id in Kafka's form: 22 characters of URL-safe base64, the first of which is not a dash."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text
