"""Runs of batches that compiled code reads in one go: only their CRC is asked of them, and all are plain or all LZ4."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import batch_headers as head
from .batch_compression import LZ4

PLAIN = 0
_NONE = -1  # in place of a codec: not to be read so


class BatchRuns:
    """Where runs end, in a part whose batches have these headers (`[n, COLUMNS]`); only `simple` ones are in any."""

    def __init__(self, headers: head.Ints, simple: NDArray[np.bool_]) -> None:
        codecs = headers[:, head.ATTRIBUTES] & head.CODEC_MASK
        self._codecs = np.where(simple & ((codecs == PLAIN) | (codecs == LZ4)), codecs, _NONE)
        self._changes = np.append(np.flatnonzero(np.diff(self._codecs)) + 1, len(codecs))
        self._rows = np.concatenate([[0], headers[:, head.RECORDS].clip(0).cumsum()])  # before each batch
        self._starts = headers[:, head.START]

    def end(self, batch: int, rows: int, size_bytes: int) -> int:
        """The batch behind a run that begins with this one and has about so many rows or bytes, or ends before."""
        if batch == len(self._codecs) or self._codecs[batch] == _NONE:
            return batch
        end = int(self._changes[np.searchsorted(self._changes, batch, side="right")])
        wanted = int(self._rows[batch]) + min(rows, int(self._rows[-1]))
        by_rows = int(np.searchsorted(self._rows, wanted))
        by_bytes = int(np.searchsorted(self._starts, self._starts[batch] + size_bytes))
        return min(end, max(batch + 1, min(by_rows, by_bytes)))
