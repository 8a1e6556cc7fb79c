"""The profiles that tests of this room look at."""

from __future__ import annotations

from support.profiled import profiled

__all__ = ["profiled"]
