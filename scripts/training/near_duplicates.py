"""Find letters that are nearly the same, so that no evaluation has one on both sides."""

from collections.abc import Hashable, Iterable, Sequence

from models.rules.minhash import signature
from models.rules.similarity import SIMILAR_FROM, jaccard, shingles_of
from scripts.training.labelled_letters import LabelledLetter

_BAND = 2
_HASHES = 32
"""16 bands of two hashes miss one in a hundred pairs with half of their shingles in common."""


def duplicate_groups(letters: Sequence[LabelledLetter]) -> list[int]:
    """Return a number for each letter, which is the same for letters that are nearly the same."""
    shingles = [shingles_of({"title": x.title, "content": x.content}) for x in letters]
    groups = list(range(len(letters)))
    first_with: dict[Hashable, list[int]] = {}
    for row, letter in enumerate(letters):
        for key in _keys(letter, shingles[row]):
            others = first_with.setdefault(key, [])
            for other in others:
                same = letters[other].digest == letter.digest
                if same or jaccard(shingles[other], shingles[row]) >= SIMILAR_FROM:
                    groups[_root(groups, row)] = _root(groups, other)
                    break
            else:
                others.append(row)
    return [_root(groups, row) for row in range(len(letters))]


def _keys(letter: LabelledLetter, shingles: frozenset[str]) -> Iterable[Hashable]:
    """Return what two nearly equal letters have at least one of in common."""
    yield letter.digest
    if shingles:
        hashes = signature(shingles, _HASHES)
        for start in range(0, _HASHES, _BAND):
            yield start, *map(int, hashes[start : start + _BAND])


def _root(groups: list[int], row: int) -> int:
    while groups[row] != row:
        groups[row] = row = groups[groups[row]]
    return row
