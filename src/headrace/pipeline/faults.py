"""Pydantic's findings, told in the words of the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from headrace.errors import near_names

from .declared import Fault, Place, found

_NOTHING = object()
_EXPECTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "dict_type": "a mapping of names",
    "tuple_type": "a list: [a, b]",
    "list_type": "a list: [a, b]",
}


def from_pydantic(error: ValidationError, data: Any) -> list[Fault]:
    """The faults behind a validation error of `data`, their places as paths in it."""
    faults = [fault for details in error.errors(include_url=False) for fault in _faults(details, data)]
    return list(dict.fromkeys(faults))


def _faults(details: ErrorDetails, data: object) -> list[Fault]:
    place = _place(details["loc"], data)
    context: Mapping[str, Any] = details.get("ctx", {})
    if details["type"] == "faults":
        return [Fault(place if key is None else (*place, key), *told) for key, *told in context["faults"]]
    value = found(details["input"])
    if "hint" in context:
        return [Fault(place, f"{value} {details['msg']}", context["hint"])]
    if details["type"] == "literal_error":
        return [Fault(place, f"{value} is not legal{_key(place)}", _choices(details["input"], context["expected"]))]
    if details["type"] in ("too_short", "missing"):
        least = context.get("min_length", 1)
        return [Fault(place, f"found {value}{_key(place)}", f"Give at least {'one' if least == 1 else least}")]
    expected = _EXPECTED.get(details["type"])
    hint = f"It takes {expected}" if expected else details["msg"].replace("Input should be", "It has to be")
    return [Fault(place, f"found {value}{_key(place)}", hint)]


def _key(place: Place) -> str:
    keys = [step for step in place if isinstance(step, str)]
    return f" for '{keys[-1]}'" if keys else ""


def _choices(value: object, expected: str) -> str:
    legal = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
    near = near_names(str(value), legal)
    return f"Did you mean: {near}?" if near != ", ".join(sorted(legal)) else f"Legal are: {', '.join(legal)}"


def _place(location: tuple[str | int, ...], data: object) -> Place:
    """The path in `data` that pydantic's location names: it puts names of union members and '[key]' between."""
    place: list[str | int] = []
    for step in location:
        inner = _inside(data, step)
        if inner is not _NOTHING:
            place.append(step)
            data = inner
    return tuple(place)


def _inside(data: object, step: str | int) -> object:
    if isinstance(data, Mapping):
        return data.get(step, _NOTHING)
    if isinstance(data, list | tuple):
        return data[step] if isinstance(step, int) and step < len(data) else _NOTHING
    return getattr(data, str(step), _NOTHING)  # a part that was built in Python
