"""Functions that numba compiles: once a machine, and kept on its disk between runs.

The first call of each loads its machine code (hundredths of a second) or, where there is none yet for this processor
and this version of the source, compiles it (seconds). numba keeps it in `__pycache__` beside the source, or in the
user's cache where the install is read-only; where neither can be written, every process compiles for itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

log = logging.getLogger(__name__)

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """A decorator: compiles at the first call, without Python's lock while it runs."""
    try:
        return cast(Function, numba.njit(function, cache=True, nogil=True))
    except RuntimeError as err:  # numba found no folder that it may write
        log.warning(
            "%s. Each start compiles the decoder anew, which takes some seconds: "
            "let NUMBA_CACHE_DIR name a folder that can be written",
            err,
        )
        return cast(Function, numba.njit(function, nogil=True))


@intrinsic  # type: ignore[untyped-decorator]
def pointer_to(_: Any, address: Any) -> Any:
    """The place in memory at an address (int64), as `numba.carray` takes it."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.CPointer(types.uint8)(address), code


@intrinsic  # type: ignore[untyped-decorator]
def copy_bytes(_: Any, to: Any, source: Any, size: Any) -> Any:
    """Copies `size` bytes between two addresses (int64), which must not overlap."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, origin = (builder.inttoptr(each, cgutils.voidptr_t) for each in arguments[:2])
        cgutils.raw_memcpy(builder, target, origin, arguments[2], ir.Constant(arguments[2].type, 1))
        return context.get_dummy_value()

    return types.void(to, source, size), code
