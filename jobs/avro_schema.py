"""Avro schemas of writers: what Spark is told to read of a record, and as what each declared column was sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from headrace.schema_registry import RegisteredSchema, UnusableSchema

from .avro_forms import PRIMITIVES, Form, Rewriting, Shallow

# The record that a value is read inside: what follows the value must be the END that it was handed with.
BODY, END, END_BYTES = "body", "end", 8

# Pairs of numbers that Spark reads as one column, of the second type.
_MERGED = (("INT", "LONG"), ("FLOAT", "DOUBLE"))


@dataclass(frozen=True)
class AvroWriter:
    """How the values of one schema are read.

    `writer` and `reader` are the texts for Spark; the reader's has the declared columns only. `kind` is that of a value
    as a whole. `columns` has, of each declared column that the schema has, the kinds that it can be sent as, in the
    order in which Spark has them, null left out (none: always null); None where it is not read, being a record that
    holds itself. `unknown_fields` are the names that nobody declared.
    """

    writer: str
    reader: str
    kind: str
    columns: Mapping[str, tuple[str, ...] | None]
    unknown_fields: tuple[str, ...]


@dataclass(frozen=True)
class Writers:
    """The schemas that records name, by id: how their values are read, or why they cannot be."""

    readable: Mapping[int, AvroWriter] = field(default_factory=dict)
    faults: Mapping[int, str] = field(default_factory=dict)


NO_WRITERS = Writers()


def avro_writer(schema: RegisteredSchema, declared: Iterable[str]) -> AvroWriter:
    """How values of `schema` are read into the declared columns.

    Raises:
        UnusableSchema: it is no Avro schema. Where only Spark finds something wrong with it, only Spark says so.
    """
    if schema.type != "AVRO":
        raise UnusableSchema(f"it is {schema.type}, not AVRO")
    try:
        rewriting = Rewriting([reference.text for reference in schema.references])
        body = rewriting.form(json.loads(schema.text), "")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as err:
        raise UnusableSchema(f"it is no Avro schema: {type(err).__name__} {err}"[:200]) from err
    wanted = set(declared)
    types = {str(field["name"]): field["type"] for field in _fields(body)}
    named = rewriting.definitions
    columns = {
        name: None if _holds(found, body) else _kinds(found, named) for name, found in types.items() if name in wanted
    }
    reader = Shallow(named).body(body, {name for name, kinds in columns.items() if kinds})
    return AvroWriter(_framed(body), _framed(reader), _kind(body, named), columns, tuple(sorted(types.keys() - wanted)))


def _fields(body: Form) -> list[dict[str, Form]]:
    return body["fields"] if isinstance(body, dict) and body["type"] == "record" else []


def _kinds(form: Form, named: Mapping[str, Form]) -> tuple[str, ...]:
    """The kinds of a column, as `AvroWriter.columns` has them."""
    branches = form if isinstance(form, list) else [form]
    kinds = tuple(kind for branch in branches if (kind := _kind(branch, named)) != "NULL")
    types = {kind for branch in branches if (kind := _type(branch, named)) != "NULL"}
    for merged in _MERGED:
        if len(kinds) == 2 and types == set(merged):
            return merged[1:] if set(kinds) == types else ("UNION",)
    return kinds


def _kind(form: Form, named: Mapping[str, Form]) -> str:
    """What the form is in a detail: its type, or what its logical type makes of it."""
    if isinstance(form, str) and form not in PRIMITIVES:
        return _kind(named[form], named)
    return str(form["kind"]) if isinstance(form, dict) and "kind" in form else _type(form, named)


def _type(form: Form, named: Mapping[str, Form]) -> str:
    if isinstance(form, str):
        return form.upper() if form in PRIMITIVES else _type(named[form], named)
    return "UNION" if isinstance(form, list) else str(form["type"]).upper()


def _holds(form: Form, body: Form) -> bool:
    """Whether a value of `form` can hold the very record that it is a field of."""
    if isinstance(form, list):
        return any(_holds(branch, body) for branch in form)
    if isinstance(form, dict):
        return any(_holds(form[inner], body) for inner in ("items", "values") if inner in form)
    return isinstance(body, dict) and form == body.get("name")


def _framed(body: Form) -> str:
    end = {"type": "fixed", "name": END, "size": END_BYTES}
    fields = [{"name": BODY, "type": body}, {"name": END, "type": end}]
    return json.dumps({"type": "record", "name": "frame", "fields": fields})
