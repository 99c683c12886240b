"""Offer what can be done with a ticket, ask for what it needs, and send it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from models.database import Session
from models.i18n import _, render
from models.operations.speaking import SpeakingCheck
from models.queries.claims import Claim, claims
from models.queries.detail import TicketDetail, ticket_detail
from models.queries.owed_calls import is_call_due
from models.rules.messages import HOTLINE, RawMessage
from models.rules.speaking import OPERATORS
from models.rules.vocabulary import Permission
from monitor.action_types import Action
from monitor.actions import available_actions, message
from monitor.collisions import new_claim, ticket_changes, warnings
from monitor.formatting import one_line, shorten
from monitor.judged_text import judged_text
from monitor.operator.claimant_data import ClaimantRevealer
from monitor.operator.claiming import switch_claim
from monitor.operator.form_data import FormData, FormDataReader
from monitor.operator.operator import Choice, Operator
from monitor.operator.sending import MessageSender
from monitor.quick_actions import QuickAction, with_key

_TITLE_CELLS = 120
"""Cells of a title above a form."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A ticket, its claim, the actions that the operator may take, and what their forms offer."""

    ticket: TicketDetail
    actions: Sequence[Action]
    form_data: FormData
    is_call_due: bool
    claim: Claim | None


class ActionMenu:
    """Offers the actions of one operator with a ticket."""

    def __init__(self, operator: Operator, sender: MessageSender) -> None:
        self._operator = operator
        self._sender = sender
        self._revealer = ClaimantRevealer(operator)
        self._form_data = FormDataReader()

    async def act(self, number: str, quick: QuickAction) -> None:
        """Ask at once for what a frequent action needs, and send it."""
        if not await self._operator.may(Permission.ACT, number):
            return
        offer = await self._operator.read(lambda session: self.load(session, number))
        by_type = {action.type: action for action in offer.actions}
        action = next((by_type[kind] for kind in quick.types if kind in by_type), None)
        if action is not None:
            await self._ask(action, offer)
            return
        text = _("{what} cannot be done with this ticket here").format(what=render(quick.label))
        self._operator.app.notify(text, severity="warning", markup=False)

    async def offer(self, number: str, more: Sequence[Choice] = ()) -> None:
        """Offer what can be done with a ticket, ask for what it needs, and send it.

        `more` is offered below it.
        """
        operator = self._operator
        if not await operator.may(Permission.ACT, number):
            return
        offer = await operator.read(lambda session: self.load(session, number))
        choices: list[Choice] = [
            (with_key(render(action.label), action.type), partial(self._ask, action, offer))
            for action in offer.actions
        ]
        if offer.is_call_due and operator.who.may(Permission.CALL):
            shows_number = partial(self._revealer.show_number, number)
            choices.append((_("Show the number to call"), shows_number))
        if operator.who.may(Permission.REVEAL):
            shows_person = partial(self._revealer.show_person, number)
            choices.append((_("Show the claimant's data"), shows_person))
        claimed = offer.claim is not None and offer.claim.who == operator.who.name
        name = _("Let go of the ticket") if claimed else _("Claim the ticket")
        choices.append((f"{name}  F4", partial(switch_claim, operator, number, offer.claim)))
        choices += more
        title = _("What to do with {ticket}").format(ticket=one_line(number))
        empty = _("Nothing can be done with this ticket here.")
        await operator.choose(title, choices, empty)

    async def _ask(self, action: Action, offer: Offer) -> None:
        ticket, operator = offer.ticket, self._operator
        title = shorten(one_line(ticket.title), _TITLE_CELLS)
        head, name = f"{one_line(ticket.number)}  {title}", render(action.label)
        noted = warnings(ticket, offer.claim, operator.who.name, operator.now())
        about = "\n".join([head, ticket.unit or "", *noted])
        judged = judged_text(action, ticket, operator.now())
        draft = (action.type, action.item, ticket.number)
        answers = await operator.fill_in(
            draft,
            lambda: offer.form_data.form(action, about, judged),
            name,
            head,
            partial(self._changes, before=offer),
        )
        if answers is not None:
            body = message(action, ticket, answers, operator.who.name, operator.now())
            await self._sender.send(OPERATORS, body, name)
            operator.drafts.forget(draft)

    def _changes(self, session: Session, before: Offer) -> list[str]:
        """Say what others did with the ticket since its form was opened."""
        now, who = self.load(session, before.ticket.number), self._operator.who.name
        return [
            *ticket_changes(before.ticket, now.ticket, who),
            *new_claim(before.claim, now.claim, who),
        ]

    def load(self, session: Session, number: str) -> Offer:
        """Read what the operator may do with a ticket now."""
        ticket = ticket_detail(session, number)
        form_data = self._form_data.read(session, self._operator.now())
        check = SpeakingCheck(session, self._operator.who, self._operator.now())
        speakers: list[RawMessage] = [{"unit": unit} for unit in (ticket.unit, HOTLINE)]
        actions = [
            action
            for action in available_actions(ticket)
            if any(check.may_send(action.type, raw) for raw in speakers)
        ]
        claimed = claims(session, self._operator.wall()).get(number)
        return Offer(ticket, actions, form_data, is_call_due(session, number), claimed)
