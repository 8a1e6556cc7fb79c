"""Following a job that the command line started: what it says, how it ends, and that nothing of it stays behind."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import support

from headrace.cli import spark_job
from headrace.cli.spark_job import SparkJob
from headrace.errors import CheckFailed, HeadraceError, UsageError
from headrace.settings import load_settings


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Starts the fake job that ends in the given way; its reports are kept in `.reports`."""
    monkeypatch.setenv("PYTHONPATH", str(Path(support.__path__[0]).parent))
    settings = load_settings({"home": tmp_path}, environment={}, folder=tmp_path)

    def run(way, on_report=lambda text: None):
        run.reports = []

        def report(text):
            run.reports.append(text)
            on_report(text)

        return SparkJob("support.fake_job", way.split(), settings, []).run(report)

    return run


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(spark_job, "CLEAN_UP_WITHIN_S", 0.2)
    monkeypatch.setattr(spark_job, "END_WITHIN_S", 5.0)


def only_log(tmp_path):
    (log,) = (tmp_path / "logs").iterdir()
    return log


def is_alive(pid):
    """Whether the process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_job_that_ends_well_gives_its_result_and_told_its_progress(job, tmp_path):
    assert job("result") == {"sources": {"flights": 2}}
    assert job.reports == ["flights: cleaning 1 of 2"]
    assert only_log(tmp_path).read_text() == "a word of the JVM on stdout\n"


@pytest.mark.parametrize(("code", "error"), [(1, HeadraceError), (2, UsageError), (3, CheckFailed)])
def test_what_a_job_says_is_wrong_is_our_error_with_its_exit_code(job, code, error):
    with pytest.raises(error) as raised:
        job(f"error {code}")
    assert type(raised.value) is error
    assert str(raised.value) == "there is no source named 'x'"
    assert raised.value.exit_code == code


def test_a_job_that_ends_without_an_event_is_named_with_the_last_line_of_its_log(job, tmp_path):
    with pytest.raises(HeadraceError) as raised:
        job("crash")
    assert str(raised.value) == (
        "the Spark job support.fake_job ended with exit code 1: the last word of a JVM. "
        f"Its log is {only_log(tmp_path)}"
    )


def test_a_job_whose_jvm_had_no_heap_left_is_told_how_to_give_it_more(job, tmp_path):
    with pytest.raises(HeadraceError) as raised:
        job("out of heap")
    assert str(raised.value) == (
        "the Spark job support.fake_job ended with exit code 1: java.lang.OutOfMemoryError: Java heap space. Its JVM "
        "had 2g of heap; the setting driver_memory (HEADRACE_DRIVER_MEMORY) gives it more. "
        f"Its log is {only_log(tmp_path)}"
    )


def send_when_ready(number):
    """Sends us the signal as soon as the job has a child; keeps the child's pid."""

    def on_report(text):
        if text.startswith("child: "):
            on_report.child = int(text.removeprefix("child: "))
            os.kill(os.getpid(), number)

    return on_report


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_reaches_the_job_which_ends_in_its_own_way_and_leaves_nothing_behind(job, number):
    ready = send_when_ready(number)
    assert job("until told", ready) == {"sources": {}}
    assert not is_alive(ready.child)


def test_a_job_that_does_not_end_when_told_is_killed_with_all_its_processes(job, monkeypatch):
    monkeypatch.setattr(spark_job, "END_WITHIN_S", 0.2)
    ready = send_when_ready(signal.SIGTERM)
    with pytest.raises(HeadraceError, match="exit code -9: it said nothing"):
        job("deaf", ready)
    assert not is_alive(ready.child)


def test_an_interrupted_job_interrupts_us(job, monkeypatch):
    monkeypatch.setattr(spark_job, "END_WITHIN_S", 0.2)
    with pytest.raises(KeyboardInterrupt):
        job("deaf", send_when_ready(signal.SIGINT))


def test_our_own_signal_handlers_are_back_after_the_job(job):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    job("result")
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
