"""The metrics of checks, read back by Prometheus' own parser."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.shop import shop

from headrace.check_metrics import exposition, write_metrics
from headrace.check_results import CheckResult, drift_name, found_text, newest_of_each
from headrace.tables import source_tables

HOSTILE = 'a"b\\c\nd'


def result(expectation: str, check: str, outcome: str, found: float | None, **said) -> CheckResult:
    fields = {"created_at_us": 1_357_000_000_500_000, "severity": "warn", "expected": "all", "records": 12, "unit": "u"}
    return CheckResult(expectation=expectation, check=check, outcome=outcome, found=found, **(fields | said))


RESULTS = [
    result("few", "between", "passed", 1.0),
    result("fresh", "fresh", "held", 7200.5, severity="hold"),
    result("loud", "rows", "released", 3.0, severity="hold"),
    result(drift_name("amount"), "psi", "warned", 0.1 + 0.2),
    result(drift_name("gift"), "psi", "unknown", None),
]


def samples(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    families = text_string_to_metric_families(text)
    return {
        family.name: {
            tuple(value for key, value in sorted(sample.labels.items()) if key not in ("pipeline", "source")): (
                sample.value
            )
            for sample in family.samples
        }
        for family in families
    }


def test_every_known_result_has_what_was_found_and_whether_it_failed():
    assert samples(exposition("shop", "orders", RESULTS)) == {
        "headrace_checks_found": {
            ("between", "few"): 1.0,
            ("fresh", "fresh"): 7200.5,
            ("rows", "loud"): 3.0,
            ("psi", "drift.amount"): 0.1 + 0.2,
        },
        "headrace_checks_failed": {
            ("between", "few", "warn"): 0.0,
            ("fresh", "fresh", "hold"): 1.0,
            ("rows", "loud", "hold"): 0.0,
            ("psi", "drift.amount", "warn"): 1.0,
        },
        "headrace_checks_unknown": {(): 1.0},
        "headrace_checks_held": {(): 1.0},
        "headrace_checks_records": {(): 12.0},
        "headrace_checks_timestamp_seconds": {(): 1_357_000_000.5},
    }


def test_all_carry_pipeline_and_source_and_text_that_would_break_a_line_does_not():
    text = exposition("shop", HOSTILE, [result(HOSTILE, "between", "passed", 1.0)])
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    assert {(sample.labels["pipeline"], sample.labels["source"]) for sample in found} == {("shop", HOSTILE)}
    assert found[0].labels["expectation"] == HOSTILE


def test_the_file_of_a_source_is_replaced_as_a_whole(tmp_path):
    tables = source_tables(tmp_path, "shop", "orders", shop().definition("orders"))
    write_metrics(tables, "orders", RESULTS)
    write_metrics(tables, "orders", RESULTS[:1])
    assert tables.metrics == tmp_path / "shop" / "metrics" / "orders.prom"
    assert [file.name for file in tables.metrics.parent.iterdir()] == ["orders.prom"]
    assert tables.metrics.read_text() == exposition("shop", "orders", RESULTS[:1])


def test_a_rebuild_beside_the_present_tables_says_nothing_of_history(tmp_path):
    tables = source_tables(tmp_path, "shop", "orders", shop().definition("orders"))
    write_metrics(tables.numbered(tables.number + 1), "orders", RESULTS)
    assert not tables.metrics.exists()


def test_of_each_check_the_newest_result_counts():
    older = result("few", "between", "held", 0.2, created_at_us=1)
    assert newest_of_each([older, *RESULTS]) == RESULTS
    assert newest_of_each([*RESULTS, older]) == RESULTS
    assert [each.drifting for each in RESULTS] == [None, None, None, "amount", "gift"]
    assert result("drift", "events", "passed", 5.0).drifting is None


@pytest.mark.parametrize(
    ("check", "found", "said"),
    [
        ("between", 0.98765, "0.9877"),
        ("rows", 12_345.0, "12,345"),
        ("fresh", 7_200.0, "7,200 s"),
        ("nulls", 0.05, "+0.05"),
        ("outliers", -0.05, "-0.05"),
        ("psi", None, "nothing"),
    ],
)
def test_what_was_found_is_told_in_its_own_unit(check, found, said):
    assert found_text(check, found) == said
