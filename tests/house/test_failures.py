"""The catalogue of failures: every case is there, and every test that it names exists."""

from __future__ import annotations

import ast
import re

from support.rooms import REPOSITORY

PAGE = (REPOSITORY / "docs" / "failures.md").read_text()
NUMBERS = {"B": range(1, 12), "C": range(1, 15), "R": range(1, 10), "S": range(1, 13), "T": range(1, 10)}
CASES = [f"{kind}{number}" for kind, numbers in NUMBERS.items() for number in numbers]


def rows() -> dict[str, str]:
    """The text of each row by its case."""
    found = re.findall(r"^\| ([BCRST]\d+) \|(.*)$", PAGE, flags=re.MULTILINE)
    assert len(found) == len(dict(found))
    return dict(found)


def named_in(row: str) -> list[tuple[str, str]]:
    """The tests that a row names: file and function."""
    return re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row)


def functions(file: str) -> dict[str, str]:
    """The functions of a file of tests, those of its classes included, with their decorators as text."""
    tree = ast.parse((REPOSITORY / file).read_text())
    return {
        node.name: " ".join(ast.unparse(each) for each in node.decorator_list)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }


def test_every_case_has_a_row():
    assert list(rows()) == CASES


def test_every_row_names_a_test_or_says_that_there_is_none_and_what_happens():
    silent = [case for case, row in rows().items() if not named_in(row) and "*No test*" not in row.replace("*n", "*N")]
    assert silent == []


def test_every_test_that_is_named_exists():
    named = {place for row in rows().values() for place in named_in(row)}
    assert len(named) > 20
    assert [f"{file}::{name}" for file, name in sorted(named) if name not in functions(file)] == []


def test_those_marked_prove_are_those_that_only_make_prove_runs():
    marked = set(re.findall(r"\*prove\*: `(tests/[\w/]+\.py)::(\w+)`", PAGE))
    named = {place for row in rows().values() for place in named_in(row)}
    assert marked == {(file, name) for file, name in named if "pytest.mark.prove" in functions(file)[name]}
