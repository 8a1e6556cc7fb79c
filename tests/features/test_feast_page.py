"""docs/feast.md, block by block, in one folder, on a small lake of the flights."""

from __future__ import annotations

from support.feast_lake import answers
from support.pages import Page
from support.trainer_lake import trainer_lake

PAGE = Page.read("feast.md")
UI = "feast -f .headrace/feast/feature_store.yaml ui -h 127.0.0.1 -p 8888"


def test_every_block_of_the_page_does_what_it_says(tmp_path, monkeypatch, capsys):
    trainer_lake(tmp_path)
    monkeypatch.chdir(tmp_path)
    names = PAGE.run(tmp_path, not_run=[UI])
    assert "['PRESENT', 'NOT_FOUND']" in capsys.readouterr().out
    assert names["found"]["origin"].tolist() == ["JFK", "EWR"]
    assert names["found"]["airport_weather__temp"].notna().tolist() == [True, True]
    assert names["found"]["aircraft_facts__seats"].notna().tolist() == [True, False]
    assert [status for status, _ in answers(names["answer"], "temp")] == ["PRESENT", "NOT_FOUND"]
    assert [status for status, _ in answers(names["answer"], "seats")] == ["PRESENT", "PRESENT"]


def test_the_page_shows_the_command_that_serves_the_pages_on_the_loopback():
    assert ("sh", UI + "\n") in PAGE.blocks
