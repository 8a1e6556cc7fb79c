"""A schema as a registry has it under an id, with the schemas that it refers to."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


class UnusableSchema(Exception):
    """A schema that is there and cannot be used: records that name it are rejected, and no run ends for it."""


@dataclass(frozen=True)
class Reference:
    """A schema that another one names: the name under which it does, and the text."""

    name: str
    text: str


@dataclass(frozen=True)
class RegisteredSchema:
    """What stands under one id, and never changes: AVRO, PROTOBUF or JSON, its text, and all that it refers to, those
    that are referred to before those that do so.
    """

    id: int
    type: str
    text: str
    references: tuple[Reference, ...] = ()

    def as_json(self) -> str:
        """One JSON object, which `from_json` reads."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> RegisteredSchema:
        """What `as_json` wrote.

        Raises:
            ValueError: it is something else.
        """
        try:
            found = json.loads(text)
            references = tuple(Reference(str(one["name"]), str(one["text"])) for one in found["references"])
            return cls(int(found["id"]), str(found["type"]), str(found["text"]), references)
        except (TypeError, KeyError) as err:
            raise ValueError(f"not a registered schema: {err!r}") from err
