"""docs/rebuilding.md, followed: a plan pinned, a rebuild, features from it, and the way back."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from support.plans import store_plans
from support.rebuilt_shop import FITTED, land, plan
from support.rooms import REPOSITORY
from support.shop import ORDERS
from typer.testing import CliRunner

from headrace.cli.app import app
from headrace.features.group_rows import latest_build_of
from headrace.features.spec import group_spec
from headrace.jobs import build_features, clean_batch, rebuild_source
from headrace.pipeline import Pipeline
from headrace.tables import group_tables, plans_table, source_tables

PAGE = (REPOSITORY / "docs" / "rebuilding.md").read_text()
COMMANDS = re.findall(r"^    headrace (.+?)(?: +#.*)?$", PAGE, flags=re.MULTILINE)
SHOP = {
    "pipeline": "shop",
    "sources": {"orders": ORDERS | FITTED},
    "entities": {"shop": {"keys": ["shop"]}},
    "features": {"sales": {"entity": "shop", "source": "orders", "latest": ["amount"]}},
}
JOBS = {"rebuild": rebuild_source, "build": build_features, "clean": clean_batch}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_page_has_the_options_that_it_shows(command):
    assert CliRunner().invoke(app, [*shlex.split(command), "--help"]).exit_code == 0


class Shop:
    """The page's pipeline over a lake; its commands are run in this process."""

    def __init__(self, folder: Path) -> None:
        self.lake, self.file, self.pipeline = folder / "lake", folder / "shop.yaml", Pipeline(**SHOP)
        folder.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(SHOP))
        land(self.lake, 0)
        store_plans(plans_table(self.lake, "shop").path, [plan(1), plan(2)])

    def run(self, command: str) -> None:
        """A command of the page, or one like it; a Spark job in the session of the tests."""
        verb, *words = shlex.split(command.replace("shop.yaml", str(self.file)))
        if verb in JOBS:
            sources = [f"--source={name}" for name in words[2:]]
            assert JOBS[verb].main([f"--pipeline={self.file}", f"--lake={self.lake}", *sources]) == 0
        else:
            answer = CliRunner().invoke(app, [verb, *words, "--lake", str(self.lake)])
            assert answer.exit_code == 0, answer.stderr

    def present(self) -> tuple[str, str, str]:
        """The folders of the present clean table, of the one that the features are built from, and of the features."""
        clean = source_tables(self.lake, "shop", "orders", self.pipeline.definition("orders")).clean
        features = group_tables(self.lake, "shop", "sales", group_spec(self.pipeline, "sales").definition).features
        return clean.name[-2:], latest_build_of(features).clean_table[-2:], features.name[-2:]


def test_the_page_can_be_followed(spark: SparkSession, tmp_path: Path, capsys):
    shop = Shop(tmp_path)
    pin, rebuild, build, back, *_ = COMMANDS
    shop.run(pin.replace(" 2", " 1"))
    shop.run("clean -p shop.yaml")
    shop.run(build)
    assert shop.present() == ("-1", "-1", "-1")

    shop.run(pin)
    shop.run(rebuild)
    assert re.search(r"orders: rebuilding 6/6", capsys.readouterr().err)
    assert (shop.lake / "shop" / "clean" / ".orders.rebuilds.json").is_file()
    assert shop.present() == ("-2", "-1", "-1")
    shop.run(build)
    assert shop.present() == ("-2", "-2", "-2")

    shop.run(back)
    shop.run(build)
    assert shop.present() == ("-1", "-1", "-1")
