"""Act on many tickets at once: offer what fits them, ask once, send a message for each."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from models.database import Session
from models.i18n import N_, _, counted, render
from models.operations.speaking import SpeakingCheck
from models.queries.claims import Claim, claims
from models.queries.selected_tickets import SelectedTicket, selected_tickets
from models.rules.speaking import OPERATORS
from models.rules.vocabulary import Permission
from monitor.action_types import Action, ActionTicket
from monitor.actions import message
from monitor.collisions import claim_mark
from monitor.formatting import one_line, shorten
from monitor.operator.form_data import FormData, FormDataReader
from monitor.operator.operator import Choice, Operator
from monitor.operator.sending import MessageSender
from monitor.quick_actions import QuickAction, with_key
from monitor.screens.batch_results import BatchResults
from monitor.shared_actions import actions_for_many
from monitor.widgets.selectable_list import SelectableList

_SHOWN, _LINE_CELLS = 2, 70
"""Tickets that a form names, and the cells of their lines; of the others it tells the number."""


@dataclass(frozen=True, slots=True)
class _Offer:
    """The actions with the tickets that each fits, and what is known about the tickets."""

    actions: Sequence[tuple[Action, Sequence[ActionTicket]]]
    tickets: Mapping[str, SelectedTicket]
    claims: Mapping[str, Claim]
    form_data: FormData


class BatchMenu:
    """Offers one operator's actions with many tickets."""

    def __init__(self, operator: Operator, sender: MessageSender) -> None:
        self._operator = operator
        self._sender = sender
        self._form_data = FormDataReader()

    async def offer(self, selection: SelectableList, more: Sequence[Choice]) -> None:
        """Offer what can be done with what is selected, ask once, and send it; `more` is below."""
        numbers = selection.selected
        if not await self._operator.may(Permission.ACT, numbers[0]):
            return
        offer = await self._operator.read(lambda session: self._load(session, numbers))
        choices: list[Choice] = [
            (
                with_key(f"{render(action.label)} ({len(tickets)})", action.type),
                partial(self._ask, action, tickets, offer, selection),
            )
            for action, tickets in offer.actions
        ]
        title = counted(
            len(numbers), N_("What to do with {n} ticket"), N_("What to do with {n} tickets")
        )
        empty = _("Nothing can be done with these tickets here.")
        await self._operator.choose(title, [*choices, *more], empty)

    async def act(self, selection: SelectableList, quick: QuickAction) -> None:
        """Ask at once for what a frequent action needs, and send it for all that it fits."""
        numbers = selection.selected
        if not await self._operator.may(Permission.ACT, numbers[0]):
            return
        offer = await self._operator.read(lambda session: self._load(session, numbers))
        fitting = {action.type: (action, tickets) for action, tickets in offer.actions}
        fits = next((fitting[kind] for kind in quick.types if kind in fitting), None)
        if fits is not None:
            await self._ask(*fits, offer, selection)
            return
        text = _("{what} cannot be done with the selected tickets together")
        text = text.format(what=render(quick.label))
        self._operator.app.notify(text, severity="warning", markup=False)

    async def show_results(self) -> str | None:
        """Show what became of the last batch; returns the ticket that is to be opened, if any."""
        if (batch := self._sender.last_batch) is None:
            self._operator.app.notify(_("Nothing was sent for many tickets yet"), markup=False)
            return None
        return await self._operator.app.push_screen_wait(BatchResults(batch))

    async def _ask(
        self,
        action: Action,
        tickets: Sequence[ActionTicket],
        offer: _Offer,
        selection: SelectableList,
    ) -> None:
        about = self._about(tickets, offer)
        name, draft = render(action.label), (action.type, "many tickets")
        answers = await self._operator.fill_in(
            draft,
            lambda: offer.form_data.form(action, "\n".join(about)),
            name,
            about[0],
            lambda session: self._changes(session, tickets, offer),
        )
        if answers is None:
            return
        who, now = self._operator.who.name, self._operator.now()
        # not like the digest that begins the ids of one message for several tickets
        batch_id = f"batch-{uuid.uuid4().hex}"
        bodies = [
            message(action, ticket, answers, who, now, f"{batch_id}-{ticket.number}")
            for ticket in tickets
        ]
        # a second key must not go out to all of them again
        selection.deselect(offer.tickets.keys())
        await self._sender.send_batch(OPERATORS, bodies, name, partial(_select_again, selection))
        self._operator.drafts.forget(draft)

    def _changes(
        self, session: Session, tickets: Sequence[ActionTicket], before: _Offer
    ) -> list[str]:
        """Say what others did with the tickets of an action since its form was opened."""
        now = self._load(session, [ticket.number for ticket in tickets])
        changed = [
            was
            for ticket in tickets
            if _state(was := before.tickets[ticket.number]) != _state(now.tickets.get(was.number))
        ]
        changes = [_name(ticket) for ticket in changed[:_SHOWN]]
        if changed:
            single = N_("{n} of them has another unit or status now")
            several = N_("{n} of them have another unit or status now")
            changes.insert(0, counted(len(changed), single, several))
        known = {number: claim.who for number, claim in self._others(tickets, before).items()}
        others = self._others(tickets, now).items()
        if new := [claim for number, claim in others if claim.who != known.get(number)]:
            changes.append(_claimed(new))
        return changes

    def _others(self, tickets: Sequence[ActionTicket], offer: _Offer) -> dict[str, Claim]:
        """Return other operators' claims of these tickets, by number."""
        numbers = {ticket.number for ticket in tickets} & offer.claims.keys()
        held = {number: offer.claims[number] for number in numbers}
        return {n: claim for n, claim in held.items() if claim.who != self._operator.who.name}

    def _about(self, tickets: Sequence[ActionTicket], offer: _Offer) -> list[str]:
        """Say how many of the selected tickets it is for, warn of others' claims, and name some."""
        count = _("For {n} of {total} selected tickets, a message each")
        lines = [count.format(n=len(tickets), total=len(offer.tickets))]
        if others := self._others(tickets, offer):
            lines.append(_claimed([*others.values()]))
        lines += [_name(offer.tickets[ticket.number]) for ticket in tickets[:_SHOWN]]
        if (unnamed := len(tickets) - _SHOWN) > 0:
            lines[-1] += "  " + _("and {n} more").format(n=unnamed)
        return lines

    def _load(self, session: Session, numbers: Sequence[str]) -> _Offer:
        tickets = selected_tickets(session, numbers)
        check = SpeakingCheck(session, self._operator.who, self._operator.now())
        actions = []
        for action, fitting in actions_for_many(tickets):
            allowed = [t for t in fitting if check.may_send(action.type, {"unit": t.unit})]
            if allowed:
                actions.append((action, allowed))
        return _Offer(
            actions,
            {ticket.number: ticket for ticket in tickets},
            claims(session, self._operator.wall()),
            self._form_data.read(session, self._operator.now()),
        )


def _select_again(selection: SelectableList, refused: Collection[str]) -> bool:
    """Select the refused tickets, unless others are by now; returns whether it did."""
    if not selection.is_attached or selection.selected:
        return False
    selection.select(refused)
    return True


def _state(ticket: SelectedTicket | None) -> tuple[str | None, str] | None:
    return None if ticket is None else (ticket.unit, ticket.status)


def _name(ticket: SelectedTicket) -> str:
    return shorten(f"{one_line(ticket.number)}  {one_line(ticket.title)}", _LINE_CELLS)


def _claimed(claims: Sequence[Claim]) -> str:
    names = ", ".join(dict.fromkeys(claim_mark(claim) for claim in claims))
    text = _("Attention: others work at {n} of them: {names}")
    return shorten(text.format(n=len(claims), names=names), _LINE_CELLS)
