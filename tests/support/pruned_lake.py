"""A small lake whose service `risk` is pruned: in March, `desk_last__amount` says what `account_last__amount` says."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from .feast_lake import FeastLake
from .feature_lake import BANK, HOUR_US, T0_US

DAY_US = 24 * HOUR_US
WINDOW_ROWS = 48  # an hour each, from T0 on
LATER_ROWS = 24
PRUNE = "prune: {measure: pearson, above: 0.95, fit: {from: 2024-03-01, to: 2024-03-03}}"
ALIKE, STAYS = "desk_last__amount", "account_last__amount"
KEPT = ["account_last__amount", "account_last__kind", "account_last__pieces", "account_last__refunded"]
KEPT += ["desk_last__due_on"]
EVERYTHING = [*KEPT[:4], ALIKE, *KEPT[4:]]


def pruned_text(prune: str = PRUNE) -> str:
    """The pipeline file with this `prune` block for `risk`."""
    declared = "  risk:\n    features: [account_last, desk_last]\n"
    assert declared in BANK
    return BANK.replace(declared, f"{declared}    {prune}\n")


def pruned_lake(folder: Path, prune: str = PRUNE, *, later_factor: float = 2.0) -> FeastLake:
    """Two days of rows in the window of the fit, and one after it, where a desk's amount is `later_factor` times that
    of the account.
    """
    lake = FeastLake(folder, pruned_text(prune))
    chance = random.Random(3)
    amounts = [chance.gauss(100, 20) for _ in range(WINDOW_ROWS + LATER_ROWS)]
    factors = [2.0] * WINDOW_ROWS + [later_factor] * LATER_ROWS
    accounts = [_account(hour, amount, chance) for hour, amount in enumerate(amounts)]
    lake.build("account_last", accounts, until_us=T0_US + 10 * DAY_US)
    desks = [
        {"account": "a", "branch": 1, "event_at": T0_US + hour * HOUR_US, "amount": amount * factor + chance.random()}
        for hour, (amount, factor) in enumerate(zip(amounts, factors, strict=True))
    ]
    lake.build("desk_last", desks, until_us=T0_US + 10 * DAY_US)
    lake.training_rows([_row(hour) for hour in range(len(amounts))])
    return lake


def _account(hour: int, amount: float, chance: random.Random) -> dict[str, Any]:
    more = {"kind": "card", "pieces": chance.randrange(9), "refunded": chance.random() < 0.5}
    return {"account": "a", "event_at": T0_US + hour * HOUR_US, "amount": amount, **more}


def _row(hour: int) -> dict[str, Any]:
    at_us = T0_US + hour * HOUR_US
    label = {"label": None if hour % 5 == 0 else hour % 2 == 0, "label_known_at": at_us + 3 * DAY_US}
    return {"row_id": f"r{hour}", "at": at_us, "account": "a", "branch": 1, "pieces": hour, **label}
