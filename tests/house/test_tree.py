"""The tree: links, names of modules, the drawn error tree, and nothing of the machine on which it was written."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.rooms import LINKED, PACKAGE, REPOSITORY

from headrace import errors

WITHOUT_LINKS = (
    "{path} is not a link to {target}. This checkout has no symbolic links: run `git config core.symlinks true && "
    "git checkout -- src/headrace` (on Windows in WSL, or with developer mode on)"
)


@pytest.mark.parametrize("name", LINKED)
def test_each_room_is_linked_into_the_package(name):
    path, target = PACKAGE / name, REPOSITORY / name
    assert path.is_symlink(), WITHOUT_LINKS.format(path=path, target=target)
    assert path.resolve() == target.resolve()
    assert (path / "__init__.py").is_file()


def bare_names(room: str) -> list[str]:
    return sorted(path.stem for path in (REPOSITORY / room).glob("*.py") if not path.stem.startswith("__"))


@pytest.mark.parametrize("room", ["jobs", "ingestion"])
def test_no_module_is_named_like_one_that_it_would_hide(room):
    """spark-submit puts the script's folder first on the path: a jobs/delta.py would hide the package delta."""
    names = bare_names(room)
    assert names
    hidden = [name for name in names if name in sys.stdlib_module_names or is_importable_elsewhere(name)]
    assert hidden == []


def is_importable_elsewhere(name: str) -> bool:
    spec = importlib.util.find_spec(name)
    places = [spec.origin, *(spec.submodule_search_locations or [])] if spec else []
    # The folders of tests are on the path in tests, as namespaces.
    return any(place and not Path(place).is_relative_to(REPOSITORY / "tests") for place in places)


@pytest.mark.parametrize("name", ["delta", "kafka", "pyspark", "profile", "queue"])
def test_the_check_of_names_would_notice(name):
    assert name in sys.stdlib_module_names or is_importable_elsewhere(name)


def drawn_tree() -> dict[str, tuple[str, int | None]]:
    """Class name: (parent, exit code) as errors.py draws it; None where no exit code is said."""
    found: dict[str, tuple[str, int | None]] = {}
    line_of_descent = ["HeadraceError"]
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^ {4}([│ ├└─]+)(\w+) {2,}(.*)$", line)
        if match:
            depth = len(match[1]) // 4
            code = re.search(r"\(exit (\d)\)", match[3])
            found[match[2]] = (line_of_descent[depth - 1], int(code[1]) if code else None)
            line_of_descent[depth:] = [match[2]]
    return found


def real_tree() -> dict[str, type[errors.HeadraceError]]:
    classes = {name: found for name, found in vars(errors).items() if isinstance(found, type)}
    return {name: c for name, c in classes.items() if issubclass(c, errors.HeadraceError) and name != "HeadraceError"}


def test_the_drawn_error_tree_is_the_real_one():
    assert {name: parent for name, (parent, _) in drawn_tree().items()} == {
        name: found.__base__.__name__ for name, found in real_tree().items()
    }


def test_the_drawn_exit_codes_are_the_real_ones():
    drawn = {name: code for name, (_, code) in drawn_tree().items() if code is not None}
    real = real_tree()
    assert set(drawn.values()) == {1, 2, 3}
    assert {name: real[name].exit_code for name in drawn} == drawn


def test_only_a_landing_conflict_is_marked_for_another_try():
    assert [name for name, found in real_tree().items() if found.retriable] == ["LandingConflict"]


def tracked_text() -> dict[Path, str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("this is not a git checkout, so nothing says which files belong to it")
    paths = [REPOSITORY / name for name in listed.stdout.decode().split("\0") if name]
    return {path: path.read_text(errors="replace") for path in paths if path.is_file() and not path.is_symlink()}


def test_no_file_names_a_place_of_the_machine_on_which_it_was_written():
    places = "|".join(f"/{top}/" for top in ("work", "home/[a-z]+", "root", "Users", "tmp/dev", "opt/wheels"))
    pattern = re.compile(rf"(?<![\w./-])(?:{places})")
    found = [
        f"{path.relative_to(REPOSITORY)}: {hit[0]}"
        for path, text in tracked_text().items()
        if (hit := pattern.search(text))
    ]
    assert found == []


def test_the_locked_requirements_have_hashes_and_name_no_host():
    files = sorted((REPOSITORY / "requirements").glob("*.txt"))
    assert [file.stem for file in files] == ["bench", "demo", "dev", "features", "ingestion", "jobs", "profile"]
    for file in files:
        text = file.read_text()
        pins = re.findall(r"^[a-z0-9-]+(?:\[[\w, ]+\])?==\S+", text, flags=re.MULTILINE)
        assert pins
        assert len(pins) == len(re.findall(r"\\\n {4}--hash=sha256:[0-9a-f]{64}(?: \\)?(?:\n {4}--hash.*)*", text)), (
            file.name
        )
        assert "://" not in text, file.name
        assert "--index-url" not in text, file.name
