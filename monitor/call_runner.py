"""Run an operator's calls, one ticket of a list after another."""

from collections.abc import Sequence

from textual.content import Content

from models.database import Session
from models.i18n import _, render
from models.json_types import JsonObject
from models.operations.access import CallNotDue, number_to_call
from models.operations.claims import claim, release
from models.operations.speaking import SpeakingCheck
from models.queries.claims import Claim, claims
from models.queries.detail import TicketDetail, ticket_detail
from models.rules.messages import HOTLINE
from models.rules.speaking import OPERATORS
from models.rules.vocabulary import Permission
from monitor.action_types import Action
from monitor.actions import message
from monitor.calls import UNIT_CALLS, CallResult, call_purpose, call_results
from monitor.collisions import new_claim, ticket_changes, warnings
from monitor.formatting import one_line, shorten
from monitor.operator.claimant_data import claimant_lines
from monitor.operator.operator import Operator
from monitor.operator.sending import MessageSender
from monitor.screens.call_form import CallAnswer, CallForm
from monitor.ticket_log import log

_TITLE_CELLS, _LOG_CELLS = 60, 46


class CallRunner:
    """Opens the form of a call for each ticket, and sends what was recorded.

    The number is shown by the permission to call, and logged. While its form is open the ticket
    is claimed.
    """

    def __init__(self, operator: Operator, sender: MessageSender) -> None:
        self._operator = operator
        self._sender = sender

    async def call(self, numbers: Sequence[str], kind: str) -> None:
        """Call one claimant after another, until the list ends or the operator stops."""
        for number in numbers:
            if not await self._operator.may(Permission.CALL, number):
                return
            try:
                goes_on = await self._call(number, kind)
            except CallNotDue:
                # somebody else has made it meanwhile
                continue
            if not goes_on:
                return
        self._operator.app.notify(_("No further call of this kind"), markup=False)

    async def _call(self, number: str, kind: str) -> bool:
        ticket, results = await self._operator.read(
            lambda session: self._load(session, number, kind)
        )
        if not results:
            self._operator.app.notify(_("There is no call here that you may record"), markup=False)
            return False
        person, held = await self._operator.write(lambda session: self._begin(session, number))
        now = self._operator.now()
        form = CallForm(
            call_purpose(kind),
            self._about(ticket, person, held),
            log(ticket, now, _LOG_CELLS),
            results,
            self._operator.name,
            now,
        )
        draft = ("call", kind, number)
        answer = await self._operator.drafts.fill_in(draft, form)
        is_wanted = answer is not None and await self._confirm_anyway(ticket, held, answer)
        who = self._operator.who
        await self._operator.write(lambda session: release(session, who, number))
        if answer is not None and is_wanted:
            await self._send(ticket, answer)
            self._operator.drafts.forget(draft)
        return answer is not None

    async def _confirm_anyway(self, before: TicketDetail, held: Claim, answer: CallAnswer) -> bool:
        """Ask again where others have acted on the ticket since the form was opened."""
        number, who = before.number, self._operator.who.name
        wall = self._operator.wall()
        ticket, claimed = await self._operator.read(
            lambda session: (ticket_detail(session, number), claims(session, wall).get(number))
        )
        changes = [*ticket_changes(before, ticket, who), *new_claim(held, claimed, who)]
        name, hint = render(answer.result.label), _("Enter does it, Esc goes on to the next call")
        about = f"{one_line(number)}  {shorten(one_line(before.title), _TITLE_CELLS)}"
        return await self._operator.confirm_changed(name, about, changes, hint)

    async def _send(self, ticket: TicketDetail, answer: CallAnswer) -> None:
        result = answer.result
        action = Action(result.label, result.type)
        fields = result.fields | ({result.note: answer.note} if result.note else {})
        body = message(action, ticket, fields, self._operator.who.name, answer.at)
        await self._sender.send(OPERATORS, body, render(result.label))

    def _load(
        self, session: Session, number: str, kind: str
    ) -> tuple[TicketDetail, list[CallResult]]:
        ticket = ticket_detail(session, number)
        check = SpeakingCheck(session, self._operator.who, self._operator.now())
        caller = ticket.unit if kind in UNIT_CALLS else HOTLINE
        results = [r for r in call_results(kind) if check.may_send(r.type, {"unit": caller})]
        return ticket, results

    def _begin(self, session: Session, number: str) -> tuple[JsonObject, Claim]:
        who = self._operator.who
        person = number_to_call(session, who, number, self._operator.now())
        return person, claim(session, who, number, self._operator.wall())

    def _about(self, ticket: TicketDetail, person: JsonObject, held: Claim) -> list[Content]:
        """Lay out whom to call, what about, and what another operator does there."""
        notes = warnings(ticket, held, self._operator.who.name, self._operator.now())
        lines = [claimant_lines(person), *(Content.styled(note, "$warning") for note in notes)]
        title = shorten(one_line(ticket.title), _TITLE_CELLS)
        lines += [Content(one_line(ticket.number)), Content(title), Content(ticket.unit or "")]
        return lines
