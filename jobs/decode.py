"""Decoding JSON: the bytes of a record against the declared columns, strictly and without a way to raise.

The document is parsed as a Spark variant, which keeps the type that was sent: a number given as text is seen as text,
where `from_json` by itself would quietly turn one into the other. A record that does not decode keeps its place and
gets a reason; nothing is dropped here.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from headrace.pipeline import Source

# One document may have this many bytes. Kafka's own default is 1 MB a record; a variant cannot hold more than 16 MiB.
MAX_DOCUMENT_BYTES = 8 * 2**20

# What of a detail spells the sender's own text is cut to this length.
MAX_KIND_CHARACTERS = 80

DOCUMENT, UNKNOWN_FIELDS = "__document", "_unknown_fields"
# What is taken out of the document: its declared fields as variants, the names of all, and values as `from_json` reads
# them. A long is read as text and taken from its variant, since it may be sent as `1.0`.
_SENT, _NAMES, _VALUES = "__sent", "__names", "__values"
_READ_AS = dict.fromkeys(("string", "timestamp", "date", "long"), "string") | {"double": "double", "boolean": "boolean"}

# The text of a time is ISO 8601, in UTC unless it says otherwise. Spark reads more: 'T10:15' would be today, and
# the white space around a text is nothing to it. `$` would let a line end pass.
_TEXT_FORMS = {
    "timestamp": r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?\z",
    "date": r"^\d{4}-\d{2}-\d{2}\z",
}

# The years that every reader of our tables can hold. Python has no others.
FIRST_INSTANT, LAST_INSTANT = "0001-01-01 00:00:00Z", "9999-12-31 23:59:59.999999Z"
_FIRST = {"timestamp": f"timestamp '{FIRST_INSTANT}'", "date": "date '0001-01-01'"}
_LAST = {"timestamp": f"timestamp '{LAST_INSTANT}'", "date": "date '9999-12-31'"}


def parse_document(raw: DataFrame) -> DataFrame:
    """Adds `__text` and `__document` to rows with a binary `__value`.

    `__document` is a variant that frames one JSON document, null where the value is not exactly one. The parser stops
    at the end of the first document, so it is handed `[<value>,<length>]`: whatever follows the document breaks the
    array or displaces the length. The document is not taken out of its frame, since that would build it anew.
    """
    length = F.when(F.length("__value") <= MAX_DOCUMENT_BYTES, F.length("__value"))
    text = raw.select("*", length.alias("__length")).select(
        "*", F.expr("try_validate_utf8(cast(if(__length is null, null, __value) as string))").alias("__text")
    )
    framed = text.select("*", F.expr("try_parse_json(concat('[', __text, ',', __length, ']'))").alias("__framed"))
    whole = F.expr("try_variant_get(__framed, '$[1]', 'bigint') = __length")
    return framed.select("*", F.when(whole, F.col("__framed")).alias(DOCUMENT))


def read_columns(parsed: DataFrame, source: Source) -> DataFrame:
    """Adds the declared columns, typed, with the kind that was sent beside each, and the names that nobody declared.

    `x` has the declared type and is null where the document lacks it, gives null, or gives another kind;
    `__kind_x` is the kind that was sent ('BIGINT', 'STRING', 'OBJECT', 'ARRAY', 'VOID' for null …), null where the
    document lacks it;
    `_unknown_fields` is null where there are none.

    The variant says the kinds. Values are read by `from_json`, all in one go, where `try_variant_get` makes an
    expression anew for each value of a row; and where `from_json` would turn one kind into another, the kind says so.
    """
    as_sent = ", ".join(f"`{name}`: variant" for name in source.columns)
    as_read = ", ".join(f"`{name}` {_READ_AS[column.type]}" for name, column in source.columns.items())
    taken = parsed.select(
        "*",
        F.expr(f"try_variant_get({DOCUMENT}, '$[0]', 'struct<{as_sent}>')").alias(_SENT),
        F.expr(f"map_keys({_as_object(DOCUMENT, '$[0]')})").alias(_NAMES),
        F.expr(f"from_json(if({DOCUMENT} is null, null, __text), '{as_read}')").alias(_VALUES),
    )
    fields = [_kind(f"{_SENT}.`{name}`").alias(kind_of(name)) for name in source.columns]
    kinds = taken.select("*", *fields, _unknown_fields(source).alias(UNKNOWN_FIELDS))
    typed = [_typed(name, column.type).alias(name) for name, column in source.columns.items()]
    return kinds.select("*", *typed)


def read_text(text: str, declared: str) -> str:
    """A text as the timestamp or date that it says, else null; SQL, as `text` is."""
    read = f"try_cast({text} as {declared})"
    return f"if({text} rlike r'{_TEXT_FORMS[declared]}', {within_years(read, declared)}, null)"


def within_years(value: str, declared: str) -> str:
    """A timestamp or date where every reader of our tables can hold it, else null; SQL, as `value` is."""
    return f"if({value} between {_FIRST[declared]} and {_LAST[declared]}, {value}, null)"


def kind_of(name: str) -> str:
    """The internal column that holds the kind in which `name` was sent."""
    return f"__kind_{name}"


def wrong_kind(name: str) -> Column:
    """True where `name` was sent as something that its declared type cannot be."""
    return F.col(kind_of(name)).isNotNull() & (F.col(kind_of(name)) != "VOID") & F.col(name).isNull()


def is_object() -> Column:
    """True where the document is a JSON object."""
    return F.col(_NAMES).isNotNull()


def document_kind() -> Column:
    """The kind of the document as a whole."""
    return _kind(f"try_variant_get({DOCUMENT}, '$[0]', 'variant')")


def _kind(variant: str) -> Column:
    """The kind of a variant. `schema_of_variant` is asked of scalars alone: it descends into objects and arrays, and a
    document that is nested deep enough would overflow the stack, which ends an executor.
    """
    is_array = f"try_variant_get({variant}, '$', 'array<variant>') is not null"
    inside = f"when {_as_object(variant)} is not null then 'OBJECT' when {is_array} then 'ARRAY'"
    return F.expr(f"case {inside} else schema_of_variant({variant}) end")


def _as_object(variant: str, path: str = "$") -> str:
    """In SQL, the names of an object as keys, null where it is none; of the values only arrays are built."""
    return f"try_variant_get({variant}, '{path}', 'map<string,array<variant>>')"


def _unknown_fields(source: Source) -> Column:
    declared = F.array(*[F.lit(name) for name in source.columns])
    unknown = F.sort_array(F.array_except(F.col(_NAMES), declared))
    return F.when(F.size(unknown) > 0, unknown)


def _typed(name: str, declared: str) -> Column:
    """`name` in its declared type where the kind that was sent can be that type, else null.

    JSON has one kind of number, so a whole number sent as `1.0` is a long; an infinite double (`1e400`) is no number.
    """
    kind, value = F.col(kind_of(name)), F.col(_VALUES)[name]
    if declared in _TEXT_FORMS:
        return F.when(kind == "STRING", F.expr(read_text(f"{_VALUES}.`{name}`", declared)))
    if declared == "long":
        number = F.expr(f"try_variant_get({_SENT}.`{name}`, '$', 'bigint')")
        return F.when((kind == "BIGINT") | kind.like("DECIMAL(%,0)"), number)
    if declared == "double":
        numeric = kind.isin("BIGINT", "DOUBLE") | kind.like("DECIMAL%")
        return F.when(numeric & (F.abs(value) < F.lit(float("inf"))), value)
    return F.when(kind == declared.upper(), value)
