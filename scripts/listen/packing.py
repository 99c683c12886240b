"""Unpack the body of a request piece by piece, within limits."""

import zlib
from collections.abc import Iterator

from models.rules.limits import LISTEN_PACKED_RATIO, LISTEN_PIECE_BYTES, MIB
from scripts.listen.problems import BAD_GZIP, PACKED_TOO_TIGHT, Problem

_GZIP = 31
"""The parameter by which zlib takes gzip, and nothing else."""


class Gunzip:
    """A body packed by gzip, of which the pieces come one after the other.

    Whatever comes, no more than a piece is unpacked at one time. Raises Problem for what is no
    gzip, and for what unpacks to far more than letters do.
    """

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self._packed = self._unpacked = 0

    def pieces(self, packed: bytes) -> Iterator[bytes]:
        """Yield what a piece unpacks to."""
        self._packed += len(packed)
        while packed:
            if self._member.eof:
                # several files behind one another are one
                self._member = zlib.decompressobj(_GZIP)
            try:
                piece = self._member.decompress(packed, LISTEN_PIECE_BYTES)
            except zlib.error as error:
                raise Problem(BAD_GZIP) from error
            packed = self._member.unused_data or self._member.unconsumed_tail
            yield self._counted(piece)
        while not self._member.eof and (piece := self._rest()):
            yield self._counted(piece)

    def _rest(self) -> bytes:
        """Return what zlib holds back of what it has read: a piece has a limit."""
        return self._member.decompress(b"", LISTEN_PIECE_BYTES)

    def _counted(self, piece: bytes) -> bytes:
        self._unpacked += len(piece)
        if self._unpacked > MIB and self._unpacked > LISTEN_PACKED_RATIO * self._packed:
            raise Problem(PACKED_TOO_TIGHT, ratio=LISTEN_PACKED_RATIO)
        return piece

    def finish(self) -> None:
        """Raise Problem where the body was cut off; none at all is not."""
        if self._packed and not self._member.eof:
            raise Problem(BAD_GZIP)
