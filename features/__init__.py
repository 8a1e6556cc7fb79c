"""What a feature is, and how it reaches trainers and inference. No JVM: trainers install this room alone.

    TrainingClient   training sets and features as of any instant, from the lake
    OnlineClient     the newest features by keys, from the online store

Both are loaded when they are first named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .online import OnlineClient
    from .training import TrainingClient

__all__ = ["OnlineClient", "TrainingClient"]

_MODULES = {"OnlineClient": "online", "TrainingClient": "training"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
