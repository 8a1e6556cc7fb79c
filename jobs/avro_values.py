"""Values of Avro, as SQL: which kinds can be which declared types, and what they are then.

The rules are those for JSON where JSON has the kind, else those by which Avro promotes a writer's type to a reader's:
an int is a long, and whole or broken numbers are doubles, but a double is no long, were it whole.
"""

from __future__ import annotations

from .decode import read_text, within_years

_WHOLE, _BROKEN = ("INT", "LONG"), ("FLOAT", "DOUBLE")
_ENDLESS = "double('infinity')"

NOT_UTF8, NOT_A_NUMBER, INFINITE = "STRING that is not UTF-8", "NaN", "infinity"


def sent_kind(kind: str, value: str) -> str:
    """What a value that is there was sent as; of those that no column can be, what is wrong with it."""
    if kind == "STRING":
        return f"if(try_validate_utf8({value}) is null, '{NOT_UTF8}', '{kind}')"
    if kind in _BROKEN:
        ends = f"when abs({value}) = {_ENDLESS} then '{INFINITE}'"
        return f"case when isnan({value}) then '{NOT_A_NUMBER}' {ends} else '{kind}' end"
    return f"'{kind}'"


def sent_value(kind: str, value: str, declared: str) -> str | None:
    """A value of this kind in its declared type, null where it cannot be; None where no value of this kind can."""
    if declared == "string":
        return {"STRING": f"try_validate_utf8({value})", "ENUM": value}.get(kind)
    if declared == "boolean":
        return value if kind == "BOOLEAN" else None
    if declared == "long":
        return f"try_cast({value} as bigint)" if kind in _WHOLE or _is_decimal(kind, scale=0) else None
    if declared == "double":
        return _double(value) if kind in (*_WHOLE, *_BROKEN) or _is_decimal(kind) else None
    if kind == "STRING":
        return read_text(value, declared)
    if declared == "date":
        return within_years(f"date_from_unix_date({value})", declared) if kind == "DATE" else None
    micros = _micros(kind, value)
    return None if micros is None else within_years(f"timestamp_micros({micros})", declared)


def _double(value: str) -> str:
    """The nearest double, if it is a number."""
    number = f"try_cast({value} as double)"
    return f"if(abs({number}) < {_ENDLESS}, {number}, null)"


def _is_decimal(kind: str, scale: int | None = None) -> bool:
    return kind.startswith("DECIMAL(") and (scale is None or kind.endswith(f",{scale})"))


def _micros(kind: str, value: str) -> str | None:
    """The instant in microseconds since 1970, null where it is beyond them; a time without a zone is one in UTC.
    What is finer than a microsecond is cut.
    """
    if not kind.startswith(("TIMESTAMP-", "LOCAL-TIMESTAMP-")):
        return None
    return {
        "MILLIS": f"try_multiply({value}, 1000)",
        "MICROS": value,
        "NANOS": f"try_subtract({value}, pmod({value}, 1000)) div 1000",
    }[kind.rpartition("-")[2]]
