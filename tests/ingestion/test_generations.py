from __future__ import annotations

from headrace.ingestion.generations import Generations


def test_the_first_topic_id_is_generation_zero_and_each_new_one_the_next():
    first = Generations.from_property("A")
    second = first.followed_by("B")
    assert [second.number(topic_id) for topic_id in ("A", "B", "C")] == [0, 1, None]
    assert second.to_property() == "A,B"


def test_the_table_property_is_read_as_it_was_written():
    assert Generations.from_property("A,B,C") == Generations(("A", "B", "C"))
    assert Generations.from_property("") == Generations(())
