"""Functions that numba compiles: once a machine, and kept on its disk between runs.

The first call of each loads its machine code (hundredths of a second) or, where there is none yet for this processor
and this version of the source, compiles it (seconds). numba keeps it in `__pycache__` beside the source, or in the
user's cache where the install is read-only; where neither can be written, every process compiles for itself.
"""

from __future__ import annotations

import functools
import logging
import platform
import sys
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from llvmlite import binding, ir
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
def byte_at(_: Any, address: Any) -> Any:
    """The byte at an address (int64), as int64."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte = builder.load(builder.inttoptr(arguments[0], cgutils.voidptr_t))
        return builder.zext(byte, ir.IntType(64))

    return types.int64(address), code


@intrinsic  # type: ignore[untyped-decorator]
def half_word_at(_: Any, address: Any) -> Any:
    """The two bytes at an address (int64) as a little-endian number, int64."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _little_endian(builder, arguments[0], 16)

    return types.int64(address), code


@intrinsic  # type: ignore[untyped-decorator]
def word_at(_: Any, address: Any) -> Any:
    """The four bytes at an address (int64) as a little-endian number, int64."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _little_endian(builder, arguments[0], 32)

    return types.int64(address), code


def _little_endian(builder: Any, address: Any, bits: int) -> Any:
    kind = ir.IntType(bits)
    number = builder.load(builder.inttoptr(address, kind.as_pointer()), align=1)
    if sys.byteorder == "big":
        number = builder.bswap(number)
    return builder.zext(number, ir.IntType(64))


@intrinsic  # type: ignore[untyped-decorator]
def copy_sixteen(_: Any, to: Any, source: Any) -> Any:
    """Copies 16 bytes between two addresses (int64); all of them are read before any is written."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.VectorType(ir.IntType(8), 16).as_pointer()
        target, origin = (builder.inttoptr(each, kind) for each in arguments)
        builder.store(builder.load(origin, align=1), target, align=1)
        return context.get_dummy_value()

    return types.void(to, source), code


@intrinsic  # type: ignore[untyped-decorator]
def copy_byte(_: Any, to: Any, source: Any) -> Any:
    """Copies one byte between two addresses (int64)."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, origin = (builder.inttoptr(each, cgutils.voidptr_t) for each in arguments)
        builder.store(builder.load(origin), target)
        return context.get_dummy_value()

    return types.void(to, source), code


@intrinsic  # type: ignore[untyped-decorator]
def copy_bytes(_: Any, to: Any, source: Any, size: Any) -> Any:
    """Copies `size` bytes between two addresses (int64), which must not overlap."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, origin = (builder.inttoptr(each, cgutils.voidptr_t) for each in arguments[:2])
        cgutils.raw_memcpy(builder, target, origin, arguments[2], ir.Constant(arguments[2].type, 1))
        return context.get_dummy_value()

    return types.void(to, source, size), code


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(_: Any, address: Any) -> Any:
    """Has the processor load the line at an address (int64) that will be read soon; nothing happens where none is."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, number, number, number])
        load = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        place = builder.inttoptr(arguments[0], cgutils.voidptr_t)
        builder.call(load, [place, number(0), number(3), number(1)])  # to read, to be kept, data
        return context.get_dummy_value()

    return types.void(address), code


@functools.cache
def has_crc32c() -> bool:
    """Whether this processor has the instruction of `crc32c_word`."""
    is_x86 = platform.machine().lower() in ("x86_64", "amd64")
    return is_x86 and bool(binding.get_host_cpu_features().get("sse4.2"))


@intrinsic  # type: ignore[untyped-decorator]
def crc32c_word(_: Any, state: Any, address: Any) -> Any:
    """The state of a CRC-32C (int64, in its lower half) after the eight bytes at an address (int64)."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = ir.IntType(64)
        there = builder.load(builder.inttoptr(arguments[1], word.as_pointer()), align=1)
        kind = ir.FunctionType(word, [word, word])
        step = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse42.crc32.64.64")
        return builder.call(step, [arguments[0], there])

    return types.int64(state, address), code
