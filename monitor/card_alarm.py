"""Tell when the terminal's bell should ring for a new red card."""

from collections.abc import Iterable

from models.queries.overview import Card
from models.rules.vocabulary import Level


class CardAlarm:
    """Remembers the red cards that it has been shown; the first ones of all are not new."""

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled
        self._known: set[str] | None = None

    def has_new(self, cards: Iterable[Card]) -> bool:
        """Return whether there is a red card that was not there before, and remember it."""
        red = {card.ticket for card in cards if card.level == Level.RED}
        is_new = self._known is not None and bool(red - self._known)
        self._known = red | (self._known or set())
        return is_new and self.enabled
