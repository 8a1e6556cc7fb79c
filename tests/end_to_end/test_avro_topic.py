"""A topic in Avro from the command line: a job with the locked jars, and the registry that the settings name."""

from __future__ import annotations

import pytest
from support.avro_orders import AT_MS, SMALL, encoded, framed
from support.command_line import run
from support.raw_lake import Record, append_raw
from support.registry_server import registry_server
from support.shop import write_shop

pytestmark = [pytest.mark.spark, pytest.mark.slow]


def test_a_topic_in_avro_is_cleaned_by_the_schemas_of_the_registry_that_the_settings_name(tmp_path):
    body = encoded(SMALL, {"id": "a", "at": AT_MS, "pieces": 2, "amount": 5.0})
    with registry_server() as registry:
        number = registry.register("orders-value", SMALL)
        (tmp_path / "headrace.toml").write_text(f'[default]\nschema_registry = "{registry.url}"\n')
        values = [framed(number, body), framed(number, body), framed(number, body[:-1]), framed(77, body), b"{}"]
        append_raw(tmp_path / ".headrace" / "lake", "orders", [Record(value, at) for at, value in enumerate(values)])
        code, answer, said = run("clean", "-p", write_shop(tmp_path / "shop.yaml", format="avro"), folder=tmp_path)
    assert code == 0, said
    reasons = {"invalid_avro": 1, "invalid_frame": 1, "unknown_schema": 1}
    assert answer["sources"]["orders"] == {"clean": 1, "duplicates": 1, "quarantine": 3, "reasons": reasons}
    assert registry.asked == [f"/schemas/ids/{number}", "/schemas/ids/77"]


def test_without_a_registry_in_the_settings_the_job_says_so_before_it_starts(tmp_path):
    append_raw(tmp_path / ".headrace" / "lake", "orders", [Record(b"\0\0\0\0\1", 0)])
    code, _, said = run("clean", "-p", write_shop(tmp_path / "shop.yaml", format="avro"), folder=tmp_path)
    assert code == 2
    assert "Set HEADRACE_SCHEMA_REGISTRY=http://host:port" in said
