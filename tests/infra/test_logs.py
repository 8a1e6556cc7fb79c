from __future__ import annotations

from headrace.infra.local import logs

DYING_BROKER = """\
2026-01-01T00:00:00.000Z INFO  KafkaRaftServer: starting
2026-01-01T00:00:01.000Z ERROR KafkaRaftServer: Exiting Kafka due to fatal exception
java.lang.RuntimeException: Stored node id 7 doesn't match previous node id 1
\tat org.apache.kafka.metadata.properties.MetaPropertiesEnsemble.verify(MetaPropertiesEnsemble.java:448)
\tat kafka.server.KafkaRaftServer$.initializeLogDirs(KafkaRaftServer.scala:141)
\t... 3 more
2026-01-01T00:00:01.100Z INFO  KafkaRaftServer: bye
"""


def test_the_last_words_are_the_errors_and_their_causes_without_stack_frames(tmp_path):
    log = tmp_path / "broker.log"
    log.write_text(DYING_BROKER)
    assert logs.last_words(log, 0) == (
        "  2026-01-01T00:00:01.000Z ERROR KafkaRaftServer: Exiting Kafka due to fatal exception\n"
        "  java.lang.RuntimeException: Stored node id 7 doesn't match previous node id 1"
    )


def test_what_an_earlier_start_said_is_not_quoted(tmp_path):
    log = tmp_path / "broker.log"
    log.write_text(DYING_BROKER + "2026-01-02T00:00:00.000Z INFO  KafkaRaftServer: starting\n")
    assert logs.last_words(log, len(DYING_BROKER)) == "  2026-01-02T00:00:00.000Z INFO  KafkaRaftServer: starting"


def test_a_log_that_says_nothing_is_said_to_say_nothing(tmp_path):
    log = tmp_path / "broker.log"
    log.touch()
    assert logs.last_words(log, 0) == "  (nothing)"


def test_a_large_log_is_put_aside_and_a_small_one_goes_on(tmp_path, monkeypatch):
    log = tmp_path / "broker.log"
    assert logs.rotate(log) == 0
    log.write_text("abc")
    assert logs.rotate(log) == 3
    monkeypatch.setattr(logs, "ROTATE_AT_BYTES", 3)
    assert logs.rotate(log) == 0
    assert (tmp_path / "broker.log.1").read_text() == "abc"
