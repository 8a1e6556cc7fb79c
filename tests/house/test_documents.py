"""What the documents say can be done: their links, commands, files and words are real."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from support.rooms import REPOSITORY
from typer.testing import CliRunner

from headrace import tables
from headrace.cli.app import app
from headrace.pipeline import load_pipeline

DOCUMENTS = sorted(REPOSITORY.glob("*.md")) + sorted((REPOSITORY / "docs").glob("*.md"))


def read(name: str) -> str:
    return (REPOSITORY / name).read_text()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_to_one(document: Path):
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_the_pipeline_file_of_the_readme_is_legal_and_has_ten_lines(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", read("README.md"), flags=re.DOTALL)
    file = tmp_path / "shop.yaml"
    file.write_text(text)
    assert list(load_pipeline(file).sources) == ["orders"]
    assert len(text.splitlines()) == 10


def commands() -> list[str]:
    """The headrace commands of README.md, without their comments."""
    found = re.findall(r"^    headrace (.+)$|`(?:\.venv/bin/)?headrace ([^`]+)`", read("README.md"), flags=re.MULTILINE)
    return sorted({(line or inline).partition("#")[0].strip() for line, inline in found})


def test_the_readme_shows_the_verbs():
    assert {command.split()[0] for command in commands()} >= {
        "pipeline",
        "land",
        "clean",
        "audit",
        "status",
        "demo",
        "doctor",
    }


@pytest.mark.parametrize("command", commands())
def test_every_command_of_the_readme_has_the_options_that_it_shows(command):
    answer = CliRunner().invoke(app, [*shlex.split(command), "--help"])
    assert answer.exit_code == 0, answer.output


def test_every_target_that_the_documents_name_is_in_the_makefile():
    named = {
        target
        for path in DOCUMENTS
        for target in re.findall(r"(?:^    |`)make ([a-z-]+)", path.read_text(), re.MULTILINE)
    }
    targets = set(re.findall(r"^([a-z-]+):.*##", read("Makefile"), flags=re.MULTILINE))
    assert {"demo", "test"} <= named <= targets


def test_every_fault_of_the_audit_is_explained():
    explained = set(re.findall(r"^\|[^|]*\| `(\w+)` \|", read("docs/design.md"), flags=re.MULTILINE))
    landing = {"lost_write", "waiting", "aborted_read", "inconsistent_offset", "duplicate", "skip", "extra"}
    assert explained == landing | {"lost", "waiting", "doubled", "unexplained", "unwon"}


def test_the_words_of_the_glossary_are_in_order_and_each_stands_once():
    words = re.findall(r"^\| \*\*(.+?)\*\* \|", read("docs/glossary.md"), flags=re.MULTILINE)
    assert len(words) > 30
    assert words == sorted(set(words), key=str.lower)


def test_the_places_of_tables_in_the_design_are_the_real_ones():
    lake = Path("lake")
    found = tables.source_tables(lake, "<pipeline>", "<source>", "<definition>")
    design = read("docs/design.md")
    assert f"`{tables.raw_table(lake, '<topic>').relative_to(lake)}`" in design
    assert f"`{found.clean.relative_to(lake)}`".replace("-1`", "-<n>`") in design
