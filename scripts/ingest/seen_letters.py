"""Remember which letters a feed has had, in bounded memory."""

from models.operations.inbox import StoredMessage


class SeenLetters:
    """The letters that a feed has had: what arrived since it began, and what was known before.

    `last_before` is the last row of the inbox when the feed began. It goes by the order of arrival,
    not by clocks: where a clock was put back, a correction would be taken for a second row of the
    same feed. Of known letters it has those of the last `most` rows, or more, by source and id.
    """

    def __init__(self, last_before: int, most: int = 500_000) -> None:
        self._last_before, self._most = last_before, most
        self._recent: set[int] = set()
        self._before: set[int] = set()

    def has(self, source: str, letter_id: str, stored: StoredMessage) -> bool:
        """Return whether the feed has had this letter, which the inbox has as `stored`."""
        number = hash((source, letter_id))
        return stored.row_id > self._last_before or number in self._recent or number in self._before

    def add(self, source: str, letter_id: str) -> None:
        """Add a letter, and forget the oldest where there are too many."""
        self._recent.add(hash((source, letter_id)))
        if len(self._recent) >= self._most:
            self._recent, self._before = set(), self._recent
