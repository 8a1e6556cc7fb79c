"""Asking a schema registry: what comes back, what is kept, and what each refusal is told as."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.registry_server import Registry, registry_server

from headrace.errors import ContractError, SchemaRegistryError, SettingsError
from headrace.infra.local.ports import choose_port
from headrace.schema_registry import Reference, RegisteredSchema, SchemaRegistry, UnusableSchema
from headrace.schema_registry.endpoint import Endpoint
from headrace.settings import load_settings

PLACE = {"type": "record", "name": "Place", "fields": [{"name": "code", "type": "string"}]}
ORDER = {"type": "record", "name": "Order", "fields": [{"name": "place", "type": "Place"}]}

Opened = Callable[..., SchemaRegistry]


def login(user: str, password: str) -> dict[str, str]:
    return {"schema_registry_user": user, "schema_registry_password": password}


@pytest.fixture
def server() -> Iterator[Registry]:
    with registry_server() as registry:
        yield registry


@pytest.fixture
def opened(server: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """A client by settings, whose pauses take no time."""
    monkeypatch.setattr("headrace.schema_registry.endpoint.PAUSES_S", (0.0, 0.0))

    def of(**settings: object) -> SchemaRegistry:
        environment = {f"HEADRACE_{name.upper()}": str(value) for name, value in settings.items()}
        named = {"HEADRACE_SCHEMA_REGISTRY": server.url} | environment
        registry = SchemaRegistry.of(load_settings(environment=named, folder=tmp_path))
        assert registry is not None
        return registry

    return of


def test_a_schema_is_found_by_its_id_with_all_that_it_refers_to(server, opened):
    server.register("codes", "string")
    server.register("place/€", PLACE, [("Code", "codes", 1)])
    number = server.register("order", ORDER, [("Place", "place/€", 1), ("Code", "codes", 1)])
    assert opened().schema(number) == RegisteredSchema(
        number, "AVRO", json.dumps(ORDER), (Reference("Code", "string"), Reference("Place", json.dumps(PLACE)))
    )
    assert server.asked == [
        f"/schemas/ids/{number}",
        "/subjects/place%2F%E2%82%AC/versions/1?deleted=true",
        "/subjects/codes/versions/1?deleted=true",
    ]


def test_an_id_that_the_registry_lacks_is_no_error_and_is_asked_for_again(server, opened):
    registry = opened()
    assert registry.schema(7) is None
    server.register("late", PLACE, schema_id=7)
    assert registry.schema(7) is not None


def test_an_id_that_no_registry_can_have_is_not_asked_for(server, opened):
    assert opened().schema(2**31) is None
    assert server.asked == []


def test_what_was_found_is_kept_in_the_lake_and_read_without_a_registry(server, opened, tmp_path):
    number = server.register("place", PLACE, kind="PROTOBUF")
    first = opened().schema(number)
    (file,) = (tmp_path / ".headrace" / "lake" / ".schemas").rglob("*.json")
    server.answers[:] = [(500, {}, b"")] * 9
    assert opened().schema(number) == first
    assert (file.name, first.type) == (f"{number}.json", "PROTOBUF")
    assert server.asked == [f"/schemas/ids/{number}"]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"id": 8, "type": "AVRO", "text": "x", "references": []}'])
def test_a_kept_file_that_holds_something_else_is_named(server, opened, tmp_path, text):
    number = server.register("place", PLACE)
    opened().schema(number)
    (file,) = (tmp_path / ".headrace" / "lake" / ".schemas").rglob("*.json")
    file.write_text(text)
    with pytest.raises(ContractError, match=r"1\.json .*Delete it: it is asked for anew"):
        opened().schema(number)


def test_a_reference_that_the_registry_lacks_makes_the_schema_unusable_and_is_not_kept(server, opened):
    number = server.register("order", ORDER, [("Place", "place", 3)])
    with pytest.raises(UnusableSchema, match="refers to version 3 of 'place', which the registry lacks"):
        opened().schema(number)
    server.subjects[("place", 3)] = server.register("other", PLACE)
    assert opened().schema(number).references == (Reference("Place", json.dumps(PLACE)),)


def test_references_that_go_in_a_circle_end(server, opened):
    number = server.register("order", ORDER, [("Order", "order", 1)])
    assert len(opened().schema(number).references) == 1


def test_the_registry_is_told_who_asks_and_refuses_others(server, opened):
    server.authorization = "Basic YW5uOnMzY3JldDo="  # ann:s3cret:
    number = server.register("place", PLACE)
    known = opened(**login("ann", "s3cret:"))
    assert known.schema(number) is not None
    with pytest.raises(
        SchemaRegistryError, match=r"refuses /schemas/ids/9 as 'bob': 401. Set HEADRACE_SCHEMA_REG"
    ) as err:
        opened(**login("bob", "hunter2")).schema(9)
    assert "hunter2" not in str(err.value)
    with pytest.raises(SchemaRegistryError, match="without credentials: 401"):
        opened().schema(9)


def test_a_registry_that_fails_in_passing_is_asked_again(server, opened):
    number = server.register("place", PLACE)
    server.answers[:] = [(503, {}, b"starting"), (429, {}, b"")]
    assert opened().schema(number) is not None
    server.answers[:] = [(500, {}, b'{"error_code": 50001, "message": "Error in the backend"}')] * 3
    with pytest.raises(SchemaRegistryError, match=r"asked 3 times for /schemas/ids/9: .* answers 500 .*in the backend"):
        opened().schema(9)


def test_of_several_addresses_the_first_that_answers_is_taken(server, opened):
    number = server.register("place", PLACE)
    nobody = f"http://127.0.0.1:{choose_port()}"
    assert opened(schema_registry=f"{nobody},{server.url}/").schema(number) is not None
    with pytest.raises(SchemaRegistryError, match=r"does not answer: .*refused.*Is it running"):
        opened(schema_registry=nobody).schema(number + 1)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((404, {}, b"<html>no such page</html>"), r"answers 404 \(<html>no such.*path of the address right"),
        ((404, {}, b'{"error_code": 404, "message": "HTTP 404"}'), "answers 404"),
        ((422, {}, b'{"error_code": 42201, "message": "odd"}'), r"answers 422 \(odd\)"),
        ((302, {"Location": "http://elsewhere/"}, b""), r"sends .* on to http://elsewhere/. Credentials are not sent"),
        ((200, {}, b"<html>"), "something that is not JSON"),
        ((200, {}, b"[" * 100_000), "something that is not JSON"),
        ((200, {}, b"[]"), "in a form that Confluent's API does not have"),
        ((200, {}, b'{"schema": 7}'), "in a form that Confluent's API does not have"),
        ((200, {}, b'{"schema": "", "references": [1]}'), "in a form that Confluent's API does not have"),
        ((200, {}, b" " * (16 * 2**20 + 1)), "more than 16777216 bytes"),
    ],
)
def test_what_is_no_answer_of_a_registry_is_never_taken_for_an_unknown_schema(server, opened, answer, message):
    server.answers[:] = [answer]
    with pytest.raises(SchemaRegistryError, match=message):
        opened().schema(7)


def test_a_registry_behind_tls_is_trusted_by_its_authority_only(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=registry", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "1"]
    subprocess.run([*make, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with registry_server(context) as registry:
        number = registry.register("place", PLACE)
        path = f"/schemas/ids/{number}"
        assert Endpoint([registry.url], ca=certificate).get(path) == registry.schemas[number]
        with pytest.raises(
            SchemaRegistryError, match=r"certificate .* is not trusted: self.signed.*schema_registry_ca"
        ):
            Endpoint([registry.url]).get(path)
    with pytest.raises(SchemaRegistryError, match=r"key\.pem cannot be read as a PEM file of certificates"):
        Endpoint([registry.url], ca=key)


def test_several_processes_may_keep_one_schema_at_once(server, opened):
    number = server.register("place", PLACE)
    found: list[RegisteredSchema | None] = []
    threads = [threading.Thread(target=lambda: found.append(opened().schema(number))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [RegisteredSchema(number, "AVRO", json.dumps(PLACE))] * 8


@pytest.mark.parametrize(
    ("environment", "file", "message"),
    [
        ({"HEADRACE_SCHEMA_REGISTRY": "registry:8081"}, "", "found 'registry:8081'; write http://host:port"),
        ({"HEADRACE_SCHEMA_REGISTRY": "http://a:1,ftp://b"}, "", "write http://host:port"),
        ({"HEADRACE_SCHEMA_REGISTRY": "http://ann:s3cret@a:1"}, "", r"found 'http://…@a:1'; credentials do not belong"),
        ({}, 'schema_registry_password = "s3cret"', r"give it as HEADRACE_SCHEMA_REGISTRY_PASSWORD only"),
    ],
)
def test_settings_of_a_registry_are_refused_without_a_word_of_the_password(tmp_path, environment, file, message):
    (tmp_path / "headrace.toml").write_text(f"[default]\n{file}\n")
    with pytest.raises(SettingsError, match=message) as err:
        load_settings(environment=environment, folder=tmp_path)
    assert "s3cret" not in repr(err.value)


def test_a_password_is_never_shown(tmp_path):
    environment = {"HEADRACE_SCHEMA_REGISTRY_PASSWORD": "s3cret"}
    settings = load_settings(environment=environment, folder=tmp_path)
    assert "s3cret" not in repr(settings) + str(settings) + settings.model_dump_json()
