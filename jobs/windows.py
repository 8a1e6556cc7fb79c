"""Sliding windows with an exact head and a tail rounded to a hop, as one row per change point.

A window `w` with hop `h` holds at instant `t` the events with `floor_h(t - w) <= ts < t`. An event enters at `ts + 1`
microsecond and leaves at `floor_h(ts) + h + w`; between such points nothing changes. As `h` divides `w`, a window is
the whole tiles from `floor_h(t) - w` on, and the head: what of the tile under way lies before `t`.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from headrace.features.spec import GroupSpec
from headrace.tables import EVENT_AT, KNOWN_AT

from .aggregations import KNOWN_US, Part, answer, parts_of, shifts_of
from .build_events import LATE, LATE_FROM_US, TS_US, Span, is_wanted, needed

_AT_US, _TILE_US, _IS_POINT, _LATE_HERE, _REPEATED = "__at_us", "__tile_us", "__is_point", "__late_here", "__repeated"
_WINDOW_US = "__window_us"


def window_rows(events: DataFrame, spec: GroupSpec, span: Span, late: DataFrame | None) -> DataFrame:
    """Events → keys, event_at, known_at and features: a row for each change point that the span asks for.

    Floats of sums may differ in their last bits from one order of events to another.
    """
    parts = [*parts_of(spec), Part(LATE, F.col(LATE), F.max, F.greatest)]
    rows = _events_and_points(needed(events, spec, span, late), spec, span, parts)
    points = _points_with_heads(rows, spec, parts).join(_tails(rows, spec, parts), [*spec.keys, _TILE_US])
    longest = max(window.us for window in spec.group.windows)
    at_us = F.col(_AT_US)
    known_us = F.greatest(at_us, _merged(parts, longest)[KNOWN_US])
    written = F.lit(True)
    if span.after_us is not None:
        touched = F.coalesce(_merged(parts, longest)[LATE], F.lit(False)) | F.col(_LATE_HERE)
        written = (at_us > span.after_us) | touched
    return points.where(written).select(
        *spec.keys,
        F.timestamp_micros(at_us).alias(EVENT_AT),
        F.timestamp_micros(known_us).alias(KNOWN_AT),
        *_features(spec, parts),
    )


def _events_and_points(events: DataFrame, spec: GroupSpec, span: Span, parts: list[Part]) -> DataFrame:
    """A row for each event and for each change point that it makes, in the same partition as its key.

    Parts are null at points, and LATE there says whether the event that makes the point is late.
    """
    shifted = events.repartition(*spec.keys).withColumns(shifts_of(spec))
    ts_us, hop_us = F.col(TS_US), int(spec.group.hop_us or 0)
    leaves = [_floor(ts_us, hop_us) + hop_us + window.us for window in spec.group.windows]
    instants = F.array(_instant(ts_us, False), *[_instant(at_us, True) for at_us in (ts_us + 1, *leaves)])
    prepared = [part.prepare.alias(part.name) for part in parts]
    rows = shifted.select(*spec.keys, LATE_FROM_US, *prepared, F.explode(instants).alias("__instant"))
    is_point, at_us = F.col("__instant.is_point"), F.col("__instant.at_us")
    return rows.where(~is_point | is_wanted(at_us, span)).select(
        *spec.keys,
        _floor(at_us, hop_us).alias(_TILE_US),
        at_us.alias(_AT_US),
        is_point.alias(_IS_POINT),
        (is_point & F.col(LATE)).alias(_LATE_HERE),
        *[F.when(~is_point, F.col(part.name)).alias(part.name) for part in parts],
    )


def _points_with_heads(rows: DataFrame, spec: GroupSpec, parts: list[Part]) -> DataFrame:
    """The change points, each once, with the fold of the events of its tile before it."""
    tile = Window.partitionBy(*spec.keys, _TILE_US)
    in_order, before, here = tile.orderBy(_AT_US, _IS_POINT), tile.orderBy(_AT_US), tile.orderBy(_AT_US)
    head = before.rangeBetween(Window.unboundedPreceding, -1)
    is_repeated = F.lag(_IS_POINT).over(in_order) & (F.lag(_AT_US).over(in_order) == F.col(_AT_US))
    found = rows.sortWithinPartitions(*spec.keys, _TILE_US, _AT_US, _IS_POINT).select(
        *spec.keys,
        _TILE_US,
        _AT_US,
        _IS_POINT,
        F.max(_LATE_HERE).over(here.rangeBetween(0, 0)).alias(_LATE_HERE),
        *[part.fold(F.col(part.name)).over(head).alias(_head(part)) for part in parts],
        F.coalesce(is_repeated, F.lit(False)).alias(_REPEATED),
    )
    return found.where(F.col(_IS_POINT) & ~F.col(_REPEATED)).drop(_IS_POINT, _REPEATED)


def _tails(rows: DataFrame, spec: GroupSpec, parts: list[Part]) -> DataFrame:
    """The tiles that have rows, with the fold of the tiles before it for each window.

    A frame of `w / h` tiles a tile would be folded again for each. So time is cut into blocks of length `w`: the tiles
    of the window before tile `b` are the end of one block, from `b - w` on, and the beginning of the next, up to `b`;
    both are running folds. This is the sliding minimum of van Herk (1992) and of Gil and Werman (1993).
    """
    tiles = rows.groupBy(*spec.keys, _TILE_US).agg(*[part.fold(F.col(part.name)).alias(part.name) for part in parts])
    folded = _folds_of_blocks(tiles, spec, parts)
    longest = max(window.us for window in spec.group.windows)
    tails = [
        part.fold(F.when(F.col(_WINDOW_US) == window.us, F.col(part.name))).alias(_tail(part, window.us))
        for window in spec.group.windows
        for part in parts
        if window.us == longest or part.name not in (KNOWN_US, LATE)
    ]
    return folded.groupBy(*spec.keys, _TILE_US).agg(*tails)


def _folds_of_blocks(tiles: DataFrame, spec: GroupSpec, parts: list[Part]) -> DataFrame:
    """For each tile and window two rows, which together are the tail: the end of a block, and the beginning of one."""
    tile_us = F.col(_TILE_US)
    halves = [
        F.struct(F.lit(window.us).alias("window_us"), at_us.alias("at_us"), F.lit(is_end).alias("is_end"))
        for window in spec.group.windows
        for at_us, is_end in ((tile_us, False), (tile_us - window.us, True))
    ]
    is_end, at_us, window_us = (F.col(f"__half.{name}") for name in ("is_end", "at_us", "window_us"))
    asked = tiles.select("*", F.explode(F.array(*halves)).alias("__half")).select(
        *spec.keys,
        _TILE_US,
        window_us.alias(_WINDOW_US),
        (at_us - F.pmod(at_us, window_us)).alias("__block_us"),
        at_us.alias(_AT_US),
        is_end.alias("__is_end"),
        *[F.when(~is_end, F.col(part.name)).alias(part.name) for part in parts],
    )
    block = Window.partitionBy(*spec.keys, _WINDOW_US, "__block_us")
    beginning = block.orderBy(_AT_US).rangeBetween(Window.unboundedPreceding, -1)
    end = block.orderBy(F.col(_AT_US).desc()).rangeBetween(Window.unboundedPreceding, Window.currentRow)
    return asked.select(
        *spec.keys,
        _TILE_US,
        _WINDOW_US,
        *[
            F.when(F.col("__is_end"), part.fold(F.col(part.name)).over(end))
            .otherwise(part.fold(F.col(part.name)).over(beginning))
            .alias(part.name)
            for part in parts
        ],
    )


def _features(spec: GroupSpec, parts: list[Part]) -> list[Column]:
    types = spec.source.clean_columns()
    merged = {window.us: _merged(parts, window.us) for window in spec.group.windows}
    return [
        answer(feature, types.get(str(feature.column), "long"), merged[feature.window.us].__getitem__).alias(name)
        for name, feature in spec.columns.items()
        if feature.window is not None
    ]


def _merged(parts: list[Part], window_us: int) -> dict[str, Column]:
    return {part.name: part.merge(F.col(_tail(part, window_us)), F.col(_head(part))) for part in parts}


def _instant(at_us: Column, is_point: bool) -> Column:
    return F.struct(at_us.alias("at_us"), F.lit(is_point).alias("is_point"))


def _floor(at_us: Column, hop_us: int) -> Column:
    return at_us - F.pmod(at_us, F.lit(hop_us).cast("bigint"))


def _head(part: Part) -> str:
    return f"{part.name}__head"


def _tail(part: Part, window_us: int) -> str:
    return f"{part.name}__tail_{window_us}"
