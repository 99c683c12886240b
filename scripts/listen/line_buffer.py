"""Cut what comes in pieces into whole lines; of a line without end only the beginning is kept."""

from models.rules.limits import RECORD_BYTES


class LineBuffer:
    """The lines that have come and were not taken yet, and how many were."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._whole = 0
        self._is_skipping = False
        self.taken = 0

    def __len__(self) -> int:
        """Return the bytes that are held."""
        return len(self._held)

    @property
    def whole(self) -> int:
        """The bytes of whole lines that are held."""
        return self._whole

    def add(self, piece: bytes) -> None:
        """Add what has come."""
        if self._is_skipping:
            end = piece.find(b"\n")
            if end < 0:
                return
            self._is_skipping, piece = False, piece[end + 1 :]
        start = len(self._held)
        self._held += piece
        self._whole = self._held.rfind(b"\n", start) + 1 or self._whole
        if len(self._held) - self._whole > RECORD_BYTES:
            # a byte more than a line may have, by which whoever reads it sees that it is too long
            del self._held[self._whole + RECORD_BYTES + 1 :]
            self._held += b"\n"
            self._whole, self._is_skipping = len(self._held), True

    def take_whole(self) -> tuple[bytes, int]:
        """Take the whole lines; returns them and how many were taken before them."""
        lines, before = bytes(self._held[: self._whole]), self.taken
        del self._held[: self._whole]
        self._whole = 0
        self.taken += lines.count(b"\n")
        return lines, before

    def take_all(self) -> tuple[bytes, int]:
        """Take everything, at the end: the last line may have no end."""
        self._whole = len(self._held)
        return self.take_whole()
