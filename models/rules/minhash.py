"""MinHash: short signatures of sets that agree about as often as the sets do.

The values are those of datasketch's scheme "affine32" with crc32 and seed 1, by which stored bands
were made; a test compares the two. The library itself requires SciPy, which nothing else needs when
the service runs.
"""

import zlib
from collections.abc import Collection
from functools import cache

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint32]

_SEED = 1


def signature(pieces: Collection[str], length: int) -> Hashes:
    """Return the signature of a set of texts: for each permutation its least hash.

    The set must not be empty.
    """
    hashes = np.fromiter((zlib.crc32(p.encode()) for p in pieces), np.uint32, len(pieces))
    multipliers, offsets = _permutations(length)
    permuted = _mixed(hashes)[:, np.newaxis] * multipliers + offsets
    least: Hashes = permuted.min(axis=0)
    return least


@cache
def _permutations(count: int) -> tuple[Hashes, Hashes]:
    """Return multipliers and offsets; an odd multiplier makes a permutation modulo 2**32."""
    # RandomState, unlike numpy's newer generators, gives the same numbers in every release.
    random = np.random.RandomState(_SEED)
    multipliers = random.randint(0, 1 << 31, count, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return multipliers, random.randint(0, 1 << 32, count, dtype=np.uint32)


def _mixed(hashes: Hashes) -> Hashes:
    """Mix the bits of each hash by the finalizer of MurmurHash3."""
    hashes = hashes ^ (hashes >> np.uint32(16))
    hashes = hashes * np.uint32(0x85EBCA6B)
    hashes = hashes ^ (hashes >> np.uint32(13))
    hashes = hashes * np.uint32(0xC2B2AE35)
    return hashes ^ (hashes >> np.uint32(16))
