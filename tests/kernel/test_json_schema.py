from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator
from support.malformed_pipelines import WRONG_IN_FORM, WRONG_IN_SENSE, Malformed
from support.small_pipeline import SMALL, small

from headrace.pipeline import Pipeline
from headrace.pipeline.yaml_lines import read_yaml

SCHEMA = Pipeline.json_schema()


def accepted(text: str) -> bool:
    return Draft202012Validator(SCHEMA).is_valid(read_yaml(text.encode()).value)


def test_it_is_a_json_schema_that_can_be_written_to_a_file():
    Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


def test_the_small_file_conforms():
    assert accepted(SMALL)


@pytest.mark.parametrize("case", WRONG_IN_FORM, ids=lambda case: case.what)
def test_what_is_wrong_in_form_is_refused_by_the_schema_too(case: Malformed):
    assert not accepted(small(case.changes))


@pytest.mark.parametrize("case", WRONG_IN_SENSE, ids=lambda case: case.what)
def test_what_is_wrong_in_sense_is_left_to_the_checks(case: Malformed):
    assert accepted(small(case.changes))


def test_every_key_has_a_description_for_the_editor():
    blocks = {"Pipeline": SCHEMA, **SCHEMA["$defs"]}
    undescribed = [
        f"{name}.{key}"
        for name, block in blocks.items()
        for key, value in block.get("properties", {}).items()
        if not value.get("description") and "const" not in value
    ]
    assert undescribed == []
    assert all(block["description"] for block in blocks.values())
