"""Generations: which topic ids a raw table has seen under one topic name, in order."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Generations:
    """The ids of a topic that was deleted and created again, oldest first; the place of an id is its generation."""

    topic_ids: tuple[str, ...]

    @classmethod
    def from_property(cls, text: str) -> Generations:
        """Reads the table property `headrace.topic_ids` (comma-separated)."""
        return cls(tuple(part for part in text.split(",") if part))

    def to_property(self) -> str:
        """The table property that `from_property` reads."""
        return ",".join(self.topic_ids)

    def number(self, topic_id: str) -> int | None:
        """The generation of `topic_id` (the first is 0), None while the table does not know it."""
        return self.topic_ids.index(topic_id) if topic_id in self.topic_ids else None

    def followed_by(self, topic_id: str) -> Generations:
        """These generations and, as the newest, `topic_id`."""
        return Generations((*self.topic_ids, topic_id))
