"""Landing: Kafka topics into raw Delta tables, every record exactly once and byte for byte. No JVM."""

from __future__ import annotations

from .acceptance import place_of
from .flush import FlushPolicy
from .session import land
from .settings import LandingResult, LandingSettings, Progress
from .stop import stop_on_signals

__all__ = ["FlushPolicy", "LandingResult", "LandingSettings", "Progress", "land", "place_of", "stop_on_signals"]
