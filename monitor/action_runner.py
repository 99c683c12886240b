"""Run an operator's actions: ask once, send a message, and report what a worker decided."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from textual.app import App
from textual.content import Content

from models.clock import Now
from models.database import Session, Store
from models.errors import HotlineError
from models.i18n import _, render
from models.json_types import JsonObject
from models.operations.access import message_to_mend, number_to_call, reveal
from models.operations.access_log import record_denial
from models.operations.claims import claim, release
from models.operations.inbox import add_messages
from models.operations.notices.record import resend
from models.operations.speaking import SpeakingCheck
from models.queries.claims import Claim, claims
from models.queries.detail import TicketDetail, ticket_detail
from models.queries.failures import MESSAGE, Failure
from models.queries.message_answers import MessageAnswer, MessageKey
from models.queries.owed_calls import is_call_due
from models.rulebook import stored_units
from models.rules.messages import HOTLINE, RawMessage
from models.rules.speaking import OPERATORS
from models.rules.vocabulary import MessageType, Permission, label
from models.security.roles import Actor, Denied
from models.store_errors import outage_reason
from monitor import message_edit
from monitor.actions import Action, available_actions, message
from monitor.background import OUTAGES, in_background_thread
from monitor.collisions import claim_mark, warnings
from monitor.formatting import one_line, shorten
from monitor.screens.action_form import ActionForm
from monitor.screens.dialogs import (
    ConfirmDialog,
    MenuDialog,
    MessageEditDialog,
    RevealDialog,
    TextDialog,
    TextPrompt,
)

T = TypeVar("T")

_TITLE_CELLS = 120
"""Cells of a title above a form."""

_SHOW_SECONDS = 30
"""Seconds for which a person's data stay on the screen."""


class MessageNotSent(HotlineError):
    """A message did not get into the inbox; the text says why."""


@dataclass(frozen=True, slots=True)
class _Offer:
    """A ticket, its claim, the actions that the operator may take, and the units to choose from."""

    ticket: TicketDetail
    actions: Sequence[Action]
    units: Mapping[str, tuple[str, ...]]
    is_call_due: bool
    claim: Claim | None


