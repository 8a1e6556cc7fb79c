"""A backlog that one lander lands: its memory stays under the ceiling, and it is at the end as fast as at the start."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.kafka_tools import run_tool
from support.lander_process import start_lander
from support.lander_samples import Part, Sample, parts, sampled

PARTITIONS, RECORD_BYTES = 8, 200
CEILING_MIB = 32
COPIES_MIB = 100  # what decoding takes for a moment: see docs/operations.md
FIFTHS, SLOWEST = 5, 0.8  # of the way, and of the speed of the first of them
MIB = 2**20

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc, which only Linux has"),
]


def send(topic, records, folder):
    """Sends random letters, by Kafka's own tool for it."""
    topic.create(partitions=PARTITIONS)
    options = ["--bootstrap-server", topic.address, "--topic", topic.name, "--num-records", records]
    options += ["--record-size", RECORD_BYTES, "--throughput", -1, "--command-property", "linger.ms=20"]
    run_tool("ProducerPerformance", *options, printed=folder / "produced.log", within_s=1_800)


def landed(topic, folder):
    """The samples of a lander that lands all there is under the ceiling; it must have landed each record once."""
    process = start_lander(topic, "--until-end", "--max-buffered-mib", CEILING_MIB, "--metrics-port", 0, folder=folder)
    try:
        samples = sampled(topic, process)
    finally:
        process.terminate()
        _, err = process.communicate(timeout=90)
    assert process.returncode == 0, err[-2_000:]
    return samples


def once_each(topic, records):
    """Whether the table has every record once, none of them empty, and no other."""
    (row,) = topic.query(
        "select count(*) as n, sum(places) as places, sum(ends) as ends, min(least) as least from ("
        "select count(*) as n, count(distinct _offset) as places, max(_offset) + 1 as ends, "
        "min(length(value)) as least from t group by _partition)"
    )
    (total,) = topic.query("select count(*) as n from t")
    return (total["n"], row["places"], row["ends"], row["least"]) == (records, records, records, RECORD_BYTES)


def held(samples):
    """Says what the memory was, which must have stayed under the ceiling; the copies and one commit are outside it."""
    before, peak = samples[0].peak_bytes, samples[-1].peak_bytes
    buffered = max(sample.buffered_bytes for sample in samples)
    halfway = samples[len(samples) // 2].peak_bytes
    resident = " / ".join(f"{sample / MIB:.0f}" for sample in (before, halfway, peak))
    print(f"ceiling {CEILING_MIB} MiB: {buffered / MIB:.1f} MiB buffered at most")
    print(f"resident before, halfway and at the peak: {resident} MiB")
    return buffered <= CEILING_MIB * MIB and peak - before < (2 * CEILING_MIB + COPIES_MIB) * MIB


def test_a_backlog_is_landed_under_the_ceiling(topic, tmp_path):
    send(topic, 300_000, tmp_path)
    samples = landed(topic, tmp_path)
    assert held(samples)
    assert once_each(topic, 300_000)


@pytest.mark.prove
@pytest.mark.timeout(3_600)
def test_ten_million_events_are_landed_under_the_ceiling_and_the_last_as_fast_as_the_first(topic, tmp_path):
    send(topic, 10_000_000, tmp_path)
    samples = landed(topic, tmp_path)
    assert held(samples)
    fifths = parts(samples, FIFTHS)
    for number, fifth in enumerate(fifths, 1):
        print(f"fifth {number}: {fifth.rows_per_s:,.0f} rows/s, {fifth.rows_per_cpu_s:,.0f} rows per second of CPU")
    assert fifths[-1].rows_per_cpu_s >= SLOWEST * fifths[0].rows_per_cpu_s
    assert once_each(topic, 10_000_000)


def test_the_speed_of_a_part_is_taken_between_the_rows_where_it_begins_and_ends():
    looks = [(0, 0, 0), (10, 1, 100), (11, 2, 200), (15, 4, 300)]  # clock, CPU, rows
    samples = [Sample(at_s, cpu_s, rows, 0, 0) for at_s, cpu_s, rows in looks]
    assert parts(samples, 2) == [Part(100 / 1, 100 / 1), Part(100 / 4, 100 / 2)]
    assert parts(samples, 1) == [Part(200 / 5, 200 / 3)]
