"""The machine's time zone and the number of shuffle partitions have no say in what is clean."""

from __future__ import annotations

import shutil
import time

import pytest
from support.clean_shop import orders_tables
from support.cleaning_process import events, run_job
from support.delta_rows import read_rows
from support.equal_tables import unequal
from support.flights_lake import land_flights
from support.raw_lake import Record, append_raw
from support.shop import order, write_shop

pytestmark = pytest.mark.spark

# Zones, with what Python calls each, and numbers of shuffle partitions.
UTC, KOLKATA, LOS_ANGELES = ("UTC", "UTC"), ("Asia/Kolkata", "IST"), ("America/Los_Angeles", "PST")
ARRIVED_AT_US = 1_388_534_400_000_000  # 2014-01-01T00:00:00Z

# Instants that a zone could move: hours that summer time skips or repeats, ends of days and years, no zone at all.
INSTANTS = [
    "2013-03-10T02:30:00",
    "2013-03-10T02:30:00Z",
    "2013-11-03T01:30:00-07:00",
    "2013-11-03T01:30:00-08:00",
    "2013-11-03 01:30",
    "2012-12-31T23:59:59.999999Z",
    "2013-01-01T00:00:00+05:30",
    "2013-06-30T18:30:00Z",
    "1969-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
]
COLUMNS = {
    "id": {"type": "string", "required": True},
    "at": {"type": "timestamp", "required": True},
    "day": {"type": "date"},
    "amount": {"type": "double", "between": [0, 10000]},
    "pieces": {"type": "long"},
}
DERIVED = {
    "hour": {"type": "long", "value": "hour(at)"},
    "weekday": {"type": "long", "value": "weekday(at)"},
    "month": {"type": "long", "value": "month(at)"},
    "there": {"type": "long", "value": "hour(from_utc_timestamp(at, 'America/New_York'))"},
    "morning": {"type": "timestamp", "value": "cast(day as timestamp)"},
}
SHOP = {"columns": COLUMNS, "derive": DERIVED}


def run_in(zone, partitions, options, log):
    """Cleans by a process of its own, which must have run in this zone, with so many shuffle partitions."""
    area, name = zone
    exit_code = run_job(
        "support.zoned_batch",
        options,
        log=log,
        confs={
            "spark.sql.shuffle.partitions": str(partitions),
            "spark.driver.extraJavaOptions": f"-Duser.timezone={area}",
        },
        environment={"TZ": area},
        timeout_s=1_200,
    )
    assert exit_code == 0, log.read_text()
    (ran,) = events(log, "ran")
    assert ran == {"event": "ran", "java": area, "python": name, "partitions": str(partitions)}


def land_orders(lake):
    """Forty orders, each instant with its day and with a copy, in two partitions."""
    days = [None, "2013-03-10", "2013-11-03", "0001-01-01"]
    values = [
        order(number % 30, at=at, day=day) for number, (at, day) in enumerate((a, d) for a in INSTANTS for d in days)
    ]
    for partition in (0, 1):
        ours = enumerate(values[partition::2])
        append_raw(lake, "orders", [Record(value, at, partition, arrived_at_us=ARRIVED_AT_US) for at, value in ours])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_machine_in_another_zone_cleans_to_the_same_tables(tmp_path, run_here):
    here, there = tmp_path / "here", tmp_path / "there"
    land_orders(here)
    shutil.copytree(here, there)
    shop = write_shop(tmp_path / "shop.yaml", **SHOP)
    run_in(KOLKATA, 7, [f"--pipeline={shop}", f"--lake={there}"], tmp_path / "log")
    assert run_here("clean_batch", [f"--pipeline={shop}", f"--lake={here}"]) == 0
    ours = orders_tables(here, **SHOP)
    assert unequal(ours, orders_tables(there, **SHOP)) == {}
    row = next(row for row in read_rows(ours.clean) if row["id"] == "order-8")
    assert (row["at"].isoformat(), row["hour"], row["there"]) == ("2013-11-03T08:30:00+00:00", 8, 3)


@pytest.mark.prove
@pytest.mark.timeout(3_600)
def test_three_zones_and_three_numbers_of_partitions_give_the_same_tables_of_a_year(tmp_path):
    first = land_flights(tmp_path / "UTC", days=365, seed=7, commits={"flight_departed": 4, "weather_observed": 2})
    lakes = {zone: first.copy(tmp_path / zone[1]) for zone in (LOS_ANGELES, KOLKATA)} | {UTC: first}
    for (zone, lake), partitions in zip(lakes.items(), (1, 7, 4), strict=True):
        began_s = time.monotonic()
        run_in(zone, partitions, lake.options(), tmp_path / f"{zone[1]}.log")
        assert lake.wrong_counts() == {}
        rows = sum(books.raw for books in lake.books().values())
        print(f"{zone[0]}, {partitions} shuffle partitions: {rows:,} rows in {time.monotonic() - began_s:.0f} s")
    for source in first.expected:
        for other in (LOS_ANGELES, KOLKATA):
            assert unequal(first.tables(source), lakes[other].tables(source)) == {}, (source, other)
