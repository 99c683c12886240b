"""What the monitor remembers: its colours, and that it has introduced itself."""

import json
from pathlib import Path


class Preferences:
    """A small file in the home; without one nothing is remembered, which does no harm."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._kept = self._read()

    def _read(self) -> dict[str, object]:
        try:
            found = json.loads(self._path.read_text("utf-8")) if self._path else {}
        except (OSError, ValueError):
            # not there yet, or not ours any more: it is written anew with the next change
            return {}
        return found if isinstance(found, dict) else {}

    def get(self, name: str) -> object:
        """What was kept under this name, or None."""
        return self._kept.get(name)

    def keep(self, name: str, value: object) -> None:
        """Keep this; a home that cannot be written is no reason to stop watching."""
        if self._kept.get(name) == value:
            return
        self._kept[name] = value
        if self._path is not None:
            try:
                self._path.write_text(json.dumps(self._kept), encoding="utf-8")
            except OSError:
                self._path = None
