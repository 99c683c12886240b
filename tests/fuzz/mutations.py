"""Nearly valid inputs: valid ones with parts cut, doubled or replaced by unusual bytes."""

from collections.abc import Sequence
from random import Random

_SPIKES = (
    *(bytes([n]) for n in (0, 9, 10, 13, 26, 27, 34, 39, 44, 58, 61, 91, 93, 123, 125, 127, 255)),
    b"\xef\xbb\xbf", b"\xff\xfe", b"\xed\xa0\x80", b"\xc2\x85", "\u2028\u202e\u200b".encode(),
    b"\x1b[31m", b"\x1b]0;x\x07", b"[" * 400, b'{"a":' * 300, b"9" * 400, b"-1", b"1e999", b"NaN",
    b"null", b"true", b"0001-01-01T00:00:00+23:59", b"9999-12-31T23:59:59-23:59",
    b"2026-02-30",
    b"=cmd|' /C calc'!A0", b"../../etc/passwd", b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///x'>]>",
    b"&b;" * 50, b"PK\x03\x04", "１３９１２３４５６７８".encode(), b"440507199001011234",
    b'"""', b"'''",
)  # fmt: skip


def nearly_valid(rng: Random, seeds: Sequence[bytes]) -> bytes:
    """A seed with up to eight mutations, or noise."""
    return mutated(rng, rng.choice((*seeds, b"")), seeds, rng.randint(0, 8))


def mutated(rng: Random, data: bytes, others: Sequence[bytes], changes: int) -> bytes:
    """An input with this many mutations; some insert pieces of the others."""
    for _ in range(changes):
        start = rng.randint(0, len(data))
        stop = min(len(data), start + rng.randint(0, 60))
        match rng.randrange(6):
            case 0:
                new = rng.choice(_SPIKES)
            case 1:
                new = rng.randbytes(rng.randint(1, 20))
            case 2:
                new = chr(rng.choice(_PLANES)[rng.randrange(128)]).encode(errors="surrogatepass")
            case 3:
                new = data[start:stop] * rng.choice((0, 3))
            case 4:
                other = rng.choice(others)
                new = other[rng.randint(0, len(other)) :][:40]
            case _:
                data, new, stop = data[:start], b"", start
        data = data[:start] + new + data[stop:]
    return data


_PLANES = [range(n, n + 128) for n in (0, 128, 0x0300, 0x2000, 0x4E00, 0xD800, 0xFF00, 0x1F600)]
