"""Where a container is cut into pages: chosen by the key's hash and the distance since the last cut.

Equal key sets give equal cuts whatever their history, and a changed value never moves one. The chance of a cut rises
with the distance (a Weibull hazard of shape 3, the idea of Dolt's prolly trees), which keeps page sizes close to their
mean: geometric cuts would make an edit meet pages of twice the mean. The hazard is a frozen table of integers: changing
a number changes every tree_id. See docs/decisions/0002-chunking.md for the measurements.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from zlib import crc32

from treering.objects.native import NATIVE
from treering.objects.page import MAX_LEVEL

# fmt: off
# Entry d: cut after the d-th key since the last cut where the key's 32-bit number is below it. Never after the first
# key, so that a tree over any keys, also maliciously chosen ones, halves at each level; always after the last.
LEAF_THRESHOLDS = (
    0x0, 0x0, 0x27AEBF7, 0x6AD14C1, 0xCD71408, 0x14D28E1D, 0x1E6ED393, 0x2972CE74, 0x359F34AB, 0x42B0E19B,
    0x506337D3, 0x5E726CFE, 0x6C9DA548, 0x7AA8C7EB, 0x885DFC33, 0x958EC498, 0xA214B3D8, 0xADD1BDF3, 0xB8B02C53,
    0xC2A24077, 0xCBA193AC, 0xD3AE4409, 0xDACDFF74, 0xE10AFCF0, 0xE672F2D6, 0xEB1616AC, 0xEF063081, 0xF255C935,
    0xF5177827, 0xF75D5268, 0xF9387B77, 0xFAB8D59C, 0x100000000,
)
INNER_THRESHOLDS = (
    0x0, 0x0, 0x57A9BF, 0xEDAB80, 0x1CE0929, 0x2F7FDD3, 0x46A84B7, 0x6245AA5, 0x823FFE0, 0xA67BA49, 0xCED97D3,
    0xFB37158, 0x12B6ED9F, 0x15F584AF, 0x196C835A, 0x1D190EF6, 0x20F8294D, 0x2506B4A3, 0x294177E2, 0x2DA522DC,
    0x322E5295, 0x36D99594, 0x3BA37031, 0x408860E0, 0x4584E463, 0x4A9579E4, 0x4FB6A6F9, 0x54E4FB7C, 0x5A1D153B,
    0x5F5BA37A, 0x649D6A3E, 0x69DF4564, 0x6F1E2B76, 0x74573049, 0x79878755, 0x7EAC85C8, 0x83C3A45C, 0x88CA80E1,
    0x8DBEDF89, 0x929EABE9, 0x9767F9BA, 0x9C19055B, 0xA0B0340E, 0xA52C13F9, 0xA98B5BF2, 0xADCCEB07, 0xB1EFC7E1,
    0xB5F31FEB, 0x100000000,
)
# fmt: on

_SPREAD = 0x9E3779B97F4A7C15  # 2**64 divided by the golden ratio, odd
_MASK = 0xFFFFFFFFFFFFFFFF
_LANES = 256
_pack_lanes = struct.Struct("<" + "I8x" * _LANES).pack
_unpack_lanes = struct.Struct("<" + "4xI4x" * _LANES).unpack  # bits 32 to 63 of each
_SALTS = tuple(level * 0x85EBCA6B & 0xFFFFFFFF for level in range(MAX_LEVEL + 1))


def thresholds(level: int) -> tuple[int, ...]:
    """Return the table for a level (0: leaves)."""
    return INNER_THRESHOLDS if level else LEAF_THRESHOLDS


def key_number(key: bytes, level: int) -> int:
    """Return the key's 32-bit number at a level: its CRC-32, told apart by level and spread by a multiplication.

    CRC-32 alone is linear, and keys that count upwards would cut at regular places; one multiplication undoes that. The
    keys of an inner page are those with small numbers a level below: only a salt that turns many bits makes their
    numbers at this level independent of that. A cryptographic hash would cost twice as much and buy nothing: the table
    bounds page sizes for any numbers.
    """
    return ((crc32(key) ^ _SALTS[level]) * _SPREAD & _MASK) >> 32


def cuts(keys: Sequence[bytes], level: int) -> list[int]:
    """Return where the keys of a level, which follow a cut, are cut: the number of keys before each place."""
    limits = thresholds(level)
    salt = _SALTS[level]
    if NATIVE is not None:
        return NATIVE.cuts(keys, salt, limits)
    places = []
    distance = 0
    whole = 0 if level else len(keys) - len(keys) % _LANES
    for start in range(0, whole, _LANES):
        for place, number in enumerate(_leaf_numbers(keys[start : start + _LANES]), start + 1):
            distance += 1
            if number < limits[distance]:
                places.append(place)
                distance = 0
    for place, key in enumerate(keys[whole:], whole + 1):
        distance += 1
        # key_number, written out: a sixth off the time
        if ((crc32(key) ^ salt) * _SPREAD & _MASK) >> 32 < limits[distance]:
            places.append(place)
            distance = 0
    return places


def _leaf_numbers(keys: Sequence[bytes]) -> tuple[int, ...]:
    """Return ``key_number`` of each of ``_LANES`` keys in leaves, where there is no salt.

    They are multiplied together, as one long number with 96 bits for each, which is as wide as a product gets: a
    quarter off the time of all cuts.
    """
    numbers = int.from_bytes(_pack_lanes(*map(crc32, keys)), "little") * _SPREAD
    return _unpack_lanes(numbers.to_bytes(12 * _LANES, "little"))
