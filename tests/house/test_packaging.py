"""The package: the linked rooms are in it, from a checkout and from what was made of one."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from support.rooms import LINKED, REPOSITORY

DATA = {
    "headrace/py.typed",
    "headrace/infra/compose.yaml",
    "headrace/infra/local/jars.lock",
    "headrace/examples/flights/fitted.yaml",
    "headrace/profile/page.css",
    "headrace/profile/page.js",
    "headrace/examples/flights/pipeline.yaml",
}
NOT_PACKED = shutil.ignore_patterns("__pycache__", "*.egg-info")


def build(kind: str, checkout: Path, into: Path) -> Path:
    """Builds a `wheel` or an `sdist` of a checkout with the setuptools of this environment; gives the file."""
    script = f"from setuptools import build_meta; build_meta.build_{kind}({str(into)!r})"
    into.mkdir(exist_ok=True)
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], cwd=checkout, capture_output=True, check=True)
    (built,) = into.iterdir()
    return built


def names_in_wheel(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def names_in_tree() -> set[str]:
    package = REPOSITORY / "src" / "headrace"
    own = [path for path in package.rglob("*.py") if "__pycache__" not in path.parts]
    linked = [path for room in LINKED for path in (REPOSITORY / room).rglob("*.py")]
    return {f"headrace/{path.relative_to(package)}" for path in own if not is_linked(path, package)} | {
        f"headrace/{path.relative_to(REPOSITORY)}" for path in linked
    }


def is_linked(path: Path, package: Path) -> bool:
    return path.relative_to(package).parts[0] in LINKED


@pytest.fixture
def checkout(tmp_path):
    """A copy of what is packed, links kept, so that building leaves nothing in ours."""
    copy = tmp_path / "checkout"
    copy.mkdir()
    for name in ("setup.cfg", "pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(REPOSITORY / name, copy)
    for name in ("src", *LINKED):
        shutil.copytree(REPOSITORY / name, copy / name, symlinks=True, ignore=NOT_PACKED)
    return copy


@pytest.mark.slow
def test_the_wheel_holds_every_module_of_every_room_and_its_data(checkout, tmp_path):
    names = names_in_wheel(build("wheel", checkout, tmp_path / "wheel"))
    assert names == names_in_tree() | DATA


@pytest.mark.slow
def test_a_wheel_that_was_made_from_an_sdist_is_the_same(checkout, tmp_path):
    with tarfile.open(build("sdist", checkout, tmp_path / "sdist")) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    names = names_in_wheel(build("wheel", unpacked, tmp_path / "wheel"))
    assert names == names_in_tree() | DATA
