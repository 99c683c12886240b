"""Tell when the terminal's bell should ring for a new red card."""

from datetime import datetime


class CardAlarm:
    """Remembers the newest red card that it has been shown; the first one of all is not new."""

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled
        self._newest: datetime | None = None
        self._is_first = True

    def has_new(self, newest: datetime | None) -> bool:
        """Return whether a red card took effect after those before, and remember it."""
        known, is_first = self._newest, self._is_first
        self._is_first = False
        if newest is None or (known is not None and newest <= known):
            return False
        self._newest = newest
        return self.enabled and not is_first
