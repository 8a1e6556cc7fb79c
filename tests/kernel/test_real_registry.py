"""The client against a schema registry that others wrote: what tests take for its API is what one answers.

Start one, such as Apicurio (io.apicurio:apicurio-registry-app, which needs Java only), and name it:

    REAL_SCHEMA_REGISTRY=http://127.0.0.1:8080/apis/ccompat/v7 make prove
"""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from headrace.schema_registry import Reference, SchemaRegistry, UnusableSchema
from headrace.settings import load_settings

pytestmark = pytest.mark.prove

PLACE = '{"type":"record","name":"Place","namespace":"shop","fields":[{"name":"code","type":"string"}]}'
ORDER = '{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"place","type":"shop.Place"}]}'
PROTO = 'syntax = "proto3";\nmessage Order {\n  string id = 1;\n}\n'


@pytest.fixture
def url() -> str:
    if not (named := os.environ.get("REAL_SCHEMA_REGISTRY")):
        pytest.skip("REAL_SCHEMA_REGISTRY names no schema registry: start one, and give its address")
    return named


def register(url: str, subject: str, text: str, *, kind: str = "AVRO", refers_to: str | None = None) -> int:
    """Registers a schema as a producer does; `refers_to` is the subject of shop.Place."""
    references = [{"name": "shop.Place", "subject": refers_to, "version": 1}] if refers_to else []
    body = json.dumps({"schema": text, "schemaType": kind, "references": references}).encode()
    request = Request(  # noqa: S310  the address is the tester's
        f"{url}/subjects/{quote(subject, safe='')}/versions",
        body,
        {"Content-Type": "application/vnd.schemaregistry.v1+json"},
    )
    with urlopen(request, timeout=30) as answer:  # noqa: S310  as above
        return int(json.load(answer)["id"])


def client(url: str, lake: Path) -> SchemaRegistry:
    found = SchemaRegistry.of(load_settings(environment={"HEADRACE_SCHEMA_REGISTRY": url}, folder=lake))
    assert found is not None
    return found


def test_schemas_of_each_format_are_found_by_id_with_what_they_refer_to(url, tmp_path):
    place = f"place/€ {uuid.uuid4()}"
    registry = client(url, tmp_path)
    plain = registry.schema(register(url, place, PLACE))
    order = registry.schema(register(url, f"order {uuid.uuid4()}", ORDER, refers_to=place))
    proto = registry.schema(register(url, f"proto {uuid.uuid4()}", PROTO, kind="PROTOBUF"))
    assert plain is not None
    assert (plain.type, json.loads(plain.text), plain.references) == ("AVRO", json.loads(PLACE), ())
    assert order is not None
    assert (order.type, json.loads(order.text)) == ("AVRO", json.loads(ORDER))
    assert order.references == (Reference("shop.Place", plain.text),)
    assert proto is not None
    assert (proto.type, proto.text.split()) == ("PROTOBUF", PROTO.split())


@pytest.mark.parametrize("schema_id", [0, 2**31 - 1, 2**32 - 1])
def test_an_id_that_nobody_has_is_unknown_and_no_error(url, tmp_path, schema_id):
    assert client(url, tmp_path).schema(schema_id) is None


def test_a_subject_that_is_not_there_is_absent_and_no_error(url, tmp_path):
    class Refers:
        def get(self, path: str) -> object:
            refers = [{"name": "x", "subject": f"nobody {uuid.uuid4()}", "version": 1}]
            return {"schema": '"x"', "references": refers} if path == "/schemas/ids/1" else real.get(path)

    real = client(url, tmp_path)._answers
    with pytest.raises(UnusableSchema, match="refers to version 1 of 'nobody"):
        SchemaRegistry(Refers(), client(url, tmp_path)._kept).schema(1)
