"""The lock of a source, and that its tables are still the present ones once it is held."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .errors import Superseded
from .locks import exclusive
from .rebuilds import present_number
from .tables import SourceTables


@contextmanager
def source_lock(tables: SourceTables, *, wait_s: float, purpose: str) -> Iterator[None]:
    """Holds the source alone, to write into `tables`.

    Raises:
        LockTimeout: another run held it for `wait_s` seconds.
        Superseded: another rebuild was switched to since whoever asks has looked.
        ContractError: what is present cannot be read.
    """
    with exclusive(tables.lock, wait_s=wait_s, purpose=purpose):
        require_present(tables)
        yield


def require_present(tables: SourceTables) -> None:
    """Refuses tables that are no longer the present ones. The caller holds the lock of the source.

    Raises:
        Superseded: they are not.
        ContractError: what is present cannot be read.
    """
    present = present_number(tables.rebuilds, tables.clean.parent, tables.definition)
    if present != tables.number:
        source = tables.clean.parent.name
        raise Superseded(
            f"source '{source}' was switched to its rebuild {present}, and this run began with {tables.number}, where "
            "nothing more is written. Start it again: it goes on with the present tables, and places what they lack"
        )
