"""Landers and brokers that stop and come back, while the topic is written to."""

from __future__ import annotations

import random
import signal
import time

import pytest
from support.eventually import eventually
from support.landing_trial import Trial
from support.own_broker import own_broker


@pytest.mark.slow
def test_a_lander_that_was_frozen_while_another_took_over_doubles_nothing(broker, tmp_path):
    with Trial(broker, tmp_path, seed=1) as trial:
        frozen = trial.start(max_age_s=0.5)
        eventually(lambda: trial.landed() > 0)
        frozen.send_signal(signal.SIGSTOP)
        trial.start()
        before = trial.landed()
        eventually(lambda: trial.landed() > before + 500)
        frozen.send_signal(signal.SIGCONT)
        after = trial.landed()
        eventually(lambda: trial.landed() > after + 500)
        verdict = trial.audit()
    assert verdict.is_clean, verdict


@pytest.mark.prove
@pytest.mark.timeout(600)
def test_landers_that_come_and_go_for_a_minute_leave_no_partition_behind(broker, tmp_path):
    draw, comings = random.Random(2), 0
    with Trial(broker, tmp_path, seed=2) as trial:
        until_s = time.monotonic() + 60
        while time.monotonic() < until_s:
            trial.start()
            comings += 1
            before = trial.landed()
            eventually(lambda before=before: trial.landed() > before)
            if len(trial.running) > draw.randint(1, 4):
                trial.stop(draw.choice(trial.running)[1])
        verdict = trial.audit()
    print(f"{comings} landers came: {verdict}")
    assert verdict.is_clean, verdict


@pytest.mark.prove
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning"
)  # of kafka-python, for each attempt to connect that fails
def test_landers_resume_by_themselves_when_a_killed_broker_is_back(tmp_path):
    resumed_s = []
    with own_broker(tmp_path / "home") as server, Trial(server.address, tmp_path, seed=3) as trial:
        trial.start()
        trial.start()
        for _ in range(5):
            eventually(lambda: trial.landed() > 0)
            server.kill()
            server.start()
            back_s, before = time.monotonic(), trial.landed()
            eventually(lambda before=before: trial.landed() > before, within_s=60)
            resumed_s.append(time.monotonic() - back_s)
        verdict = trial.audit()
    print(f"resumed after {max(resumed_s):.1f} s at most: {verdict}")
    assert verdict.is_clean, verdict
    assert max(resumed_s) <= 30
