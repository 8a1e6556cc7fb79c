"""The command line: what it prints where, and what its exit codes say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from headrace.cli.app import VERBS
from headrace.tables import raw_table, source_tables

PIPELINE = """
pipeline: shop
sources:
  orders:
    topic: orders
    event_id: [order_id]
    event_at: ordered_at
    columns:
      order_id: {type: string, required: true}
      ordered_at: {type: timestamp, required: true}
"""


def headrace(
    *arguments: object, folder: Path, script: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs the command line in a process of its own, in `folder`; `script` is Python that runs before it."""
    start = f"import sys\n{script}\nfrom headrace.cli import main\nsys.argv = ['headrace', *sys.argv[1:]]\nmain()"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    return subprocess.run(
        [sys.executable, "-c", start, *map(str, arguments)],
        cwd=folder,
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def pipeline_file(tmp_path):
    file = tmp_path / "shop.yaml"
    file.write_text(PIPELINE)
    return file


def positions(offsets):
    return pa.table(
        {
            "_topic_id": pa.array(["id"] * len(offsets), pa.string()),
            "_generation": pa.array([0] * len(offsets), pa.int32()),
            "_partition": pa.array([0] * len(offsets), pa.int32()),
            "_offset": pa.array(offsets, pa.int64()),
        }
    )


@pytest.fixture
def cleaned_lake(tmp_path, pipeline_file):
    """A lake with two orders: the first is clean, the second in quarantine."""
    from headrace.pipeline import load_pipeline

    lake = tmp_path / ".headrace" / "lake"
    tables = source_tables(lake, "shop", "orders", load_pipeline(pipeline_file).definition("orders"))
    raw = positions([0, 1]).append_column("value", pa.array([b"{}", b"x"], pa.binary()))
    write_deltalake(raw_table(lake, "orders"), raw)
    write_deltalake(tables.clean, positions([0]))
    winners = [f"winner{name}" for name in positions([]).column_names]
    write_deltalake(
        tables.duplicates, pa.table([*positions([]), *positions([])], [*positions([]).column_names, *winners])
    )
    attempts = {"attempt": pa.array([1], pa.int32()), "outcome": pa.array(["rejected"])}
    quarantined = positions([1])
    for name, column in attempts.items():
        quarantined = quarantined.append_column(name, column)
    write_deltalake(tables.quarantine, quarantined)
    return tables


def test_verbs_that_are_not_built_are_absent():
    assert list(VERBS) == [
        *["doctor", "jars", "up", "down", "status", "init", "land", "fit", "profile", "clean", "release", "drop"],
        *["replay", "rebuild", "switch", "build", "prune", "apply", "materialize", "training-set", "audit", "fsck"],
        *["compact", "vacuum", "demo"],
    ]


def test_help_lists_every_verb_without_any_extra_installed(tmp_path):
    absent = "sys.modules |= dict.fromkeys(['deltalake', 'kafka', 'pyarrow', 'pyspark', 'pandas', 'numpy', 'delta'])"
    answer = headrace("--help", folder=tmp_path, script=absent)
    assert answer.returncode == 0
    assert all(verb in answer.stdout for verb in [*VERBS, "checks", "pipeline", "plan", "quarantine", "selection"])


@pytest.mark.parametrize("verb", [*VERBS, "pipeline check", "pipeline schema", "quarantine show", "selection diff"])
def test_every_verb_has_help_and_a_line_for_machines(tmp_path, verb):
    answer = headrace(*verb.split(), "--help", folder=tmp_path, COLUMNS="200")
    assert answer.returncode == 0
    assert "--json" in answer.stdout


@pytest.mark.parametrize(
    ("package", "arguments", "extra"),
    [("deltalake", ["audit", "-p", "shop.yaml"], "ingestion"), ("orjson", ["demo", "--brokers", "local:1"], "demo")],
)
def test_a_missing_extra_is_named_with_the_command_that_installs_it(tmp_path, pipeline_file, package, arguments, extra):
    answer = headrace(*arguments, folder=tmp_path, script=f"sys.modules['{package}'] = None")
    assert answer.returncode == 1
    assert answer.stderr.splitlines()[-1] == (
        f"headrace {arguments[0]}: the package '{package}' is not installed. "
        f"Install it with: pip install 'headrace[{extra}]'"
    )


def test_a_checked_pipeline_file_is_shown_on_stdout(tmp_path, pipeline_file):
    answer = headrace("pipeline", "check", pipeline_file, folder=tmp_path)
    assert answer.returncode == 0
    assert answer.stdout.splitlines()[1].split()[:4] == ["orders", "topic", "orders", "2"]
    assert answer.stderr == ""


def test_json_is_exactly_one_line_on_stdout(tmp_path, pipeline_file):
    answer = headrace("pipeline", "check", pipeline_file, "--json", folder=tmp_path)
    (line,) = answer.stdout.splitlines()
    assert json.loads(line)["pipeline"] == "shop"


def test_the_json_schema_is_printed_for_editors(tmp_path):
    answer = headrace("pipeline", "schema", folder=tmp_path)
    assert answer.returncode == 0
    assert "sources" in json.loads(answer.stdout)["properties"]


WRONG = {
    "an unknown verb": (["lnad"], 2, "No such command 'lnad'"),
    "an unknown option": (["up", "--hom", "x"], 2, "No such option"),
    "no pipeline file": (["pipeline", "check", "absent.yaml"], 2, "absent.yaml:1: "),
    "a broken pipeline file": (["pipeline", "check", "broken.yaml"], 2, "broken.yaml:1: "),
    "an unknown source": (["audit", "ordres", "-p", "shop.yaml"], 2, "named 'ordres'. Did you mean: orders?"),
    "raw only without a journal": (["audit", "-p", "shop.yaml", "--raw-only"], 2, "--journal"),
    "a missing table": (["audit", "-p", "shop.yaml"], 1, "`headrace land` makes it"),
    "a missing journal": (["audit", "-p", "shop.yaml", "--journal", "absent"], 1, "there is no journal in absent"),
    "landing nothing": (["land", "--brokers", "127.0.0.1:1"], 2, "which topics?"),
    "no broker": (["land", "--topic", "orders"], 1, "Start one with `headrace up`"),
    "an interval for a stream": (
        ["clean", "-p", "shop.yaml", "--stream", "--from", "2013-01-01"],
        2,
        "--from and --to",
    ),
    "a batch until its end": (["clean", "-p", "shop.yaml", "--until-end"], 2, "--until-end belongs to --stream"),
    "too many days": (["demo", "--days", "366"], 2, "less than or equal to 365"),
    "building up to no time": (["build", "-p", "shop.yaml", "--until", ""], 2, "--until: '' is no time"),
    "building nothing": (["build", "-p", "shop.yaml"], 2, "shop.yaml declares no feature group"),
    "a choice for a rebuild": (
        ["training-set", "--rebuild", "set", "--as-of", "event", "--out", "again"],
        2,
        "--rebuild takes everything from the manifest",
    ),
    "a bad lake": (["status", "--lake", "a|b"], 2, "setting 'lake'"),
}


@pytest.mark.parametrize(("arguments", "code", "message"), WRONG.values(), ids=WRONG)
def test_a_mistake_is_answered_with_a_message_and_its_exit_code(tmp_path, pipeline_file, arguments, code, message):
    (tmp_path / "broken.yaml").write_text("pipeline: [")
    answer = headrace(*arguments, folder=tmp_path, COLUMNS="200")
    assert answer.returncode == code
    assert message in answer.stderr
    assert answer.stdout == ""
    assert "Traceback" not in answer.stderr


def test_a_mistake_with_json_is_one_line_as_well(tmp_path):
    answer = headrace("pipeline", "check", "absent.yaml", "--json", folder=tmp_path)
    (line,) = answer.stdout.splitlines()
    assert json.loads(line) | {"message": ""} == {"error": "PipelineError", "message": "", "exit_code": 2}
    assert json.loads(line)["message"] in answer.stderr


def test_an_unknown_variable_of_ours_is_a_mistake(tmp_path):
    answer = headrace("status", folder=tmp_path, HEADRACE_LAEK="x")
    assert answer.returncode == 2
    assert "there is no setting 'laek' (from the environment). Did you mean: lake" in answer.stderr


BROKEN = """
import headrace.pipeline
def broken(path): raise ZeroDivisionError('a bug')
headrace.pipeline.load_pipeline = broken
"""


def test_an_error_that_nobody_foresaw_is_said_once_without_a_trace(tmp_path):
    answer = headrace("pipeline", "check", "x.yaml", folder=tmp_path, script=BROKEN)
    assert answer.returncode == 1
    assert answer.stderr == (
        "headrace: internal error: ZeroDivisionError: a bug. `headrace --debug VERB …` shows where\n"
    )


def test_debug_shows_the_trace_of_an_error_that_nobody_foresaw(tmp_path):
    answer = headrace("--debug", "pipeline", "check", "x.yaml", folder=tmp_path, script=BROKEN)
    assert answer.returncode == 1
    assert "Traceback" in answer.stderr


def test_an_interrupted_verb_says_so_and_exits_with_130(tmp_path):
    interrupt = BROKEN.replace("ZeroDivisionError('a bug')", "KeyboardInterrupt")
    answer = headrace("pipeline", "check", "x.yaml", folder=tmp_path, script=interrupt)
    assert answer.returncode == 130
    assert answer.stderr == "headrace pipeline check: interrupted\n"


def test_an_audit_that_balances_exits_with_0(tmp_path, pipeline_file, cleaned_lake):
    answer = headrace("audit", "-p", pipeline_file, folder=tmp_path)
    assert answer.returncode == 0
    assert answer.stdout.splitlines()[1].split() == ["orders", "2", "1", "0", "1", "none"]


def test_an_audit_that_does_not_balance_exits_with_3_and_names_positions(tmp_path, pipeline_file, cleaned_lake):
    write_deltalake(cleaned_lake.clean, positions([0, 7]), mode="append")
    answer = headrace("audit", "-p", pipeline_file, "--json", folder=tmp_path)
    assert answer.returncode == 3
    assert "orders: unexplained: partition 0, offset 7" in answer.stderr
    (line,) = answer.stdout.splitlines()
    found = json.loads(line)
    assert found["balances"] is False
    assert found["sources"]["orders"]["cleaning"]["doubled"] == 1
    assert found["sources"]["orders"]["cleaning"]["unexplained"] == 1


def test_status_shows_the_tables_of_the_lake_with_version_and_rows(tmp_path, pipeline_file, cleaned_lake):
    answer = headrace("status", "--json", folder=tmp_path)
    assert answer.returncode == 0
    found = json.loads(answer.stdout)
    assert found["broker"] is None
    assert found["lag"] == []
    assert {name.partition("/")[0]: state["rows"] for name, state in found["tables"].items()} == {"raw": 2, "shop": 1}
    assert found["tables"]["raw/orders"]["version"] == 0


def test_status_shows_the_other_tables_where_one_cannot_be_read(tmp_path, pipeline_file, cleaned_lake):
    (raw_table(tmp_path / ".headrace" / "lake", "broken") / "_delta_log").mkdir(parents=True)
    answer = headrace("status", "--json", folder=tmp_path)
    assert answer.returncode == 0
    assert "raw/broken: there is no table in" in answer.stderr
    found = json.loads(answer.stdout)
    assert list(found["unreadable"]) == ["raw/broken"]
    assert found["tables"]["raw/orders"]["rows"] == 2


def test_the_package_runs_as_a_module(tmp_path):
    answer = subprocess.run([sys.executable, "-m", "headrace", "--version"], capture_output=True, text=True, check=True)
    assert answer.stdout == "0.1.0\n"
