"""Remember what each operator entered, so that it need not be typed again."""

from monitor.preferences import Preferences, of_operator

_ENTRIES = 50
"""Entries of a line that are remembered."""


class History:
    """The last entries of each operator at each line.

    They are kept between two starts, but those with private text only until the monitor ends.
    """

    def __init__(self, preferences: Preferences) -> None:
        self._preferences = preferences
        self._read: dict[str, dict[str, bool]] = {}

    def entries(self, who: str, line: str) -> list[str]:
        """List what was entered, the newest first."""
        return list(reversed(self._entries(who, line)))

    def add(self, who: str, line: str, text: str, *, is_private: bool = False) -> None:
        """Add an entry, or move it to the front."""
        entries = self._entries(who, line)
        entries.pop(text, None)
        entries[text] = is_private
        while len(entries) > _ENTRIES:
            del entries[next(iter(entries))]
        harmless = [text for text, private in entries.items() if not private]
        self._preferences.set(of_operator(who, line), harmless)

    def _entries(self, who: str, line: str) -> dict[str, bool]:
        """Return the entries, the oldest first, and which of them are private."""
        name = of_operator(who, line)
        if name not in self._read:
            kept = self._preferences.get(name)
            texts = kept if isinstance(kept, list) else []
            self._read[name] = {text: False for text in texts if isinstance(text, str)}
        return self._read[name]
