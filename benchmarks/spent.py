"""What processes spend: CPU-seconds of all their threads, and the most memory that they held, as Linux counts it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# Fields of /proc/N/stat, counted behind the name of the program: time in its own code, and in the kernel for it.
USER_TICKS, SYSTEM_TICKS = 11, 12


@dataclass(frozen=True)
class Spent:
    """CPU-seconds, and the most memory that was resident, in bytes."""

    cpu_s: float
    peak_bytes: int


def spent_by(processes: Iterable[int]) -> Spent:
    """What running processes have taken until now, each since its start; their greatest sizes are added up."""
    numbers = list(processes)
    return Spent(sum(map(cpu_of, numbers)), sum(map(peak_of, numbers)))


def cpu_of(process: int) -> float:
    """CPU-seconds of one process until now."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[USER_TICKS]) + int(fields[SYSTEM_TICKS])) / TICKS_PER_S


def peak_of(process: int) -> int:
    """The most memory that one process has held at a time, in bytes; 0 when it has just ended."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)
