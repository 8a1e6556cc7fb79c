"""What came of the checks of a source's newest unit of work, in the text format of Prometheus, as a file of the lake.

    <pipeline>/metrics/<source>.prom

A cleaning run ends, so nobody can ask it: node_exporter's textfile collector reads such files, and any text is enough
to see them. Labels are names of the pipeline file, so their number is bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from .check_results import FAILED, HELD, UNKNOWN, CheckResult
from .tables import SourceTables

PREFIX = "headrace_checks_"
Sample = tuple[Mapping[str, str], float]


def write_metrics(tables: SourceTables, source: str, results: Sequence[CheckResult]) -> None:
    """Puts the file of a source there, whole or not at all; `results` are those of one unit of work, at least one.

    A rebuild beside the present tables cleans history, which is no alarm: it writes nothing.
    """
    if not tables.are_present:
        return
    file = tables.metrics
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(exposition(tables.pipeline, source, results), "utf-8")
    part.replace(file)


def exposition(pipeline: str, source: str, results: Sequence[CheckResult]) -> str:
    """The metrics of one unit of work. What is unknown has no value."""
    of = {"pipeline": pipeline, "source": source}
    known = [result for result in results if result.outcome != UNKNOWN]
    named = [({**of, "expectation": each.expectation, "check": each.check}, each) for each in known]
    held = any(each.outcome == HELD for each in results)
    at_s = max(each.created_at_us for each in results) / 1e6
    families: list[tuple[str, str, Iterable[Sample]]] = [
        ("found", "What a check found: a share, a number, seconds, or a measure of drift.", _found(named)),
        ("failed", "1 where a check did not hold, and nobody has let it through.", _failed(named)),
        (
            "unknown",
            "Checks of which nothing is known, for want of events or of a plan.",
            [(of, len(results) - len(known))],
        ),
        ("held", "1 while the newest unit of work of the source was held.", [(of, float(held))]),
        ("records", "Records of the newest unit of work.", [(of, results[0].records)]),
        ("timestamp_seconds", "When the newest unit of work was checked, in seconds since 1970.", [(of, at_s)]),
    ]
    return "".join(line + "\n" for family in families for line in _lines(*family))


def _found(named: Iterable[tuple[Mapping[str, str], CheckResult]]) -> Iterator[Sample]:
    for labels, each in named:
        if each.found is not None:
            yield labels, each.found


def _failed(named: Iterable[tuple[Mapping[str, str], CheckResult]]) -> Iterator[Sample]:
    for labels, each in named:
        yield {**labels, "severity": each.severity}, float(each.outcome in FAILED)


def _lines(name: str, said: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {PREFIX}{name} {said}"
    yield f"# TYPE {PREFIX}{name} gauge"
    for labels, value in samples:
        shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"{PREFIX}{name}{{{shown}}} {float(value)!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
