"""The five topics of the flights with every method for outliers and every fill, most of them fitted."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

_EXAMPLES = files("headrace.examples.flights")
# What fitted.yaml does not treat, and the methods that it has for a reference table only.
_MORE: dict[str, dict[str, Any]] = {
    "flight_scheduled": {"distance": {"outliers": {"method": "zscore", "threshold": 3, "by": ["dest"]}}},
    "flight_cancelled": {"tailnum": {"missing": {"fill": "mode", "by": ["carrier"]}}},
}


def write_every_method(path: Path) -> Path:
    """Writes the pipeline file (JSON is YAML): the rules of fitted.yaml, and of pipeline.yaml what that one lacks."""
    stated, fitted = (yaml.safe_load((_EXAMPLES / name).read_text()) for name in ("pipeline.yaml", "fitted.yaml"))
    window = fitted["sources"]["flight_departed"]["fit"]
    sources = {
        name: {"late": stated["sources"][name]["late"], **fitted["sources"][name]}
        for name in ("flight_departed", "flight_arrived", "weather_observed")
    }
    for name, rules in _MORE.items():
        sources[name] = {**stated["sources"][name], "fit": window, "clean": rules}
    path.write_text(json.dumps({"pipeline": "every_method", "sources": sources}, default=str))
    return path


def methods_of(path: Path) -> set[str]:
    """The methods and fills that a pipeline file names."""
    sources = yaml.safe_load(path.read_text())["sources"].values()
    rules = [rule for source in sources for column in source.get("clean", {}).values() for rule in column.values()]
    joint = {"mahalanobis" for source in sources if "joint_outliers" in source}
    return {rule.get("method") or rule["fill"] for rule in rules} | joint
