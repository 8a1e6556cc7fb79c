"""Feast's SQL registry with a version for each copy that a process takes of it.

Feast keeps what it lists of a copy by the copy's address in memory and its version. The SQL registry gives none, so a
new copy that lies where an old one lay is taken for it, and a view that an apply has changed goes on as it was.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from feast.infra.registry.sql import SqlRegistry

_copy = SqlRegistry.proto


def _copy_with_version(registry: SqlRegistry) -> Any:
    made = _copy(registry)
    made.version_id = uuid4().hex
    return made


def tell_copies_apart() -> None:
    """Gives every copy that this process takes of a SQL registry a version; a second time does nothing.

    For all registries at once, since what Feast keeps is the whole process's.
    """
    SqlRegistry.proto = _copy_with_version  # type: ignore[method-assign, assignment]
