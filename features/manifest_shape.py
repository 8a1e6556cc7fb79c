"""What a manifest must hold, so that a damaged one is told before anything is read by it.

A manifest is a file, and what it says becomes folders, versions and bounds of rows: each must be of its kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Each:
    """An object with any keys, whose values are all of one shape."""

    shape: Any


@dataclass(frozen=True)
class ListOf:
    """A list whose items are all of one shape."""

    shape: Any


@dataclass(frozen=True)
class Maybe:
    """What may be absent: manifests that were written before there was such a thing lack it."""

    shape: Any


NOTHING = type(None)
WHOLE = (int, NOTHING)  # a number, or null
_CHOICE = {
    "split": (str, NOTHING),
    "split_at_us": WHOLE,
    "until_us": WHOLE,
    "by_knowledge": bool,
    "with_unlabelled": bool,
}
_BUILD = {"until_us": int, "clean_version": int, "clean_created_at_us": int, "clean_table": Maybe(str)}
_GROUP = {
    "definition": str,
    "features": str,
    "features_version": int,
    "pushed": str,
    "pushed_version": WHOLE,
    "build": (_BUILD, NOTHING),
}
_INPUTS = {
    "definition": str,
    "rows": str,
    "rows_version": int,
    "rows_read": list,
    "groups": Each(_GROUP),
    "selection": Maybe(({"version": int, "kept": ListOf(str)}, NOTHING)),
}
MANIFEST = {
    "format": int,
    "pipeline": str,
    "training_set": str,
    "service": str,
    "choice": _CHOICE,
    "pipeline_file": ({"sha256": str, "text": str}, NOTHING),
    "inputs": _INPUTS,
    "clean": dict,
    "code": Each(str),
    "data": {"file": str, "rows": int, "columns": Each(str), "sha256": str},
}


def shape_fault(found: Any, shape: Any = MANIFEST, place: str = "") -> str | None:
    """The first place of `found` that is not as `shape` says, in words; None where all is.

    A shape is a type, an object with all its keys but those that are `Maybe`, `Each`, `ListOf`, or a tuple of which one
    must fit.
    """
    if isinstance(shape, Maybe):
        return shape_fault(found, shape.shape, place)
    if isinstance(shape, tuple):
        faults = [shape_fault(found, one, place) for one in shape]
        return None if None in faults else faults[0]
    if isinstance(shape, ListOf):
        if not isinstance(found, list):
            return f"'{place}' is {found!r}"
        faults = [shape_fault(item, shape.shape, f"{place}.{at}") for at, item in enumerate(found)]
        return next((fault for fault in faults if fault), None)
    if isinstance(shape, Each):
        shape = dict.fromkeys(found, shape.shape) if isinstance(found, dict) else {}
    if not isinstance(shape, dict):
        fits = isinstance(found, shape) and (shape is bool or not isinstance(found, bool))
        return None if fits else f"'{place}' is {found!r}"
    if not isinstance(found, dict):
        return f"'{place}' is {found!r}"
    shape = {key: inner for key, inner in shape.items() if key in found or not isinstance(inner, Maybe)}
    if different := sorted(found.keys() ^ shape.keys()):
        inside = f"{place}.{different[0]}".lstrip(".")
        return f"'{inside}' is unknown" if different[0] in found else f"'{inside}' is missing"
    faults = [shape_fault(found[key], inner, f"{place}.{key}".lstrip(".")) for key, inner in shape.items()]
    return next((fault for fault in faults if fault), None)
