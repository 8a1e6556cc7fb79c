"""Looking up schemas by id, through what is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote

from headrace.errors import SchemaRegistryError
from headrace.settings import Settings
from headrace.tables import schemas_folder

from .endpoint import Endpoint
from .kept import KeptSchemas
from .registered import Reference, RegisteredSchema, UnusableSchema

# An id is a whole number of 32 bits with a sign; asked for a greater one, a registry says that there is no such page.
GREATEST_ID = 2**31 - 1

MAX_REFERENCES = 1000  # of one schema, through all that it refers to


class Answers(Protocol):
    """Who is asked for JSON by path, and answers None where there is no such thing."""

    def get(self, path: str) -> Any | None:
        """What is at `path`."""


class SchemaRegistry:
    """The schemas of one registry. What was found is kept; that an id is unknown is asked again by the next run."""

    def __init__(self, answers: Answers, kept: KeptSchemas) -> None:
        self._answers, self._kept = answers, kept

    @classmethod
    def of(cls, settings: Settings) -> SchemaRegistry | None:
        """The registry of the settings, whose schemas are kept in the lake; None where no setting names one."""
        if settings.schema_registry is None:
            return None
        addresses = settings.schema_registry.split(",")
        password = settings.schema_registry_password
        endpoint = Endpoint(
            addresses,
            user=settings.schema_registry_user,
            password=None if password is None else password.get_secret_value(),
            ca=settings.schema_registry_ca,
        )
        return cls(endpoint, KeptSchemas(schemas_folder(settings.lake, addresses[0])))

    def schema(self, schema_id: int) -> RegisteredSchema | None:
        """The schema under an id, with all that it refers to; None where the registry has none.

        Raises:
            UnusableSchema: what it refers to is not there, or too much.
            SchemaRegistryError: the registry cannot be asked.
            ContractError: the kept file is none of ours.
        """
        if schema_id > GREATEST_ID:
            return None
        if (kept := self._kept.get(schema_id)) is not None:
            return kept
        answer = self._answers.get(f"/schemas/ids/{schema_id}")
        if answer is None:
            return None
        references: dict[tuple[str, int], Reference] = {}
        self._collect(answer, references, set())
        kind, text = _said(answer, "schemaType", "AVRO"), _said(answer, "schema")
        found = RegisteredSchema(schema_id, kind, text, tuple(references.values()))
        self._kept.put(found)
        return found

    def _collect(self, answer: Any, found: dict[tuple[str, int], Reference], seen: set[tuple[str, int]]) -> None:
        """Adds to `found` what a schema refers to, those first that others refer to."""
        for name, subject, version in _references(answer):
            if (subject, version) in seen:
                continue
            seen.add((subject, version))
            if len(seen) > MAX_REFERENCES:
                raise UnusableSchema(f"it refers to more than {MAX_REFERENCES} others")
            inner = self._answers.get(f"/subjects/{quote(subject, safe='')}/versions/{version}?deleted=true")
            if inner is None:
                raise UnusableSchema(f"it refers to version {version} of '{subject}', which the registry lacks")
            self._collect(inner, found, seen)
            found[(subject, version)] = Reference(name, _said(inner, "schema"))


def _said(answer: Any, name: str, otherwise: str | None = None) -> str:
    found = answer.get(name, otherwise) if isinstance(answer, Mapping) else None
    if not isinstance(found, str):
        raise _strange()
    return found


def _references(answer: Any) -> list[tuple[str, str, int]]:
    try:
        found = answer.get("references") or []
        return [(str(one["name"]), str(one["subject"]), int(one["version"])) for one in found]
    except (AttributeError, TypeError, KeyError, ValueError) as err:
        raise _strange() from err


def _strange() -> SchemaRegistryError:
    return SchemaRegistryError(
        "the schema registry answers in a form that Confluent's API does not have. Is the setting schema_registry "
        "right?"
    )
