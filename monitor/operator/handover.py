"""Hand over to the next shift: show its notes, write one, say that they were read."""

from datetime import datetime

from models.i18n import _
from models.operations.shift_notes import acknowledge_shift_notes, write_shift_note
from models.queries.shift_notes import ShiftNote, shift_notes
from models.rules.vocabulary import Permission
from monitor.operator.operator import Operator
from monitor.screens.shift_dialog import ShiftDialog
from monitor.shift_view import note_list

_DRAFT = ("handover",)


class ShiftHandover:
    """Opens the notes of the shifts."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator

    async def open(self) -> None:
        """Show the notes until the operator leaves them."""
        operator = self._operator
        if not await operator.may(Permission.ACT):
            return
        who = operator.who
        while True:
            notes, now = await self._load()
            unread = [n.id for n in notes if n.read_at is None and n.who != who.name]
            form = ShiftDialog(note_list(notes, now), has_unread=bool(unread))
            answer = await operator.drafts.fill_in(_DRAFT, form)
            if answer is None:
                return
            if not answer.has_read:
                await self._write(answer.text)
                return
            await self._acknowledge(max(unread))

    async def _load(self) -> tuple[list[ShiftNote], datetime]:
        now = self._operator.now()
        return await self._operator.read(lambda session: shift_notes(session, now)), now

    async def _acknowledge(self, last: int) -> None:
        who, now = self._operator.who, self._operator.now()
        await self._operator.write(lambda s: acknowledge_shift_notes(s, who, last, now))
        self._operator.read_now()

    async def _write(self, text: str) -> None:
        who, now = self._operator.who, self._operator.now()
        await self._operator.write(lambda session: write_shift_note(session, who, text, now))
        self._operator.drafts.forget(_DRAFT)
        self._operator.app.notify(_("Handed over to the next shift"), markup=False)
        self._operator.read_now()
