"""The command line: `headrace VERB`. Each verb is a stage of the way, and says in its exit code how it went."""

from __future__ import annotations

from .app import main

__all__ = ["main"]
