"""Numbers, shares and values as a person reads them."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST_VALUE = 40


def number_text(value: float | None) -> str:
    """A number with four significant digits, or all of a whole one; '-' for none. A year or an HHMM has no comma."""
    if value is None:
        return "-"
    size = abs(value)
    if size < 1e15 and value == int(value):
        return f"{int(value)}" if size < 10_000 else f"{int(value):,}"
    if 1000 <= size < 1e6:
        return f"{value:.2f}" if size < 10_000 else f"{value:,.1f}"
    return f"{value:.4g}"


def share_text(part: float, whole: float) -> str:
    """`part` of `whole` in percent; never 0 % of something, nor 100 % of less than all."""
    percent = 100 * part / whole if whole else 0.0
    if 0 < percent < 0.05:
        return "<0.1 %"
    if 99.5 <= percent < 100:
        return f"{min(percent, 99.94):.1f} %" if percent < 99.95 else ">99.9 %"
    return f"{percent:.0f} %" if percent >= 9.95 or percent in (0, 100) else f"{percent:.1f} %"


def counted(rows: int, noun: str = "row") -> str:
    """A count and its noun."""
    return f"{rows:,} {noun}" + ("" if rows == 1 else "s")


def quoted(value: str) -> str:
    """A value of the data in quotation marks, cut where it is long."""
    return f"'{value if len(value) <= LONGEST_VALUE else value[: LONGEST_VALUE - 1] + '…'}'"


def listed(names: Sequence[str]) -> str:
    """a, b and c."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + f" and {names[-1]}"


def lasting(seconds: float) -> str:
    """A length of time in its largest fitting unit."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if abs(seconds) >= 2 * length or (abs(seconds) >= length and seconds % length == 0):
            return f"{number_text(round(seconds / length, 1))} {unit}"
    return f"{number_text(round(seconds, 3))} s"
