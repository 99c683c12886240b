"""Keep between two starts what was chosen: colours, columns, what was entered last."""

import json
from pathlib import Path

from models.private_files import write_private


class Preferences:
    """A small JSON file in the home; without a path nothing is kept.

    The monitors of several operators may share it.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._values = self._read()

    def _read(self) -> dict[str, object]:
        try:
            values = json.loads(self._path.read_text("utf-8")) if self._path else {}
        except (OSError, ValueError):
            # not there yet, or damaged: the next change writes it again
            return {}
        return values if isinstance(values, dict) else {}

    def get(self, name: str) -> object:
        """Return what was kept under this name, or None."""
        return self._values.get(name)

    def set(self, name: str, value: object) -> None:
        """Keep a value; a home that cannot be written is no reason to stop the monitor."""
        if self._values.get(name) == value:
            return
        # another monitor may have written since
        self._values = {**self._values, **self._read(), name: value}
        if self._path is not None:
            try:
                write_private(self._path, json.dumps(self._values).encode())
            except OSError:
                self._path = None


def of_operator(who: str, name: str) -> str:
    """Return the name under which an operator's own choice is kept."""
    return f"{name} of {who}"
