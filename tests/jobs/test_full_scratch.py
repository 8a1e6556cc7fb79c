"""No room for what Spark puts aside: the run fails and tells, and what it has not written the next one writes."""

from __future__ import annotations

import pytest
from support.cleaning_process import run_job
from support.raw_lake import Record, append_raw
from support.shop import order, write_shop
from support.small_disk import small_disk_at
from support.stream_kills import audit_orders

ORDERS = 20_000


@pytest.mark.prove
@pytest.mark.spark
def test_a_full_scratch_folder_fails_the_run_writes_nothing_and_the_next_run_goes_on(tmp_path):
    lake, log = tmp_path / "lake", tmp_path / "jobs.log"
    append_raw(lake, "orders", [Record(order(number), number) for number in range(ORDERS)])
    options = [f"--pipeline={write_shop(tmp_path / 'shop.yaml')}", f"--lake={lake}"]
    with small_disk_at(tmp_path / "scratch", "512m") as scratch:
        confs = {"spark.local.dir": str(scratch)}
        assert run_job("support.full_scratch", [str(scratch), *options], log=log, confs=confs) == 1
    assert "No space left on device" in log.read_text(errors="replace")
    left = audit_orders(lake)
    assert (left.clean, left.duplicates, left.quarantine, left.faults) == (0, 0, 0, {"waiting": ORDERS})
    assert run_job("headrace.jobs.clean_batch", options, log=log) == 0
    assert (audit_orders(lake).clean, audit_orders(lake).faults) == (ORDERS, {})
