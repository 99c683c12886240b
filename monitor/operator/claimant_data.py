"""Show a claimant's data or number for a while, after logging who sees them."""

from textual.content import Content

from models.i18n import _
from models.json_types import JsonObject
from models.operations.access import number_to_call, reveal
from models.rules.vocabulary import Permission
from monitor.formatting import one_line
from monitor.operator.operator import Operator
from monitor.screens.dialogs import RevealDialog, TextDialog

_SHOW_SECONDS = 30
"""Seconds for which a person's data stay on the screen."""


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
        reason = await self._operator.app.push_screen_wait(RevealDialog(text))
        if reason is None:
            return
        fields, now = ("name", "phone", "address"), self._operator.now()
        person = await self._operator.write(lambda s: reveal(s, who, number, fields, now, reason))
        await self._show_for_a_while(number, person)

    async def show_number(self, number: str) -> None:
        """Show the name and number of a claimant whose call is due; it takes no reason."""
        if not await self._operator.may(Permission.CALL, number):
            return
        who, now = self._operator.who, self._operator.now()
        person = await self._operator.write(lambda s: number_to_call(s, who, number, now))
        await self._show_for_a_while(number, person)

    async def _show_for_a_while(self, number: str, person: JsonObject) -> None:
        lines = [one_line(str(value or "-")) for value in person.values()]
        content = Content("\n").join(Content.styled(line, "bold") for line in lines)
        dialog = TextDialog(one_line(number), content, _SHOW_SECONDS)
        await self._operator.app.push_screen_wait(dialog)
