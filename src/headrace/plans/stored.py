"""Reading plans from the lake without a JVM."""

from __future__ import annotations

from pathlib import Path

from headrace.errors import UsageError, near_names
from headrace.lake import Query, literal, open_table
from headrace.pinned_versions import read_pins
from headrace.pipeline import Pipeline, Source
from headrace.tables import plans_table

from .choice import choose
from .plan import PlanVersion
from .row import read_row
from .treatment import Treatment, bind


def read_versions(lake: Path, pipeline: str, source: str) -> list[PlanVersion]:
    """All plans of a source, oldest first; none where nothing was fitted yet.

    Raises:
        ContractError: the table, or a plan in it, cannot be read.
    """
    places = plans_table(lake, pipeline)
    if not (places.path / "_delta_log").is_dir():
        return []
    query = Query({"plans": open_table(places.path, made_by="`headrace fit`")})
    rows = query.rows(f"SELECT * FROM plans WHERE source = {literal(source)} ORDER BY plan")  # noqa: S608  a literal
    return [read_row(row) for row in rows]


def read_treatment(pipeline: Pipeline, source: str, lake: Path) -> Treatment:
    """The treatment of a source under the plan that holds for it now.

    Raises:
        UsageError: no such source, or a rule must be fitted and no plan holds.
        ContractError: plans or pins cannot be read.
    """
    declared = source_of(pipeline, source)
    if not declared.fitted_rules():
        return bind(declared)
    pins = read_pins(plans_table(lake, pipeline.pipeline).pinned)
    return bind(declared, choose(declared, read_versions(lake, pipeline.pipeline, source), pins.get(source)))


def source_of(pipeline: Pipeline, name: str) -> Source:
    """The source of this name.

    Raises:
        UsageError: there is none.
    """
    if name not in pipeline.sources:
        raise UsageError(f"there is no source named '{name}'. Did you mean: {near_names(name, pipeline.sources)}?")
    return pipeline.sources[name]
