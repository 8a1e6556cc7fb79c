"""What lands on a topic of Avro and is none, or not of the schema that it names: rejected alone, with its reason."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import fastavro
import pytest
from pyspark.sql import SparkSession
from support.avro_orders import AT_MS, MILLIS, SMALL, avro_orders, encoded, framed, judge, record, registry_of
from support.raw_lake import Record, append_raw
from support.registry_server import Registry, registry_server

from headrace.errors import SchemaRegistryError, UsageError
from headrace.jobs.admission import DETAIL, REASON
from headrace.jobs.cleaning import SourceCleaner, judge_records
from headrace.jobs.fit_rows import fit_rows
from headrace.jobs.source_replay import SourceReplay
from headrace.jobs.writer_schemas import WriterSchemas
from headrace.plans import bind
from headrace.tables import source_tables

GREAT = b"\xfe\xff\xff\xff\x0f"  # 2147483647, as Avro writes it


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with registry_server() as found:
        yield found


@pytest.fixture(scope="module")
def hostile(registry: Registry) -> dict[str, tuple[bytes | None, str | None, str]]:
    """Values that are no order, each with its reason (None: it is one) and a part of the detail."""
    small = registry.register("small", SMALL)
    plain = encoded(SMALL, {"id": "a", "at": AT_MS, "pieces": 2, "amount": 5.0})
    text, listed = registry.register("text", '"string"'), record("L", id={"type": "array", "items": "null"}, at=MILLIS)
    tagged = registry.register("tagged", listed)
    enum = registry.register("enum", record("E", id={"type": "enum", "name": "N", "symbols": ["a"]}, at=MILLIS))
    proto = registry.register("proto", 'syntax = "proto3"; message M {}', kind="PROTOBUF")
    odd = registry.register("odd", record("1x", **{"1d": "string"}))
    broken = registry.register("broken", "{")
    lacking = registry.register("lacking", "Elsewhere", [("Elsewhere", "nowhere", 1)])
    at = encoded(MILLIS, AT_MS)
    body = "the body is not exactly one value of schema"
    return {
        "a null": (None, "tombstone", ""),
        "nothing": (b"", "invalid_frame", "0 bytes"),
        "a JSON document": (b'{"id":"a"}', "invalid_frame", "10 bytes, the first of them 7B22696422"),
        "half a frame": (b"\0\0\0\0", "invalid_frame", "4 bytes"),
        "another frame": (b"\1" + framed(small, plain)[1:], "invalid_frame", "no byte 0 with a schema id"),
        "Avro without a frame": (plain, "invalid_frame", ""),
        "an id that nobody has": (
            framed(9999, plain),
            "unknown_schema",
            "schema 9999: the schema registry has no such",
        ),
        "the greatest id": (
            framed(2**32 - 1, plain),
            "unknown_schema",
            "schema 4294967295: the schema registry has no",
        ),
        "a schema of Protobuf": (framed(proto, b"\0"), "unknown_schema", "it is PROTOBUF, not AVRO"),
        "a schema that is no JSON": (framed(broken, plain), "unknown_schema", "it is no Avro schema"),
        "a schema with illegal names": (
            framed(odd, plain),
            "unknown_schema",
            "it cannot be read: Illegal initial char",
        ),
        "a schema that lacks another": (framed(lacking, plain), "unknown_schema", "version 1 of 'nowhere', which the"),
        "a whole order": (framed(small, plain), None, ""),
        "no body": (framed(small, b""), "invalid_avro", f"{body} {small}"),
        "a body that is one byte short": (framed(small, plain[:-1]), "invalid_avro", body),
        "a body that is eight bytes short": (framed(small, plain[:-8]), "invalid_avro", body),
        "a body that is one byte long": (framed(small, plain + b"\0"), "invalid_avro", body),
        "a body twice": (framed(small, plain * 2), "invalid_avro", body),
        "text of two thousand million bytes": (framed(small, GREAT + b"a"), "invalid_avro", body),
        "text of less than no bytes": (framed(small, b"\1a"), "invalid_avro", body),
        "a branch that is not there": (framed(small, b"\2a" + at + b"\x08"), "invalid_avro", body),
        "a branch below nothing": (framed(small, b"\2a" + at + b"\1"), "invalid_avro", body),
        "a number without an end": (framed(small, b"\2a" + b"\xff" * 12), "invalid_avro", body),
        "a list of two thousand million nulls": (framed(tagged, GREAT + b"\0" + at), "invalid_avro", body),
        "a list": (framed(tagged, b"\4\0" + at), "wrong_type", "column 'id': declared string, found ARRAY"),
        "a symbol that is not there": (framed(enum, b"\2" + at), "invalid_avro", body),
        "text that is not UTF-8": (framed(small, b"\4\xff\xfe" + plain[2:]), "wrong_type", "STRING that is not UTF-8"),
        "half of a pair": (framed(small, b"\6\xed\xa0\x80" + plain[2:]), "wrong_type", "STRING that is not UTF-8"),
        "a text": (framed(text, encoded("string", "a")), "not_an_object", "declared an object, found STRING"),
        "an order again": (framed(small, plain), None, ""),
    }


def read_elsewhere(body: bytes) -> dict[str, Any] | str:
    """What another implementation of Avro reads of a body of `SMALL`, or the reason why it is none."""
    stream = io.BytesIO(body)
    numbers = record("Small", id="bytes", at="long", pieces=["null", "long"], amount=["null", "double"])
    try:
        value = fastavro.schemaless_reader(stream, fastavro.parse_schema(numbers), None)
    except (EOFError, IndexError, ValueError, OverflowError, StopIteration):
        return "invalid_avro"
    return value if stream.read() == b"" else "invalid_avro"


@pytest.fixture(scope="module")
def mutated(registry: Registry) -> list[bytes]:
    """Bodies of an order of which bytes were changed, left out or put in; drawn from a seed."""
    rng = random.Random(7)
    plain = encoded(SMALL, {"id": "abc", "at": AT_MS, "pieces": 300, "amount": 5.0})
    return [_mutate(plain, rng) for _ in range(400)]


def _mutate(body: bytes, rng: random.Random) -> bytes:
    at, kind = rng.randrange(len(body)), rng.randrange(4)
    some = rng.randbytes(rng.randint(1, 3))
    whole = {
        0: body[:at] + some + body[at + len(some) :],
        1: body[:at] + body[at + 1 :],
        2: body[:at] + some + body[at:],
    }
    return whole.get(kind, body[:at])


@pytest.fixture(scope="module")
def judged(spark: SparkSession, hostile: dict[str, Any], mutated: list[bytes], registry: Registry, tmp_path_factory):
    """The hostile values and the mutated bodies, judged in one run."""
    values = [value for value, _, _ in hostile.values()]
    (small,) = [number for (subject, _), number in registry.subjects.items() if subject == "small"]
    values += [framed(small, body) for body in mutated]
    rows = judge(spark, tmp_path_factory.mktemp("lake"), registry, avro_orders(), values)
    return dict(zip(hostile, rows, strict=False)), rows[len(hostile) :]


def test_what_is_no_order_is_rejected_alone_with_its_reason(hostile, judged):
    rows, _ = judged
    found = {name: (row[REASON], row[DETAIL] or "") for name, row in rows.items()}
    assert {name: reason for name, (reason, _) in found.items()} == {
        name: want for name, (_, want, _) in hostile.items()
    }
    assert [name for name, (_, _, detail) in hostile.items() if detail not in found[name][1]] == []
    assert {
        name for name, row in rows.items() if row["__value"] != (hostile[name][0] if row[REASON] else None)
    } == set()


def test_a_damaged_body_is_read_as_another_implementation_reads_it_or_is_rejected(mutated, judged):
    _, rows = judged
    wrong, seen = [], set()
    for body, row in zip(mutated, rows, strict=True):
        expected = read_elsewhere(body)
        seen.add(row[REASON])
        if isinstance(expected, str) or row[REASON] == "invalid_avro":
            if (row[REASON] == "invalid_avro") != (expected == "invalid_avro"):
                wrong.append((body, row[REASON], expected))
        elif row[REASON] is None:
            sent = (expected["id"].decode(), expected["pieces"], expected["amount"])
            if (row["id"], row["pieces"], row["amount"]) != sent or micros(row["at"]) != expected["at"] * 1000:
                wrong.append((body, row.asDict(), expected))
    assert wrong == []
    assert {None, "invalid_avro", "wrong_type"} <= seen


def micros(instant: datetime) -> int:
    return (instant.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@pytest.fixture(scope="module")
def crowded(spark: SparkSession, registry: Registry, tmp_path_factory: pytest.TempPathFactory):
    """Records of five schemas, two of which are registered, judged where three are asked for, by a reader that wants
    every field declared.
    """
    value = {"id": "a", "at": AT_MS, "pieces": 2, "amount": 5.0}
    wide = {**SMALL, "fields": [*SMALL["fields"], {"name": "colour", "type": "string"}]}
    known = framed(registry.register("many", SMALL), encoded(SMALL, value))
    wider = framed(registry.register("wide", wide), encoded(wide, value | {"colour": "red"}))
    unknown = [framed(schema_id, known[5:]) for schema_id in (70_001, 70_003, 70_003, 70_002)]
    source = avro_orders(unknown_fields="quarantine")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headrace.jobs.writer_schemas.MAX_IDS", 3)
        lake = tmp_path_factory.mktemp("lake")
        return judge(spark, lake, registry, source, [*unknown, known, known, wider, wider])


def test_of_more_schema_ids_than_can_be_asked_for_those_of_most_records_are(crowded):
    assert [row[REASON] for row in crowded[:6]] == ["unknown_schema"] * 4 + [None] * 2
    details = ["too many schema ids", "no such schema", "no such schema", "too many schema ids"]
    assert [said in row[DETAIL] for row, said in zip(crowded, details, strict=False)] == [True] * 4


def test_a_reader_that_wants_every_field_declared_rejects_what_it_does_not_know(crowded):
    assert [(row[REASON], row[DETAIL]) for row in crowded[6:]] == [("unknown_field", "nobody declared colour")] * 2


def test_a_source_in_avro_without_a_registry_is_refused_with_what_to_set():
    with pytest.raises(UsageError, match=r"'orders' says format: avro.*Set HEADRACE_SCHEMA_REGISTRY=http"):
        WriterSchemas(avro_orders(), None)


def test_nothing_is_placed_without_the_registry_and_an_unknown_schema_is_replayed_once_it_is_there(
    spark, registry, tmp_path, monkeypatch
):
    monkeypatch.setattr("headrace.schema_registry.endpoint.PAUSES_S", (0.0,))
    plain = encoded(SMALL, {"id": "late", "at": AT_MS, "pieces": 2, "amount": 5.0})
    number = 1 + max(registry.schemas, default=0)
    source = avro_orders()
    raw = append_raw(tmp_path, "orders", [Record(framed(number, plain), 0), Record(framed(number, plain[:-1]), 1)])
    options: dict[str, Any] = {
        "raw": raw,
        "tables": source_tables(tmp_path, "shop", "orders", "definition"),
        "application": "test/avro",
        "lock_wait_s": 10.0,
        "registry": registry_of(registry, tmp_path),
    }
    cleaner = SourceCleaner(spark, source, **options)
    registry.answers[:] = [(503, {}, b"")] * 2
    with pytest.raises(SchemaRegistryError, match=r"asked 2 times .* Nothing was written"):
        cleaner.clean_all()
    assert cleaner.clean_all().reasons == {"unknown_schema": 2}
    assert registry.register("late", SMALL) == number
    replayed = SourceReplay(spark, source, **options | {"application": "test/replay"}).replay(["unknown_schema"])
    assert (replayed.cleaned, replayed.reasons) == (1, {"invalid_avro": 1})
    (row,) = spark.read.format("delta").load(str(options["tables"].clean)).collect()
    assert (row["id"], row["pieces"], row["amount"]) == ("late", 2, 5.0)
    assert [row["id"] for row in fit_rows(spark, source, raw, 0, options["registry"]).collect()] == ["late"]


def test_a_body_is_read_once_and_no_python_runs_beside_the_plan(spark, registry, tmp_path):
    path = append_raw(tmp_path, "orders", [Record(framed(registry.register("one", SMALL), b""), 0)])
    raw, source = spark.read.format("delta").load(str(path)), avro_orders()
    writers = WriterSchemas(source, registry_of(registry, tmp_path)).of(raw)
    plan = judge_records(raw, source, bind(source), writers)._jdf.queryExecution().executedPlan().toString()
    assert plan.count("from_avro(") == 1
    assert "Python" not in plan
