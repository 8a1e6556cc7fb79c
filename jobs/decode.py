"""Decoding JSON: the bytes of a record against the declared columns, strictly and without a way to raise.

The document is parsed once, as a Spark variant, which keeps the type that was sent: a number given as text is seen as
text, where `from_json` would quietly turn one into the other. A record that does not decode keeps its place and gets a
reason; nothing is dropped here.
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
    """Adds `__text`, `__framed` and `__document` to rows with a binary `__value`.

    `__document` is the variant of one JSON document, null where the value is not exactly one. The parser stops at the
    end of the first document, so it is handed `[<value>,<length>]`: whatever follows the document breaks the array or
    displaces the length.
    """
    length = F.when(F.length("__value") <= MAX_DOCUMENT_BYTES, F.length("__value"))
    text = raw.select("*", length.alias("__length")).select(
        "*", F.expr("try_validate_utf8(cast(if(__length is null, null, __value) as string))").alias("__text")
    )
    framed = text.select("*", F.expr("try_parse_json(concat('[', __text, ',', __length, ']'))").alias("__framed"))
    whole = F.expr("try_variant_get(__framed, '$[1]', 'bigint') = __length")
    return framed.select("*", F.when(whole, F.expr("try_variant_get(__framed, '$[0]', 'variant')")).alias(DOCUMENT))


def read_columns(parsed: DataFrame, source: Source) -> DataFrame:
    """Adds the declared columns, typed, with the kind that was sent beside each, and the names that nobody declared.

    `x` has the declared type and is null where the document lacks it, gives null, or gives another kind;
    `__kind_x` is the kind that was sent ('BIGINT', 'STRING', 'OBJECT', 'ARRAY', 'VOID' for null …), null where the
    document lacks it;
    `_unknown_fields` is null where there are none.
    """
    fields = [
        _kind(f"try_variant_get({DOCUMENT}, '$.{name}', 'variant')").alias(kind_of(name)) for name in source.columns
    ]
    kinds = parsed.select("*", *fields, _unknown_fields(source).alias(UNKNOWN_FIELDS))
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
    return F.expr(f"{_as_object(DOCUMENT)} is not null")


def document_kind() -> Column:
    """The kind of the document as a whole."""
    return _kind(DOCUMENT)


def _kind(variant: str) -> Column:
    """The kind of a variant. `schema_of_variant` is asked of scalars alone: it descends into objects and arrays, and a
    document that is nested deep enough would overflow the stack, which ends an executor.
    """
    is_array = f"try_variant_get({variant}, '$', 'array<variant>') is not null"
    inside = f"when {_as_object(variant)} is not null then 'OBJECT' when {is_array} then 'ARRAY'"
    return F.expr(f"case {inside} else schema_of_variant({variant}) end")


def _as_object(variant: str) -> str:
    return f"try_variant_get({variant}, '$', 'map<string,variant>')"


def _unknown_fields(source: Source) -> Column:
    declared = F.array(*[F.lit(name) for name in source.columns])
    keys = F.expr(f"map_keys({_as_object(DOCUMENT)})")
    unknown = F.sort_array(F.array_except(keys, declared))
    return F.when(F.size(unknown) > 0, unknown)


def _typed(name: str, declared: str) -> Column:
    """`name` in its declared type where the kind that was sent can be that type, else null.

    JSON has one kind of number, so a whole number sent as `1.0` is a long; an infinite double (`1e400`) is no number.
    """
    kind = F.col(kind_of(name))
    if declared in _TEXT_FORMS:
        return F.when(kind == "STRING", F.expr(read_text(_sql(name, "string"), declared)))
    if declared == "long":
        return F.when((kind == "BIGINT") | kind.like("DECIMAL(%,0)"), _sent(name, "bigint"))
    if declared == "double":
        number = _sent(name, "double")
        numeric = kind.isin("BIGINT", "DOUBLE") | kind.like("DECIMAL%")
        return F.when(numeric & (F.abs(number) < F.lit(float("inf"))), number)
    return F.when(kind == declared.upper(), _sent(name, declared))


def _sent(name: str, spark_type: str) -> Column:
    return F.expr(_sql(name, spark_type))


def _sql(name: str, spark_type: str) -> str:
    return f"try_variant_get({DOCUMENT}, '$.{name}', '{spark_type}')"
