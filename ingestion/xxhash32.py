"""xxHash-32 with a seed of 0, in compiled code: the sum of LZ4 frames. See xxhash_spec.md of Y. Collet's xxHash."""

from __future__ import annotations

from .compiled import byte_at, compiled, word_at

_ALL = 0xFFFFFFFF
_1, _2, _3, _4, _5 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1
_STRIPE_BYTES = 16


@compiled
def rotated(number: int, bits: int) -> int:
    """32 bits turned to the left."""
    return ((number << bits) | (number >> (32 - bits))) & _ALL


@compiled
def stirred(lane: int, word: int) -> int:
    """A lane after one more word."""
    return (rotated((lane + word * _2) & _ALL, 13) * _1) & _ALL


@compiled
def xxhash32(address: int, size: int) -> int:
    """The sum of `size` bytes at an address."""
    end = address + size
    state = _5
    if size >= _STRIPE_BYTES:
        a, b, c, d = (_1 + _2) & _ALL, _2, 0, (-_1) & _ALL
        while end - address >= _STRIPE_BYTES:
            a, b = stirred(a, word_at(address)), stirred(b, word_at(address + 4))
            c, d = stirred(c, word_at(address + 8)), stirred(d, word_at(address + 12))
            address += _STRIPE_BYTES
        state = rotated(a, 1) + rotated(b, 7) + rotated(c, 12) + rotated(d, 18)
    state = (state + size) & _ALL
    while end - address >= 4:
        state = (rotated((state + word_at(address) * _3) & _ALL, 17) * _4) & _ALL
        address += 4
    while address < end:
        state = (rotated((state + byte_at(address) * _5) & _ALL, 11) * _1) & _ALL
        address += 1
    state = ((state ^ (state >> 15)) * _2) & _ALL
    state = ((state ^ (state >> 13)) * _3) & _ALL
    return state ^ (state >> 16)
