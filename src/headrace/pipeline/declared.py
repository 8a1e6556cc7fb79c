"""What all parts of a pipeline file share: names, the base of its classes, and faults that know their place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator
from pydantic_core import PydanticCustomError

from headrace.errors import near_names

Place = tuple[str | int, ...]

NAME_PATTERN = "^[a-z][a-z0-9_]{0,62}$"
NAME_HINT = "A name begins with a letter a-z, goes on with a-z, 0-9 and _, and has at most 63 characters"
MAX_SHOWN_CHARS = 60
RESERVED_COLUMNS = frozenset({"event_at", "arrived_at", "known_at"})


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: where (the path of keys in the file), what was found, and what is legal."""

    place: Place
    problem: str
    hint: str

    @classmethod
    def unknown(cls, place: Place, kind: str, name: str, known: Iterable[str], *, of: str = "") -> Fault:
        """The fault of a name that nothing declares (or nothing in `of`), with the nearest legal ones."""
        where = f" in '{of}'" if of else ""
        return cls(place, f"there is no {kind} '{name}'{where}", f"Did you mean: {near_names(name, known)}?")


def found(value: object) -> str:
    """A value as a message shows it: short, and in the words of the file rather than of Python."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {item}" for key, item in value.items())[:MAX_SHOWN_CHARS] + "}"
    if isinstance(value, list | tuple):
        return f"the list [{', '.join(map(str, value))[:MAX_SHOWN_CHARS]}]"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    shown = str(value)[:MAX_SHOWN_CHARS]
    return f"'{shown}'" if isinstance(value, str) else f"the number {shown}"


def faults_at(*faults: tuple[str | int | None, str, str]) -> PydanticCustomError:
    """What a validator raises: faults as (key or index inside the value, or None for the value; problem; hint)."""
    return PydanticCustomError("faults", "{faults}", {"faults": faults})


def _legal_name(text: str) -> str:
    if not re.fullmatch(NAME_PATTERN, text):
        raise PydanticCustomError("name", "is not a name", {"hint": NAME_HINT})
    return text


def _as_tuple(value: object) -> Any:
    return tuple(value) if isinstance(value, list) else value


Name = Annotated[str, AfterValidator(_legal_name), Field(json_schema_extra={"pattern": NAME_PATTERN})]
Listed = BeforeValidator(_as_tuple)  # YAML has lists, our frozen classes hold tuples


class Declared(BaseModel):
    """A mapping of the file. An unknown key, or a required one that is missing, is a fault that says what is legal."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _check_keys(cls, data: Any) -> Any:
        known = {field.alias or name: field for name, field in cls.model_fields.items()}
        if not isinstance(data, Mapping):
            if isinstance(data, cls):
                return data
            raise PydanticCustomError("mapping", "is not a mapping", {"hint": f"Its keys are: {', '.join(known)}"})
        faults: list[tuple[str | int | None, str, str]] = [
            (key, f"there is no key '{key}' here", f"Did you mean: {near_names(str(key), known)}?")
            for key in data
            if key not in known
        ]
        faults += [
            (None, f"'{name}' is missing here", f"It is required: {field.description}")
            for name, field in known.items()
            if field.is_required() and name not in data
        ]
        if faults:
            raise faults_at(*faults)
        return data


class Named(Declared):
    """A mapping of the file whose key is its name."""

    description: str | None = Field(None, description="What it is, in words, for whoever reads the catalogue.")
    owner: str | None = Field(None, description="Who answers for it: a person or a team.")
    _name: str = PrivateAttr("")

    @property
    def name(self) -> str:
        """The key under which the pipeline file declares it; empty outside a pipeline."""
        return self._name
