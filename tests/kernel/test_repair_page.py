"""The page about repair says what fsck does: every finding is there, and what it says of the damages that are tried."""

from __future__ import annotations

import re

import pytest
from support.damaged_lake import DAMAGES, Damage
from support.rooms import REPOSITORY

from headrace.fsck import Kind

ROWS = {
    match[1]: match.groups()[1:]
    for match in re.finditer(
        r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \|$",
        (REPOSITORY / "docs" / "repair.md").read_text(),
        flags=re.MULTILINE,
    )
}


def test_every_finding_is_explained_in_the_order_in_which_they_are_declared():
    assert list(ROWS) == [kind.value for kind in Kind]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_what_the_page_says_of_deltalake_and_of_repair_is_what_the_tried_damages_show(damage: Damage):
    _, deltalake, repaired = ROWS[damage.kind]
    if damage.deltalake_reads is None:
        assert "fails" in deltalake or damage.name in ALSO_UNREADABLE
    else:
        assert re.match("reads|looks|fails, if|fails when", deltalake)
    assert damage.is_repaired <= (repaired != "no")


# An entry of zeros is one without an action to us, and no JSON to deltalake.
ALSO_UNREADABLE = {"last commit all zeros"}
