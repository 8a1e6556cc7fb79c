"""fsck: reads the tables of a lake as files, names what is damaged, and repairs what can be repaired without loss."""

from __future__ import annotations

from .check import Checked, check_table, repair_table
from .finding import Finding, Kind

__all__ = ["Checked", "Finding", "Kind", "check_table", "repair_table"]
