"""Remember which known letters a feed has had, in bounded memory."""


class SeenLetters:
    """The known letters that a feed has had, by id: those of its last `most` rows, or more."""

    def __init__(self, most: int = 500_000) -> None:
        self._most = most
        self._recent: set[int] = set()
        self._before: set[int] = set()

    def __contains__(self, letter_id: str) -> bool:
        number = hash(letter_id)
        return number in self._recent or number in self._before

    def add(self, letter_id: str) -> None:
        """Add a letter, and forget the oldest where there are too many."""
        self._recent.add(hash(letter_id))
        if len(self._recent) >= self._most:
            self._recent, self._before = set(), self._recent
