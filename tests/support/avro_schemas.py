"""Random Avro schemas with values of theirs, for properties that hold for all."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Drawn = tuple[Any, Any]

_LONG = st.integers(-(2**63), 2**63 - 1)
_INT = st.integers(-(2**31), 2**31 - 1)

# Types that are written as they are read, with their values; logical types with the number beneath.
PLAIN: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "null": ("null", st.none()),
    "boolean": ("boolean", st.booleans()),
    "int": ("int", _INT),
    "long": ({"type": "long"}, _LONG),
    "float": ("float", st.floats(width=32, allow_nan=False)),
    "double": ({"type": "double"}, st.floats(allow_nan=False)),
    "bytes": ({"type": "bytes", "logicalType": "unheard-of"}, st.binary(max_size=9)),
    "string": ({"type": "string", "avro.java.string": "String"}, st.text(st.characters(codec="utf-8"), max_size=5)),
    "date": ({"type": "int", "logicalType": "date"}, _INT),
    "instant": ({"type": "long", "logicalType": "timestamp-millis"}, _LONG),
}


@st.composite
def written_records(draw: st.DrawFn) -> Drawn:
    """A record's schema, of up to six fields f0, f1 …, and a value of it."""
    return _record(draw, "", [0], {}, depth=0)


def _record(draw: st.DrawFn, namespace: str, count: list[int], named: dict[str, Drawn], *, depth: int) -> Drawn:
    count[0] += 1
    inside = draw(st.sampled_from([namespace, "shop", "shop.north"]))
    schema: dict[str, Any] = {"type": "record", "name": f"R{count[0]}", "fields": []}
    if inside != namespace:
        schema["namespace"] = inside
    value = {}
    for number in range(draw(st.integers(0, 6 if depth == 0 else 2))):
        name = f"f{number}"
        kind, value[name] = _type(draw, inside, count, named, depth=depth + 1)
        schema["fields"].append({"name": name, "type": kind, "doc": "of no account"})
    return schema, value


def _type(draw: st.DrawFn, namespace: str, count: list[int], named: dict[str, Drawn], *, depth: int) -> Drawn:
    kinds = [*PLAIN, "enum", "fixed", "again", *(["array", "map", "record", "union"] if depth < 3 else [])]
    kind = draw(st.sampled_from(kinds))
    if kind in PLAIN:
        schema, values = PLAIN[kind]
        return schema, draw(values)
    # A name without a namespace is one of the namespace in which it stands.
    if kind == "again" and (known := sorted(name for name in named if "." in name or not namespace)):
        full = draw(st.sampled_from(known))
        return full, draw(named[full][1])
    if kind in ("enum", "fixed", "again"):
        return _named(draw, "fixed" if kind == "again" else kind, namespace, count, named)
    if kind == "record":
        return _record(draw, namespace, count, named, depth=depth)
    if kind == "union":
        inner, value = _type(draw, namespace, count, named, depth=3)
        return (["null", inner], draw(st.sampled_from([None, value]))) if inner != "null" else (inner, value)
    inner, value = _type(draw, namespace, count, named, depth=depth + 1)
    many = draw(st.integers(0, 2))
    if kind == "array":
        return {"type": "array", "items": inner}, [value] * many
    return {"type": "map", "values": inner}, {str(number): value for number in range(many)}


def _named(draw: st.DrawFn, kind: str, namespace: str, count: list[int], named: dict[str, Drawn]) -> Drawn:
    count[0] += 1
    name, full = f"N{count[0]}", f"{namespace}.N{count[0]}" if namespace else f"N{count[0]}"
    if kind == "enum":
        schema, values = {"type": "enum", "name": name, "symbols": ["A", "B", "C"]}, st.sampled_from(["A", "B", "C"])
    else:
        schema, values = {"type": "fixed", "name": full, "size": 3}, st.binary(min_size=3, max_size=3)
    named[full] = (schema, values)
    return schema, draw(values)
