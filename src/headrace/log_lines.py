"""Log lines: one record, one line, as text or as a JSON object, in which nothing that others chose can look like more.

Names of topics, messages of brokers and whatever else comes from outside may hold line breaks, escape sequences of
terminals or text that runs backwards. None of these leaves this file as it came.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from enum import Enum
from typing import Any


class LogFormat(Enum):
    """How log lines are written."""

    TEXT = "text"
    JSON = "json"


def printable(text: str, *, keep: str = "") -> str:
    """`text` on one line: what is not printable (control characters, line ends, marks of direction) is escaped.

    It is written as Python writes it; the characters in `keep` stay as they are.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in keep else repr(each)[1:-1] for each in text)


class TextLines(logging.Formatter):
    """`2013-01-01T10:15:00.123Z WARNING message`, a stack trace on the same line."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        return f"{_time(record)} {record.levelname} {printable(super().format(record))}"


class JsonLines(logging.Formatter):
    """An object with time, level, logger, message, fields (those that the call gave) and, after an error, its trace."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, in ASCII."""
        content: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "fields": getattr(record, "fields", {}),
        }
        if record.exc_info:
            content["trace"] = self.formatException(record.exc_info)
        return json.dumps(content, default=str)


def log_to_stderr(form: LogFormat, level: int) -> None:
    """Sends the log of this process to stderr, in this format; where it is JSON, Python's own warnings, too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form is LogFormat.JSON else TextLines())
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.captureWarnings(form is LogFormat.JSON)


def speaks_json() -> bool:
    """Whether `log_to_stderr` has chosen JSON, so that stderr must hold nothing else."""
    return any(isinstance(handler.formatter, JsonLines) for handler in logging.getLogger().handlers)


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
