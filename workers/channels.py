"""Where notices go: by default a file in the home, one JSON object a line."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from models.labels import N_, _
from models.operations.delivery import ChannelFailed, Letter
from models.rules.calendar import SHANGHAI

FILE = "file"

_TEXTS = {
    "dispatched": N_('Ticket {ticket} "{title}" is yours; please confirm or return it in time.'),
    "deemed_accepted": N_(
        'Ticket {ticket} "{title}" counts as accepted; please contact the claimant.'
    ),
    "prewarning": N_('[Pre-warning] Ticket {ticket} "{title}" of {unit} is due {due}.'),
    "yellow": N_('[Yellow card] Ticket {ticket} "{title}" of {unit} is overdue; please see to it.'),
    "red": N_('[Red card] Ticket {ticket} "{title}" of {unit} is still overdue; please see to it.'),
    "correction": N_('An earlier notice on ticket {ticket} "{title}" no longer holds.'),
    "expired": N_('A term of ticket {ticket} "{title}" of {unit} has run out.'),
}
_ANY = N_('Ticket {ticket} "{title}": {kind}.')


def text_of(letter: Letter) -> str:
    """What the notice says, in the chosen language; no personal data but number and title."""
    due = letter.due.astimezone(SHANGHAI).strftime("%m-%d %H:%M") if letter.due else "-"
    return _(_TEXTS.get(letter.kind, _ANY)).format(
        ticket=letter.ticket,
        title=letter.title,
        unit=letter.unit or "-",
        due=due,
        kind=_(letter.kind),
    )


class FileChannel:
    """Appends notices to a file; several processes may, each line goes in whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, letters: Sequence[Letter]) -> None:
        """Write the letters and see them on the disk; raises ChannelFailed."""
        lines = b"".join(msgspec.json.encode(_line(one)) + b"\n" for one in letters)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(handle, lines)
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as wrong:
            raise ChannelFailed(f"{self._path.name}: {wrong.strerror}") from wrong


def _line(letter: Letter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "kind": letter.kind,
        "to": f"{letter.unit}/{letter.role}" if letter.unit else letter.role,
        "text": text_of(letter),
        "queued_at": letter.queued_at.astimezone(SHANGHAI),
    }
