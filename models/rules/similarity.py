"""Similar letters of different claimants: a proposal to people, never a decision (2.2.6)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from models.rules.phones import normalize_phone
from models.rules.screening import facts

WINDOW = timedelta(days=30)
"""Letters further apart are not compared."""

SIMILAR_FROM = 0.5
"""The least Jaccard similarity of two letters that are about one matter."""

_SHINGLE = 3
LEAST_SHINGLES = 12
"""A letter with fewer shingles says too little to be compared."""


BAND_BYTES = 4
"""Bytes of the hash of a band: two letters that share one by chance are compared, no more."""


def bands_of(hashes: bytes) -> frozenset[int]:
    """Return the bands of a letter, of their hashes one after the other."""
    whole = len(hashes) // BAND_BYTES * BAND_BYTES
    return frozenset(memoryview(hashes)[:whole].cast("I"))


def shingles_of(body: Mapping[str, Any]) -> frozenset[str]:
    """Return the shingles of a letter, of three characters each; none if it is too short."""
    text = facts(f"{body.get('title') or ''}\n{body.get('content') or ''}")
    shingles = frozenset(text[n : n + _SHINGLE] for n in range(len(text) - _SHINGLE + 1))
    return shingles if len(shingles) >= LEAST_SHINGLES else frozenset()


def jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    """The share of all their shingles that two letters have in common, 0 to 1."""
    both = len(left & right)
    return both / (len(left) + len(right) - both) if both else 0.0


def author_of(body: Mapping[str, Any], unknown: str) -> str:
    """Return what tells the author of a letter from others; `unknown` where the letter does not."""
    claimant = body.get("claimant") or {}
    name = str(claimant.get("name") or "").strip()
    return normalize_phone(str(claimant.get("phone") or "")) or name or unknown
