"""docs/training.md, block by block, in one folder, on a small lake of the flights."""

from __future__ import annotations

from pathlib import Path

from support.pages import Page
from support.trainer_lake import trainer_lake

PAGE = Page.read("training.md")
INSTALL = "pip install '.[features]'"


def test_every_block_of_the_page_does_what_it_says(tmp_path, monkeypatch, capsys):
    trainer_lake(tmp_path)
    monkeypatch.chdir(tmp_path)
    PAGE.run(tmp_path, not_run=[INSTALL])
    said = capsys.readouterr().out
    assert "rows to learn from" in said
    assert "PRESENT" in said
    assert Path("rebuilt/data.parquet").read_bytes() == Path("late15-train/data.parquet").read_bytes()
    assert Path("from-the-shell/data.parquet").read_bytes() == Path("late15-train/data.parquet").read_bytes()


def test_the_page_shows_python_and_the_command_line():
    assert {language for language, _ in PAGE.blocks} == {"python", "sh", "toml"}
