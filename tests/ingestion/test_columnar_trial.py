"""The trial at the start: kafka-python as it is passes, and any other is read as ever, with a warning."""

from __future__ import annotations

import subprocess
import sys

import pytest
from kafka import KafkaConsumer
from kafka.consumer.fetcher import Fetcher
from kafka.net.manager import KafkaConnectionManager
from kafka.protocol.parser import KafkaProtocol

from headrace.ingestion import columnar_trial
from headrace.ingestion.columnar import ColumnarPartitionRecords
from headrace.ingestion.columnar_trial import Unexpected, net_client, read_columns, try_columns
from headrace.ingestion.partition_rows import PartitionRows, StockPartitionRecords


class FakeConsumer:
    """What of a consumer is changed."""

    def __init__(self):
        self._fetcher = type("Fetcher", (), {"PartitionRecords": Fetcher.PartitionRecords})()


def reads_frames(client):
    client.close()
    return "_build_transport" in vars(client._manager)


def warnings(caplog):
    return [entry.getMessage() for entry in caplog.records if entry.levelname == "WARNING"]


def test_this_kafka_python_is_read_by_columns_and_by_frames_without_a_word(caplog):
    consumer = FakeConsumer()
    assert read_columns(consumer, max_batch_bytes=7)
    assert issubclass(consumer._fetcher.PartitionRecords, ColumnarPartitionRecords)
    assert consumer._fetcher.PartitionRecords.max_batch_bytes == 7
    assert reads_frames(net_client(bootstrap_servers="127.0.0.1:1"))
    assert warnings(caplog) == []


def test_who_does_not_want_columns_has_kafka_python_itself():
    consumer = FakeConsumer()
    assert not read_columns(consumer, max_batch_bytes=7, columnar=False)
    assert consumer._fetcher.PartitionRecords is StockPartitionRecords


class WithoutLengths(ColumnarPartitionRecords):
    def take(self, n=None):
        return list(super().take(n))


class Forgetful(ColumnarPartitionRecords):
    def take(self, n=None):
        found = super().take(n)
        self.next_fetch_offset = 0
        return found


class Empty(ColumnarPartitionRecords):
    def take(self, n=None):
        self.drain()
        return PartitionRows()


@pytest.mark.parametrize("kind", [WithoutLengths, Forgetful, Empty])
def test_a_reader_that_does_not_do_what_it_should_is_noticed(kind):
    with pytest.raises(Unexpected, match="expected"):
        try_columns(kind)


@pytest.mark.parametrize("kind", [ColumnarPartitionRecords, StockPartitionRecords])
def test_both_readers_do_what_they_should(kind):
    try_columns(kind)


def test_a_kafka_python_whose_fetcher_has_changed_is_read_as_ever_with_a_warning(caplog, monkeypatch):
    monkeypatch.setattr(Fetcher, "_parse_fetched_data", lambda *_: 1 / 0)
    consumer = FakeConsumer()
    read_columns(consumer, max_batch_bytes=7)
    assert consumer._fetcher.PartitionRecords is StockPartitionRecords
    (warning,) = warnings(caplog)
    assert warning.startswith("kafka-python 3.")
    assert "(ZeroDivisionError: division by zero), so records are read one by one, at about ten times" in warning
    assert "pip install kafka-python==3.0.12" in warning


def test_a_kafka_python_whose_parser_has_changed_receives_as_ever_with_a_warning(caplog, monkeypatch):
    monkeypatch.setattr(KafkaProtocol, "_process_response", lambda *_: (7, None))
    assert not reads_frames(net_client(bootstrap_servers="127.0.0.1:1"))
    (warning,) = warnings(caplog)
    assert "so what brokers send is copied several times" in warning


WITHOUT_NUMBA = """
import logging, sys
sys.modules["numba"] = None
from types import SimpleNamespace
from headrace.ingestion.columnar_trial import read_columns
logging.basicConfig(stream=sys.stdout)
consumer = SimpleNamespace(_fetcher=SimpleNamespace())
read_columns(consumer, max_batch_bytes=7)
print(consumer._fetcher.PartitionRecords.__name__)
"""


def answer_of(script):
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout


def test_a_machine_without_numba_is_told_what_is_missing():
    said = answer_of(WITHOUT_NUMBA)
    assert "ModuleNotFoundError: import of numba halted" in said
    assert said.endswith("StockPartitionRecords\n")


def test_a_kafka_python_that_makes_connections_otherwise_receives_as_ever_with_a_warning(caplog, monkeypatch):
    monkeypatch.delattr(KafkaConnectionManager, "_build_transport")
    assert not reads_frames(net_client(bootstrap_servers="127.0.0.1:1"))
    assert "AttributeError" in warnings(caplog)[0]


def test_this_kafka_python_is_the_one_that_is_known():
    """When this fails: read what has changed in its fetcher, transport and parser, and set `KNOWN`."""
    import kafka

    assert kafka.__version__ == columnar_trial.KNOWN
    assert hasattr(KafkaConsumer, "poll")


def test_importing_the_lander_does_not_load_numba():
    loaded = "[name for name in ('numba', 'llvmlite') if name in sys.modules]"
    assert answer_of(f"import sys, headrace.ingestion, headrace.cli; print({loaded})") == "[]\n"
