"""What every part of a profile's file is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Said(BaseModel):
    """A part of the file: frozen, and without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")
