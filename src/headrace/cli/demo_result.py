"""What the demo says at its end: what was built, how long it took, where it is, and whether it is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from headrace.errors import CheckFailed

from .output import Result, print_message, table

if TYPE_CHECKING:
    from headrace.audit import SourceBooks

RIGHT = "Audit: every record is accounted for, once, and every count is as predicted."
WRONG = "Audit: FAILED. What is wrong stands above the table."
SAME = (
    "Online: {flights:,} flights, {values:,} values as of {as_of}: each is the offline one, and so is each prediction."
)
DIFFERENT = (
    "Online: FAILED. {different_values:,} values and {different_predictions:,} predictions are not the offline ones."
)
NO_MODEL = "No features and no model: they need at least 10 days."


def demo_result(
    books: Sequence[SourceBooks],
    wrong: Mapping[str, list[str]],
    answers: Mapping[str, Any],
    seconds: Mapping[str, float],
    places: Mapping[str, object],
) -> Result:
    """The books of each source, the counts that are not as predicted, what the model answered, seconds and places."""
    lines = [f"{source.topic}: {example}" for source in books for example in source.examples]
    lines += [f"{name}: {line}" for name, found in wrong.items() for line in found]
    for line in lines:
        print_message(line)
    right = not wrong and not any(source.faults for source in books)
    online = answers.get("online", {})
    same = not online.get("different_values") and not online.get("different_predictions")
    data = {
        "balances": not any(source.faults for source in books),
        "wrong_predictions": wrong,
        "sources": {source.source: asdict(source) for source in books},
        **answers,
        "seconds": seconds,
        "places": {name: str(place) for name, place in places.items()},
    }
    model = _answered(answers, same=same) if answers else [NO_MODEL]
    verdict = RIGHT if right else WRONG
    shown = Group("", _built(books), "", *model, "", _took(seconds), "", _where(places), "", verdict)
    return Result(data, shown, exit_code=0 if right and same else CheckFailed.exit_code)


def _answered(answers: Mapping[str, Any], *, same: bool) -> list[RenderableType]:
    """Feature tables, how good the model is, and what it said of some flights."""
    features = [(name, *found.values()) for name, found in answers["features"].items()]
    model, online = answers["model"], answers["online"]
    ages = [f"age of {name}" for name in next(iter(online["sample"]), {"age_s": {}})["age_s"]]
    sample = [(row["flight"], row["late15"], *map(_age, row["age_s"].values())) for row in online["sample"]]
    return [
        table(["feature group", "entity", "features", "rows"], features),
        "",
        f"model: AUC {model['auc']:.4f}, average precision {model['average_precision']:.4f}, learnt from "
        f"{model['train_rows']:,} flights, tested on {model['test_rows']:,} later ({model['late_share']:.1%} late)",
        "",
        table(["flight", "late15", *ages], sample),
        "",
        (SAME if same else DIFFERENT).format(**online),
    ]


def _age(age_s: float | None) -> str:
    return "never seen" if age_s is None else str(timedelta(seconds=round(age_s)))


def _built(books: Sequence[SourceBooks]) -> Table:
    rows = [(source.source, *_numbers(source)) for source in books]
    total = ("total", *(sum(column) for column in zip(*(row[1:] for row in rows), strict=True)))
    return table(["source", "events", "raw", "clean", "quarantine", "duplicates"], [*rows, total])


def _numbers(source: SourceBooks) -> tuple[int, ...]:
    landing, cleaning = source.landing, source.cleaning
    sent, raw = (landing.journal, landing.raw) if landing else (0, 0)
    placed = (cleaning.clean, cleaning.quarantine, cleaning.duplicates) if cleaning else (0, 0, 0)
    return (sent, raw, *placed)


def _took(seconds: Mapping[str, float]) -> str:
    stages = ", ".join(f"{name} {taken_s:.1f}" for name, taken_s in seconds.items())
    return f"seconds: {stages}; together {sum(seconds.values()):.1f}"


def _where(places: Mapping[str, object]) -> str:
    """A line a place; what lies in the working folder is named from there."""
    here = f"{Path.cwd()}/"
    return "\n".join(f"{name + ':':<14} {escape(str(place).replace(here, ''))}" for name, place in places.items())
