"""Kept schemas: one file an id, in a folder of the lake.

Under an id a registry has the same schema for ever, and raw cannot be read without it. So it is asked once, and a lake
outlives its registry.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from headrace.errors import ContractError

from .registered import RegisteredSchema


class KeptSchemas:
    """The schemas of one registry that are kept in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, schema_id: int) -> RegisteredSchema | None:
        """The kept schema, or None.

        Raises:
            ContractError: its file holds something else.
        """
        file = self._file(schema_id)
        try:
            found = RegisteredSchema.from_json(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as err:
            raise ContractError(
                f"{file} does not hold schema {schema_id}: {err}. Delete it: it is asked for anew"
            ) from err
        if found.id != schema_id:
            raise ContractError(f"{file} holds schema {found.id}, not {schema_id}. Delete it: it is asked for anew")
        return found

    def put(self, schema: RegisteredSchema) -> None:
        """Keeps `schema`; several processes and threads may keep the same one at once.

        Raises:
            OSError: it cannot be written.
        """
        file = self._file(schema.id)
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}-{threading.get_ident()}.part")
        part.write_text(schema.as_json(), encoding="utf-8")
        part.replace(file)

    def _file(self, schema_id: int) -> Path:
        return self._folder / f"{schema_id}.json"
