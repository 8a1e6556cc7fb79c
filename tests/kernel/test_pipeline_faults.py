from __future__ import annotations

import pytest
from support.malformed_pipelines import NOT_YAML, WRONG_IN_FORM, WRONG_IN_SENSE, Malformed
from support.small_pipeline import SMALL, load_text, small

from headrace.errors import PipelineError
from headrace.pipeline import Column, Pipeline, Source, load_pipeline

CASES = NOT_YAML + WRONG_IN_FORM + WRONG_IN_SENSE


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_a_malformed_file_is_refused_with_its_line_and_what_is_legal(case: Malformed, tmp_path):
    with pytest.raises(PipelineError) as caught:
        load_text(small(case.changes), tmp_path)
    error = caught.value
    assert str(error).startswith(f"{tmp_path}/p.yaml:{case.line}: {case.says}")
    assert error.hint
    assert error.exit_code == 2


def test_the_table_of_malformed_files_has_no_case_twice():
    assert len({case.what for case in CASES}) == len(CASES) > 100


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (b"", 1, "the file is empty"),
        (b"# nothing but a comment\n", 1, "the file is empty"),
        (b"shop", 1, "found 'shop' instead of a mapping"),
        (b"- shop", 1, "found the list [shop] instead of a mapping"),
        (b"description: x\npipeline: caf\xe9", 2, "byte 28 is not UTF-8"),
        (b"description: x\npipeline: a\x01b", 2, "this is not YAML: it holds a control character"),
        (b"#" * 300_000, 1, "the file has 300,000 bytes"),
        (b"a: " + b"[" * 5_000, 1, "values are nested deeper than 30"),
        (b"? [a]\n: b", 1, "a key must be plain text"),
        (b"<<: 7", 1, "'<<' takes a mapping"),
        (b"a: &a [*a]", 1, "nothing is anchored as '&a' before this"),
        (b"pipeline: " + b"9" * 5_000 + b"\nsources: {}", 1, "'99999999999"),
    ],
)
def test_what_is_no_pipeline_at_all_is_refused_too(content, line, says, tmp_path):
    with pytest.raises(PipelineError) as caught:
        load_text(content, tmp_path)
    assert f"p.yaml:{line}: {says}" in str(caught.value)


def test_aliases_that_unfold_without_end_are_refused_before_they_do(tmp_path):
    lines = ["a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20)]
    with pytest.raises(PipelineError, match="unfold to more than 50,000 values"):
        load_text("\n".join(lines), tmp_path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(PipelineError, match=r"no\.yaml:1: the file cannot be read: No such file or directory"):
        load_pipeline(tmp_path / "no.yaml")


def test_all_that_is_wrong_is_told_in_the_order_of_the_file(tmp_path):
    broken = small(
        {70: "    split: {train: {until: 2024-06-01}}", 11: "      customer: {type: text}", 48: "    hop: fast"}
    )
    with pytest.raises(PipelineError) as caught:
        load_text(broken, tmp_path)
    assert [(error.line, error.problem) for error in (caught.value, *caught.value.others)] == [
        (11, "'text' is not legal for 'type'"),
        (48, "'fast' is not a duration"),
        (70, "'test' is missing here"),
    ]


def test_a_pipeline_built_in_python_is_checked_like_a_file():
    with pytest.raises(PipelineError) as caught:
        Pipeline(
            pipeline="shop",
            sources={"orders": Source(topic="orders", event_id=["order"], columns={"order_id": Column(type="string")})},
        )
    assert str(caught.value) == (
        "Pipeline(…): sources.orders: 'event_at' is missing here. "
        "Say when a fact became known: a timestamp column, or an expression"
    )


def test_a_pipeline_built_in_python_names_the_place_of_a_wrong_form():
    with pytest.raises(PipelineError, match=r"^Pipeline\(…\): sources.orders.columns.x.type: 'text' is not legal"):
        Pipeline(
            pipeline="shop", sources={"orders": {"table": "t", "event_id": ["x"], "columns": {"x": {"type": "text"}}}}
        )


def test_the_small_file_itself_is_well_formed(tmp_path):
    assert load_text(SMALL, tmp_path).pipeline == "shop"
