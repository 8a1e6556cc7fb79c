"""The command `headrace land --until-end`, in a process that is kept between landings.

    python benchmarks/landing_headrace.py ADDRESS

It reads the orders of `landing_orders`. It lands as users have it: durable, exactly once, with headers.
"""

from __future__ import annotations

from pathlib import Path

from landing_orders import carry_out

from headrace.cli.app import app


def land(address: str, topic: str, table: str) -> None:
    """Lands what the topic holds now; `table` is the one of raw that a lake has for it."""
    lake = Path(table).parents[1]
    places = ["--brokers", address, "--home", str(lake.parent), "--lake", str(lake)]
    app(["land", "--until-end", "--topic", topic, *places], standalone_mode=False)


if __name__ == "__main__":
    carry_out(land)
