"""Whether the installed Python packages are those that Headrace's own metadata requires."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import metadata

EXTRAS = ("ingestion", "jobs", "demo")  # what a full machine has; `dev` is for developers

_REQUIREMENT = re.compile(
    r"(?P<name>[\w.-]+)(?:\[[^]]*\])?(?P<versions>[^;]*)(?:;.*extra == [\"'](?P<extra>\w+)[\"'])?"
)
_VERSION = re.compile(r"(?P<order><=|>=|==|<|>)\s*(?P<version>[\d.]+)")


def wanting_packages() -> list[str]:
    """One phrase for each package that is absent or of a wrong version; empty when all is well."""
    try:
        required = metadata.requires("headrace") or []
    except metadata.PackageNotFoundError:
        return ["headrace itself is not installed here"]
    return list(_wanting(required))


def _wanting(required: list[str]) -> Iterator[str]:
    for line in required:
        parts = _REQUIREMENT.match(line)
        if parts is None or parts["name"] == "headrace" or parts["extra"] not in (None, *EXTRAS):
            continue
        try:
            found = metadata.version(parts["name"])
        except metadata.PackageNotFoundError:
            yield f"{parts['name']} is not installed"
            continue
        if not satisfies(found, parts["versions"]):
            yield f"{parts['name']} is {found}, and {parts['versions'].strip(' ()')} is required"


def satisfies(version: str, wanted: str) -> bool:
    """Whether `version` lies within ">=1.6.6,<2" and the like; what follows its numbers and dots is not looked at."""
    found = _numbers(version)
    orders = {
        "==": lambda limit: found == limit,
        ">=": lambda limit: found >= limit,
        "<=": lambda limit: found <= limit,
        ">": lambda limit: found > limit,
        "<": lambda limit: found < limit,
    }
    return all(orders[part["order"]](_numbers(part["version"])) for part in _VERSION.finditer(wanted))


def _numbers(version: str) -> tuple[int, ...]:
    """2.1.0 as (2, 1): zeros at the end say nothing."""
    leading = re.match(r"[\d.]*", version)
    numbers = [int(part) for part in (leading[0] if leading else "").split(".") if part]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
