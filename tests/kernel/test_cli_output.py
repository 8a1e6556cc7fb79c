"""What verbs print: tables, steps, and the result of the demo."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headrace.audit import CleaningBooks, SourceBooks
from headrace.cli.audit import audit_result
from headrace.cli.demo import Variant
from headrace.cli.demo_result import demo_result
from headrace.cli.output import Result, print_result, step, table
from headrace.landing_audit import LandingBooks
from headrace.settings import load_settings

LANDED = LandingBooks("t", 9, 9, 0, 0, 0, 0, 0, 0, 0, examples=())
CLEANED = CleaningBooks(
    "s", raw=9, clean=7, duplicates=1, quarantine=1, lost=0, waiting=0, doubled=0, unexplained=0, unwon=0, examples=()
)
RIGHT = SourceBooks("s", "t", LANDED, CLEANED)
WRONG = SourceBooks("s", "t", LANDED, CleaningBooks("s", 9, 6, 1, 1, 1, 0, 0, 0, 0, ("lost: partition 0, offset 4",)))


def test_a_table_shows_text_as_it_is_and_numbers_with_thousands_apart(capsys):
    print_result(Result({}, table(["name", "rows"], [("[bold]x[/bold]", 1_234_567)])), as_json=False)
    assert capsys.readouterr().out.splitlines() == ["name                 rows", "[bold]x[/bold]  1,234,567"]


def test_a_result_for_machines_is_one_line_even_where_values_have_many(capsys):
    print_result(Result({"text": "a\nb"}, "for people"), as_json=True)
    assert capsys.readouterr().out == '{"text": "a\\nb"}\n'


def test_a_step_says_on_stderr_that_it_began_what_it_does_and_that_it_is_done(capsys, monkeypatch):
    monkeypatch.setattr("headrace.cli.output.REPORT_INTERVAL_S", 0.0)
    with step("land [1]") as report:
        report("5 of [10]")
    captured = capsys.readouterr()
    first, second, third = captured.err.splitlines()
    assert (first, second) == ("land [1] …", "land [1]: 5 of [10]")
    assert third.startswith("land [1]: done in ")
    assert captured.out == ""


def test_a_step_that_says_much_is_shown_once_a_second_at_most(capsys):
    with step("land") as report:
        for number in range(1_000):
            report(str(number))
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_a_step_that_fails_is_not_said_to_be_done(capsys):
    with pytest.raises(ZeroDivisionError), step("land"):
        raise ZeroDivisionError
    assert "done" not in capsys.readouterr().err


def test_an_audit_with_a_fault_exits_with_3_and_one_without_exits_with_0():
    assert audit_result([RIGHT]).exit_code == 0
    assert audit_result([RIGHT, WRONG]).exit_code == 3


def test_an_interrupted_replay_is_told_and_is_no_fault(capsys):
    assert audit_result([SourceBooks("s", "t", None, replace(CLEANED, unfinished=2))]).exit_code == 0
    assert capsys.readouterr().err.splitlines() == [
        "t: 2 records are placed and still called rejected: a replay was interrupted, or runs. "
        "To finish it: headrace replay s"
    ]


def test_the_demo_exits_with_0_only_when_books_and_predictions_are_right(capsys):
    assert demo_result([RIGHT], {}, {}, {}, {}).exit_code == 0
    assert demo_result([WRONG], {}, {}, {}, {}).exit_code == 3
    assert demo_result([RIGHT], {"s": ["clean: predicted 8, found 7"]}, {}, {}, {}).exit_code == 3
    assert capsys.readouterr().err.splitlines() == ["t: lost: partition 0, offset 4", "s: clean: predicted 8, found 7"]


def answers(**different: int) -> dict:
    """What the second half of the demo found."""
    ages = {"airport": 0.0, "plane": 93_600.0, "weather": None}
    return {
        "features": {"delays": {"entity": "airport", "features": 12, "rows": 1_234}},
        "model": {"auc": 0.7456, "average_precision": 0.5, "train_rows": 1_000, "test_rows": 200, "late_share": 0.25},
        "online": {
            "as_of": "2013-12-30",
            "flights": 2,
            "values": 24,
            "different_values": 0,
            "different_predictions": 0,
            "sample": [{"flight": "UA-1-EWR-20131229", "late15": 0.421, "age_s": ages}],
        }
        | different,
    }


def test_the_demo_exits_with_3_when_online_values_or_predictions_are_others():
    assert demo_result([RIGHT], {}, answers(), {}, {}).exit_code == 0
    assert demo_result([RIGHT], {}, answers(different_values=1), {}, {}).exit_code == 3
    assert demo_result([RIGHT], {}, answers(different_predictions=1), {}, {}).exit_code == 3


def test_the_demo_ends_with_tables_the_seconds_and_the_places(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    places = {"lake": "a/[b]", "journal": tmp_path / ".headrace" / "journal"}
    seconds = {"land": 1.5, "clean": 2.0}
    print_result(demo_result([RIGHT], {}, answers(), seconds, places), as_json=False)
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "",
        "source  events  raw  clean  quarantine  duplicates",
        "s            9    9      7           1           1",
        "total        9    9      7           1           1",
        "",
        "feature group  entity   features   rows",
        "delays         airport        12  1,234",
        "",
        "model: AUC 0.7456, average precision 0.5000, learnt from 1,000 flights, tested on 200 later (25.0% late)",
        "",
        "flight             late15  age of airport  age of plane    age of weather",
        "UA-1-EWR-20131229   0.421  0:00:00         1 day, 2:00:00  never seen",
        "",
        "Online: 2 flights, 24 values as of 2013-12-30: each is the offline one, and so is each prediction.",
        "",
        "seconds: land 1.5, clean 2.0; together 3.5",
        "",
        "lake:          a/[b]",
        "journal:       .headrace/journal",
        "",
        "Audit: every record is accounted for, once, and every count is as predicted.",
    ]


def test_a_demo_of_few_days_says_why_it_has_no_model(capsys):
    print_result(demo_result([RIGHT], {}, {}, {}, {}), as_json=False)
    assert "No features and no model: they need at least 10 days." in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("variant", "name"),
    [
        (Variant(365, 0.0, 7, "event_time"), ""),
        (Variant(365, 0.0, 8, "event_time"), ""),  # without defects a seed changes nothing
        (Variant(30, 0.0, 7, "event_time"), "days30"),
        (Variant(365, 0.01, 7, "event_time"), "defects0.01-seed7"),
        (Variant(3, 0.005, 8, "published"), "days3-defects0.005-seed8-published"),
    ],
)
def test_each_variant_of_the_demo_has_a_name_that_tells_it_from_the_others(variant, name):
    assert variant.name == name


def test_each_variant_of_the_demo_has_its_own_lake_journal_and_topics(tmp_path):
    given = load_settings(environment={}, folder=tmp_path)
    whole, some = Variant(365, 0.0, 7, "event_time"), Variant(3, 0.0, 7, "event_time")
    assert whole.settings(given) == given
    assert whole.journal(given) == tmp_path / ".headrace" / "journal"
    assert some.settings(given).lake == tmp_path / ".headrace" / "variants" / "days3" / "lake"
    assert some.settings(given).topic("flights") == "days3.flights"
    assert some.journal(given) == tmp_path / ".headrace" / "variants" / "days3" / "journal"