class ActionRunner:
    """Runs the actions of one operator at one screen.

    `operator` is the name that they gave; `actor` is whom the operating system or a token says
    they are, and what their role allows. `waiting` are the messages that no worker has decided
    about yet, with their names.
    """

    def __init__(
        self,
        app: App[None],
        store: Store,
        now: Now,
        wall: Now,
        actor: Actor,
        operator: str,
        read_now: Callable[[], None],
    ) -> None:
        self._app = app
        self._store = store
        self._now = now
        self._wall = wall
        self._actor = actor
        self._read_now = read_now
        self.operator = operator
        self.waiting: dict[MessageKey, str] = {}

    @property
    def who(self) -> Actor:
        """The actor as the logs name them: the name that was given, and whose session it is."""
        if not self.operator or self.operator == self._actor.name:
            return self._actor
        return replace(self._actor, name=f"{self.operator} ({self._actor.name})")

    def start(self, action: Awaitable[None]) -> None:
        """Run something that opens dialogs, and show why if it fails."""
        self._app.run_worker(self._reporting(action), group="actions", exclusive=False)

    async def _reporting(self, action: Awaitable[None]) -> None:
        try:
            await self._recording_denials(action)
        except OUTAGES as error:
            self._app.notify(
                _("Not done: {why}").format(why=outage_reason(error)),
                severity="error",
                markup=False,
            )

    async def _recording_denials(self, action: Awaitable[None]) -> None:
        """Run it; what it is denied goes into the access log."""
        try:
            await action
        except Denied as denied:
            error = denied
            await in_background_thread(lambda: record_denial(self._store, error, self._now()))
            raise

    # Asking

    async def ask_name(self, introduction: Content | None = None) -> None:
        """Ask who is at the screen; without a name one can look, and is asked again to act.

        At the first start the introduction stands in the same dialog.
        """
        text = Content(_("Your name goes into the log with whatever you do here. Esc: only look."))
        if introduction is not None:
            text = Content("\n\n").join([introduction, text])
        label = _("HOTLINE_OPERATOR sets it for good")
        name = await self._app.push_screen_wait(TextPrompt(_("Who is at the screen?"), text, label))
        self.operator = name or ""

    async def may(self, permission: Permission, ticket: str) -> bool:
        """Return whether somebody who may do this has said who they are; raises NotAllowed."""
        self.who.require(permission, ticket)
        if not self.operator:
            await self.ask_name()
        return bool(self.operator)

    async def offer(self, number: str) -> None:
        """Offer what can be done with a ticket, ask for what it needs, and send it."""
        if not await self.may(Permission.ACT, number):
            return
        offer = await in_background_thread(lambda: self._load(number))
        choices: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            (render(action.label), partial(self._ask, action, offer)) for action in offer.actions
        ]
        if offer.is_call_due and self.who.may(Permission.CALL):
            choices.append((_("Show the number to call"), partial(self.show_number, number)))
        if self.who.may(Permission.REVEAL):
            choices.append((_("Show the claimant's data"), partial(self.show_person, number)))
        claimed = offer.claim is not None and offer.claim.who == self.who.name
        name = _("Let go of the ticket") if claimed else _("Claim the ticket")
        choices.append((name, partial(self.claim, number, offer.claim)))
        title = _("What to do with {ticket}").format(ticket=one_line(number))
        empty = _("Nothing can be done with this ticket here.")
        names = [name for name, _run in choices]
        chosen = await self._app.push_screen_wait(MenuDialog(title, names, empty))
        if chosen is not None:
            await choices[chosen][1]()

    async def claim(self, number: str, held: Claim | None) -> None:
        """Claim a ticket, or let go of it where `held`, its claim, is the operator's own."""
        if not await self.may(Permission.ACT, number):
            return
        if held is not None and held.who == self.who.name:
            await in_background_thread(lambda: self.writing(lambda s: release(s, self.who, number)))
            text = _("You have let go of {ticket}").format(ticket=one_line(number))
        else:
            claimed = await in_background_thread(
                lambda: self.writing(lambda s: claim(s, self.who, number, self._wall()))
            )
            text = _("{ticket} is yours").format(ticket=one_line(number))
            if claimed.who != self.who.name:
                text = _("{claim} works at it").format(claim=claim_mark(claimed))
        self._app.notify(text, markup=False)
        self._read_now()

    async def _ask(self, action: Action, offer: "_Offer") -> None:
        ticket = offer.ticket
        title = shorten(one_line(ticket.title), _TITLE_CELLS)
        about = f"{one_line(ticket.number)}  {title}\n{ticket.unit or ''}"
        for warning in warnings(offer.ticket, offer.claim, self.who.name, self._now()):
            about += f"\n{warning}"
        answers = await self._app.push_screen_wait(ActionForm(action, about, offer.units))
        if answers is not None:
            body = message(action, ticket, answers, self.who.name, self._now())
            await self.send(OPERATORS, body, render(action.label))

    async def resolve_failure(self, failure: Failure) -> None:
        """Have a refused message edited and sent again, or a failed notice sent again."""
        if not await self.may(Permission.ACT, failure.ticket):
            return
        if failure.sort != MESSAGE:
            await self._resend(failure)
            return
        refused = await in_background_thread(
            lambda: self.writing(lambda s: message_to_mend(s, self.who, failure.id, self._now()))
        )
        if refused is None:
            self._app.notify(_("Somebody has mended it already"), markup=False)
            return
        name = label(MessageType, refused.type)
        dialog = MessageEditDialog(
            _("Mend the message: {type}").format(type=name),
            refused.why,
            message_edit.redacted_text(refused.body),
            lambda text: message_edit.apply_edit(text, refused.body),
        )
        body = await self._app.push_screen_wait(dialog)
        if body is not None:
            again = {**body, "id": refused.message_id, "mended_by": self.who.name}
            await self.send(refused.source, again, name)

    async def _resend(self, failure: Failure) -> None:
        title = _("Send the notice again?")
        text = f"{one_line(failure.ticket)}  {one_line(failure.source)}\n{one_line(failure.why)}"
        dialog = ConfirmDialog(title, text, _("Send again"))
        if not await self._app.push_screen_wait(dialog):
            return
        count = await in_background_thread(
            lambda: self.writing(lambda s: resend(s, [failure.id], self._now(), self.who.name))
        )
        result = _("The notice is queued again") if count else _("Somebody has sent it already")
        self._app.notify(result, markup=False)
        self._read_now()

    async def show_person(self, number: str) -> None:
        """Show a claimant's data for a while, for a reason, after logging who sees them."""
        if not await self.may(Permission.REVEAL, number):
            return
        text = _("That you have seen them, and why, goes into the access log as {who}.").format(
            who=self.who.name
        )
        reason = await self._app.push_screen_wait(RevealDialog(text))
        if reason is None:
            return

        def read(session: Session) -> JsonObject:
            fields = ("name", "phone", "address")
            return reveal(session, self.who, number, fields, self._now(), reason)

        person = await in_background_thread(lambda: self.writing(read))
        await self._show_for_a_while(number, person)

    async def show_number(self, number: str) -> None:
        """Show the name and number of a claimant whose call is due; it takes no reason."""
        if await self.may(Permission.CALL, number):
            person = await in_background_thread(
                lambda: self.writing(lambda s: number_to_call(s, self.who, number, self._now()))
            )
            await self._show_for_a_while(number, person)

    async def _show_for_a_while(self, number: str, person: JsonObject) -> None:
        lines = [one_line(str(value or "-")) for value in person.values()]
        content = Content("\n").join(Content.styled(line, "bold") for line in lines)
        await self._app.push_screen_wait(TextDialog(one_line(number), content, _SHOW_SECONDS))

    # Sending

    async def send(self, source: str, body: Mapping[str, object], name: str) -> None:
        """Put a message into the inbox, and tell its answer when it is there."""
        now = self._now()
        result = await in_background_thread(
            lambda: self.writing(
                lambda session: add_messages(session, source, [body], now, sender=self.who)
            )
        )
        if result.refused:
            why = result.refused[0][1]
            raise MessageNotSent(
                _("{what} was not taken: {why}").format(what=name, why=render(why))
            )
        if not result.enqueued:
            raise MessageNotSent(_("Nothing was changed, so nothing was sent"))
        self.waiting[(source, str(body["id"]))] = f"{name} {one_line(str(body['ticket']))}"
        self._app.notify(_("Sent, waiting for the answer: {what}").format(what=name), markup=False)
        self._read_now()

    def report_answers(self, answers: Mapping[MessageKey, MessageAnswer]) -> None:
        """Tell the operator what the workers have decided."""
        for key, answer in answers.items():
            if (name := self.waiting.pop(key, None)) is None:
                continue
            if answer.refused:
                text = _("Refused: {what}: {why}").format(what=name, why=answer.why)
                self._app.notify(text, severity="error", timeout=20, markup=False)
            else:
                self._app.notify(_("Accepted: {what}").format(what=name), markup=False)

    def _load(self, number: str) -> "_Offer":
        with self._store.reading() as session:
            ticket = ticket_detail(session, number)
            units = {u.name: tuple(u.aliases) for u in stored_units(session)}
            check = SpeakingCheck(session, self.who, self._now())
            speakers: list[RawMessage] = [{"unit": unit} for unit in (ticket.unit, HOTLINE)]
            actions = [
                action
                for action in available_actions(ticket)
                if any(check.may_send(action.type, raw) for raw in speakers)
            ]
            claimed = claims(session, self._wall()).get(number)
            return _Offer(ticket, actions, units, is_call_due(session, number), claimed)

    def writing(self, work: Callable[[Session], T]) -> T:
        """Do something in a writing transaction, and return what it returns."""
        with self._store.writing() as session:
            return work(session)
