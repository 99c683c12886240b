"""When letters of different claimants are about one matter: a proposal, never more (2.2.6)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from models.rules.screening import dialled_digits, facts

WINDOW = timedelta(days=30)
"""Letters further apart are not compared."""

SIMILAR_FROM = 0.5
"""From so much in common on, by the pieces of what they say, two letters are one matter."""

_PIECE = 3
LEAST_SHINGLES = 12
"""A letter that says less than so many pieces has nothing of its own to be compared by."""


def shingles_of(body: Mapping[str, Any]) -> frozenset[str]:
    """What a letter says, in overlapping pieces of three characters; empty where it says little."""
    said = facts(f"{body.get('title') or ''}{body.get('content') or ''}")
    found = frozenset(said[n : n + _PIECE] for n in range(len(said) - _PIECE + 1))
    return found if len(found) >= LEAST_SHINGLES else frozenset()


def in_common(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of all their pieces that two letters have in common, 0 to 1."""
    both = len(one & other)
    return both / (len(one) + len(other) - both) if both else 0.0


def who(body: Mapping[str, Any], unknown: str) -> str:
    """Who wrote a letter, as far as it can be told apart; `unknown` where it says nothing."""
    claimant = body.get("claimant") or {}
    name = str(claimant.get("name") or "").strip()
    return dialled_digits(str(claimant.get("phone") or "")) or name or unknown
