from __future__ import annotations

from pathlib import Path

import pytest

from headrace import locks
from headrace.errors import LockTimeout, UsageError
from headrace.examples.flights import replay as replays
from headrace.examples.flights.journal import Journal
from headrace.examples.flights.options import ReplayOptions
from headrace.examples.flights.replay import main, replay


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"days": 0}, "days: found 0; the data is of 2013, so 1 to 365 are legal"),
        ({"defects": 1.5}, "defects: found 1.5; it is a share of the events"),
        ({"defects": -0.1}, "defects: found -0.1"),
        ({"defects": float("nan")}, "defects: found nan"),
        ({"seed": -1}, "seed: found -1; it is 0 or more"),
        ({"partitions": 0}, "partitions: found 0; 1 to 100 are legal"),
        ({"topic_prefix": "a b"}, "topic_prefix: found 'a b'; a topic name is at most 249"),
        ({"topic_prefix": "x" * 240}, "topic_prefix: found 'xxx"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_touched(changes, message):
    with pytest.raises(UsageError, match=message):
        ReplayOptions(**({"brokers": "127.0.0.1:9092", "journal": Path("journal")} | changes))


def test_the_command_line_answers_a_wrong_value_with_exit_code_2(capsys):
    assert main(["--brokers", "127.0.0.1:9092", "--journal", "journal", "--days", "400"]) == 2
    assert "days: found 400" in capsys.readouterr().err


def test_topics_are_named_with_the_prefix():
    options = ReplayOptions(brokers="127.0.0.1:9092", journal=Path("journal"), topic_prefix="demo.")
    assert options.topics["weather_observed"] == "demo.weather_observed"


def test_two_replays_cannot_use_one_journal_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(replays, "WAIT_FOR_OTHER_REPLAY_S", 0.1)
    with (
        locks.exclusive(Journal(tmp_path).lock_file, wait_s=1, purpose="the first replay"),
        pytest.raises(LockTimeout, match="the first replay"),
    ):
        replay(ReplayOptions(brokers="127.0.0.1:9092", journal=tmp_path))
