"""Signatures are those that stored bands were made with, and agree as often as the sets do."""

import zlib
from random import Random

import pytest
from datasketch import MinHash

from models.rules.minhash import signature

_LENGTH = 48


def _pieces(seed: int, count: int) -> frozenset[str]:
    random = Random(seed)
    return frozenset("".join(random.choices("路灯坏了三天请派人维修", k=3)) for _ in range(count))


@pytest.mark.parametrize("count", [1, 12, 300, 5000])
def test_values_are_those_of_datasketch(count: int) -> None:
    """Bands that are stored, and bands made from now on, must meet."""
    pieces = _pieces(count, count)
    theirs = MinHash(_LENGTH, seed=1, hashfunc=zlib.crc32, scheme="affine32")
    theirs.update_batch([piece.encode() for piece in pieces])
    assert signature(pieces, _LENGTH).tolist() == theirs.hashvalues.tolist()


def test_values_do_not_change_with_numpy() -> None:
    """Written down once, for a release of numpy or datasketch that changes both alike."""
    assert signature({"路灯坏", "灯坏了"}, 4).tolist() == [
        2279321211,
        1176595573,
        1731454623,
        1637174957,
    ]


def test_signatures_agree_as_often_as_sets() -> None:
    """With 4,096 permutations, two sets that share a third agree in about a third of them."""
    shared, first, second = (frozenset(f"{name}{n}" for n in range(200)) for name in "abc")
    equal = signature(shared | first, 4096) == signature(shared | second, 4096)
    assert equal.mean() == pytest.approx(1 / 3, abs=0.03)
