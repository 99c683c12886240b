"""Show a claimant's data or number for a while, after logging who sees them."""

from rich.cells import cell_len
from textual.content import Content

from models.i18n import _
from models.json_types import JsonObject
from models.operations.access import number_to_call, reveal
from models.rules.vocabulary import Permission
from monitor.formatting import fit, one_line
from monitor.labels import PERSON_FIELDS, word
from monitor.operator.operator import Operator
from monitor.screens.dialogs import RevealedDialog
from monitor.screens.prompts import RevealForm

_SHOW_SECONDS = 30
"""Seconds for which a person's data stay on the screen."""


def claimant_lines(person: JsonObject) -> Content:
    """Lay out a claimant's data, each with the name of its field."""
    width = max((cell_len(word(PERSON_FIELDS, field)) for field in person), default=0)
    return Content("\n").join(
        Content.assemble(
            (fit(word(PERSON_FIELDS, field), width + 2), "$quiet"),
            (one_line(str(value or "-")), "bold"),
        )
        for field, value in person.items()
    )


class ClaimantRevealer:
    """Shows who has written: their data for a reason, their number where a call is due."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator

    async def show_person(self, number: str) -> None:
        """Show a claimant's data for a while, for a reason, after logging who sees them."""
        if not await self._operator.may(Permission.REVEAL, number):
            return
        who = self._operator.who
        text = _("That you have seen them, and why, goes into the access log as {who}.").format(
            who=who.name
        )
        draft = ("reveal", number)
        reason = await self._operator.drafts.fill_in(draft, RevealForm(text))
        if reason is None:
            return
        fields, now = ("name", "phone", "address"), self._operator.now()
        person = await self._operator.write(lambda s: reveal(s, who, number, fields, now, reason))
        self._operator.drafts.forget(draft)
        await self._show_for_a_while(number, person)

    async def show_number(self, number: str) -> None:
        """Show the name and number of a claimant whose call is due; it takes no reason."""
        if not await self._operator.may(Permission.CALL, number):
            return
        who, now = self._operator.who, self._operator.now()
        person = await self._operator.write(lambda s: number_to_call(s, who, number, now))
        await self._show_for_a_while(number, person)

    async def _show_for_a_while(self, number: str, person: JsonObject) -> None:
        dialog = RevealedDialog(one_line(number), claimant_lines(person), _SHOW_SECONDS)
        await self._operator.app.push_screen_wait(dialog)
