"""`headrace prune` and `headrace selection`: what they say, and what they refuse."""

from __future__ import annotations

import json

import pytest
from support.pruned_lake import ALIKE, EVERYTHING, KEPT, PRUNE, STAYS, pruned_lake, pruned_text
from typer.testing import CliRunner

from headrace.cli.app import app


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """With two selections: by the file, and with what the first has left out kept by hand."""
    lake = pruned_lake(tmp_path_factory.mktemp("pruned"))
    run(lake, "prune")
    lake.file.write_text(pruned_text(PRUNE.replace("}}", f"}}, keep: [{ALIKE}]}}")))
    run(lake, "prune")
    return lake


def run(lake, *verb, service="risk", more=(), code=0):
    where = ["-p", str(lake.file), "--lake", str(lake.settings().lake), "--json"]
    answer = CliRunner().invoke(app, [*verb, *where, service, *map(str, more)])
    assert answer.exit_code == code, answer.output
    return json.loads(answer.stdout.splitlines()[-1])


def shown(lake, *verb):
    answer = CliRunner().invoke(app, [*verb, "-p", str(lake.file), "--lake", str(lake.settings().lake)])
    assert answer.exit_code == 0, answer.output
    return " ".join(answer.stdout.split())


def test_a_decision_is_shown_with_partner_and_coefficient(lake):
    found = run(lake, "selection", "show", more=["--selection", 1])
    assert (found["in_use"], found["pinned"], found["versions"], found["selection"]) == (2, None, [1, 2], 1)
    assert (found["kept"], [out["feature"] for out in found["dropped"]]) == (KEPT, [ALIKE])
    text = shown(lake, "selection", "show", "risk", "--selection", "1")
    assert f"{ALIKE} {STAYS} +{found['dropped'][0]['r']:.4f}" in text
    assert "5 features stay, 1 are left out: |r| (pearson) is at least 0.95 on 48 rows of risk" in text


def test_two_decisions_are_compared(lake):
    found = run(lake, "selection", "diff", more=[1])
    assert found["differences"] == [
        {"feature": STAYS, "from": "given out", "to": f"left out for {ALIKE}"},
        {"feature": ALIKE, "from": f"left out for {STAYS}", "to": "given out"},
    ]
    assert "give out the same" in shown(lake, "selection", "diff", "risk", "2", "2")


def test_a_pin_holds_until_it_goes(lake, tmp_path):
    assert run(lake, "selection", "pin", more=[0])["pinned"] == 0
    made = run(lake, "training-set", more=["--out", tmp_path / "all"])
    assert set(EVERYTHING) <= set(made["columns"])
    assert run(lake, "selection", "unpin")["pinned"] is None
    made = run(lake, "training-set", more=["--out", tmp_path / "pruned"])
    assert (made["selection"], STAYS in made["columns"], ALIKE in made["columns"]) == (2, False, True)


@pytest.mark.parametrize(
    ("verb", "service", "more", "message"),
    [
        ("show", "riks", [], "there is no service 'riks'. Did you mean: risk"),
        ("show", "account_only", [], "nothing was decided of the service 'account_only'"),
        ("show", "risk", ["--selection", 7], "no selection 7. There are: 1, 2"),
        ("diff", "risk", [1, 7], "no selection 7. There are: 1, 2"),
        ("pin", "risk", [7], "no selection 7. There are: 0, 1, 2"),
        ("pin", "risk", [1], "selection 1 was made for the service 'risk' as it was declared then"),
    ],
)
def test_a_wrong_question_is_refused(lake, verb, service, more, message):
    found = run(lake, "selection", verb, service=service, more=more, code=2)
    assert message in found["message"]


def test_a_rebuild_takes_its_selection_from_the_manifest(lake, tmp_path):
    command = ["training-set", "--rebuild", "m.json", "--selection", "1", "--out", str(tmp_path)]
    answer = CliRunner().invoke(app, command)
    assert (answer.exit_code, "--rebuild takes everything from the manifest" in answer.output) == (2, True)
