"""The page for people who add a feature, followed word by word in the folder of a demo."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "adding-a-feature.md"
NOW_S, NOON_S, SIX_HOURS_S = 1_357_862_400, 1_357_819_200, 21_600

pytestmark = [
    pytest.mark.slow,
    pytest.mark.spark,
    pytest.mark.xdist_group("ten days"),
    pytest.mark.timeout(1_800),  # whichever of these tests comes first waits for the demo
]


def blocks(language: str) -> list[str]:
    """The code of the page in one language, block by block."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), flags=re.DOTALL | re.MULTILINE)


def put_into(file: Path, addition: str) -> None:
    """Adds each top-level part of `addition` under the key of its name."""
    text = file.read_text()
    for part in re.split(r"(?m)^(?=\w)", addition):
        if part.strip():
            key, _, rest = part.partition("\n")
            text = text.replace(f"\n{key}\n", f"\n{key}\n{rest.rstrip()}\n", 1)
    file.write_text(text)


def carry_out(line: str, folder: Path) -> str:
    """Runs one command of the page: stdout."""
    words = shlex.split(line)
    command = [sys.executable, "-m", "headrace", *words[1:]] if words[0] == "headrace" else words
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    answer = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=500, check=False
    )
    assert answer.returncode == 0, f"{line}: {answer.stderr}"
    return answer.stdout


def test_the_page_is_true_word_by_word(ten_days, oracle):
    folder = ten_days.folder
    before, commands = (block.splitlines() for block in blocks("sh"))
    assert before == [
        "make demo DAYS=10",
        "cp examples/flights/pipeline.yaml flights.yaml",
    ]  # the fixture ran one
    shutil.copy(REPOSITORY / "examples" / "flights" / "pipeline.yaml", folder / "flights.yaml")
    (folder / "headrace.toml").write_text(blocks("toml")[0])
    put_into(folder / "flights.yaml", blocks("yaml")[0])
    for line in commands:
        carry_out(line, folder)
    (folder / "ask.py").write_text(blocks("python")[0])
    printed = carry_out(f"{sys.executable} ask.py", folder).splitlines()
    now, noon = (
        len(oracle.arrivals["destination"][("LAX",)].between(at_s - SIX_HOURS_S, at_s)) for at_s in (NOW_S, NOON_S)
    )
    assert now > 0
    assert printed == [str(now), "PRESENT", str([now, noon])]
