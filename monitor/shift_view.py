"""Lay out the notes by which shifts hand over."""

from collections.abc import Sequence
from datetime import datetime

from rich.cells import cell_len
from textual.content import Content

from models.i18n import _
from models.queries.shift_notes import Handover, ShiftNote
from models.rules.text import clean, steady_width
from monitor.formatting import format_short, one_line, shorten

_LEAST_CELLS = 8
"""Cells of a note that are shown however narrow the line is."""


def handover_line(handover: Handover, now: datetime, width: int) -> Content:
    """Return the note to be read first on one line, and whether it was read."""
    note = handover.note
    head = f"{_('Handover')} {format_short(note.at, now)} {one_line(note.who)}  "
    state = "  " + (
        _("unread {n}").format(n=handover.unread) if handover.unread else _read(note, now)
    )
    room = width - cell_len(head) - cell_len(state) - len("  F12")
    return Content.assemble(
        (head, "bold"),
        shorten(one_line(note.text), max(_LEAST_CELLS, room)),
        (state, "bold $accent" if handover.unread else "$quiet"),
        ("  F12", "$quiet"),
    )


def note_list(notes: Sequence[ShiftNote], now: datetime) -> Content:
    """Lay out notes with who wrote and who read them."""
    parts = []
    for note in notes:
        style = "$quiet" if note.read_at else "bold $accent"
        head = Content.styled(f"{format_short(note.at, now)} {one_line(note.who)}  ", "bold")
        parts.append(head + Content.styled(_read(note, now) or _("unread"), style))
        parts += [Content(f"  {line}") for line in steady_width(clean(note.text)).splitlines()]
    return Content("\n").join(parts or [Content(_("No shift has left a note in the last days."))])


def _read(note: ShiftNote, now: datetime) -> str:
    if note.read_at is None:
        return ""
    at = format_short(note.read_at, now)
    return _("read by {name} at {at}").format(name=one_line(note.read_by or ""), at=at)
