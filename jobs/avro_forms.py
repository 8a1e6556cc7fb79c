"""Forms: Avro schemas as they are written for Spark, and what is read of them.

A schema is written anew, for two reasons. Spark takes one text, so what a schema refers to is put into it. And only
what decides the bytes is kept: fields, types and sizes. Names of types mean nothing to the bytes, so they are counted;
logical types but `decimal` are taken off, since Spark would convert them with errors of its own, and noted as the kind.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

_NAMED = frozenset({"record", "error", "enum", "fixed"})
PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})

_LOGICAL = {
    "int": {"date", "time-millis"},
    "long": {
        "time-micros",
        *(f"{zone}timestamp-{unit}" for zone in ("", "local-") for unit in ("millis", "micros", "nanos")),
    },
    "fixed": {"duration"},
}
# Of a decimal that Spark can hold. It is told that decimals are as long as this, or as their bytes allow: of those with
# a precision of up to 18 it takes the last eight bytes only, whatever stands before them.
_MAX_PRECISION = 38

# A type as it is written for Spark: a primitive or a name, a union, or a type with its parts.
Form = str | list[Any] | dict[str, Any]


class Rewriting:
    """Writes schemas anew, with counted names. `definitions` has each named type by its new name."""

    def __init__(self, references: Iterable[str]) -> None:
        self.definitions: dict[str, dict[str, Any]] = {}
        self._new_names: dict[str, str] = {}
        self._elsewhere: dict[str, tuple[dict[str, Any], str]] = {}
        for text in references:
            self._collect(json.loads(text), "")

    def form(self, schema: Any, namespace: str) -> Form:
        """`schema`, which stands inside `namespace`, as it is written for Spark."""
        if isinstance(schema, str):
            return schema if schema in PRIMITIVES else self._named(schema, namespace)
        if isinstance(schema, list):
            return [self.form(branch, namespace) for branch in schema]
        kind = schema["type"]
        if not isinstance(kind, str) or kind not in _NAMED | PRIMITIVES | {"array", "map"}:
            return self.form(kind, namespace)
        if kind in _NAMED:
            return self._define(schema, namespace)
        if kind in ("array", "map"):
            inner = "items" if kind == "array" else "values"
            return {"type": kind, inner: self.form(schema[inner], namespace)}
        return _with_kind({"type": kind}, schema)

    def _named(self, name: str, namespace: str) -> Form:
        for full in dict.fromkeys((_full_name(name, namespace), name)):
            if full in self._new_names:
                return self._new_names[full]
            if full in self._elsewhere:
                return self.form(*self._elsewhere[full])
        raise ValueError(f"nothing defines '{name}'")

    def _define(self, schema: Mapping[str, Any], namespace: str) -> Form:
        full, inside = _names(schema, namespace)
        if full in self._new_names:
            raise ValueError(f"'{full}' is defined twice")
        new = self._new_names[full] = f"t{len(self._new_names)}"
        kind = "record" if schema["type"] == "error" else schema["type"]
        defined: dict[str, Any] = {"type": kind, "name": new}
        self.definitions[new] = defined
        if kind == "record":
            defined["fields"] = [
                {"name": field["name"], "type": self.form(field["type"], inside)} for field in schema["fields"]
            ]
        elif kind == "enum":
            defined["symbols"] = list(schema["symbols"])
        else:
            defined["size"] = int(schema["size"])
            _with_kind(defined, schema)
        return defined

    def _collect(self, schema: Any, namespace: str) -> None:
        """Notes each named type in what is referred to, with the namespace in which it stands."""
        if isinstance(schema, list):
            for branch in schema:
                self._collect(branch, namespace)
        if not isinstance(schema, dict):
            return
        inside = namespace
        if schema.get("type") in _NAMED and "name" in schema:
            full, inside = _names(schema, namespace)
            self._elsewhere.setdefault(full, (schema, namespace))
        for part in (schema.get("type"), schema.get("items"), schema.get("values"), *schema.get("fields", ())):
            self._collect(part, inside)


class Shallow:
    """Writes what is read of a value: of the record its declared fields, of records inside them nothing."""

    def __init__(self, definitions: Mapping[str, dict[str, Any]]) -> None:
        self._definitions, self._written = definitions, set[str]()

    def body(self, body: Form, names: set[str]) -> Form:
        """The whole value; `names` are the fields that are read."""
        if not isinstance(body, dict) or body["type"] != "record":
            return self._part(body)
        self._written.add(body["name"])
        fields = [field for field in body["fields"] if field["name"] in names]
        return {**body, "fields": [{**field, "type": self._part(field["type"])} for field in fields]}

    def _part(self, form: Form) -> Form:
        if isinstance(form, str):
            return form if form in PRIMITIVES or form in self._written else self._part(self._definitions[form])
        if isinstance(form, list):
            return [self._part(branch) for branch in form]
        if form["type"] in ("array", "map"):
            inner = "items" if form["type"] == "array" else "values"
            return {**form, inner: self._part(form[inner])}
        if "name" not in form:
            return form
        if form["name"] in self._written:
            return str(form["name"])
        self._written.add(form["name"])
        return {**form, "fields": []} if form["type"] == "record" else form


def _names(schema: Mapping[str, Any], namespace: str) -> tuple[str, str]:
    """The full name of a named type, and the namespace for what stands inside it."""
    name = str(schema["name"])
    full = name if "." in name else _full_name(name, str(schema.get("namespace", namespace) or ""))
    return full, full.rpartition(".")[0]


def _full_name(name: str, namespace: str) -> str:
    return f"{namespace}.{name}" if namespace and "." not in name else name


def _with_kind(form: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Adds what the logical type makes of a primitive or fixed type. One that is not known, or that is not legal here,
    counts for nothing, as the Avro specification wants it.
    """
    logical = schema.get("logicalType")
    if logical == "decimal" and form["type"] in ("bytes", "fixed"):
        precision, scale = schema.get("precision"), schema.get("scale", 0)
        if isinstance(precision, int) and isinstance(scale, int) and 0 <= scale <= precision <= _digits(form):
            form["kind"] = f"decimal of {precision} digits"
            if precision <= _MAX_PRECISION:
                form["kind"] = f"DECIMAL({precision},{scale})"
                form |= {"logicalType": "decimal", "precision": min(_digits(form), _MAX_PRECISION), "scale": scale}
    elif logical in _LOGICAL.get(form["type"], ()):
        form["kind"] = str(logical).upper()
    return form


def _digits(form: Mapping[str, Any]) -> float:
    """How many decimal digits always fit."""
    return len(str(2 ** (8 * form["size"] - 1) - 1)) - 1 if "size" in form else float("inf")
