"""Run an operator's actions: ask once, send a message, and report what a worker decided."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from textual.app import App
from textual.content import Content

from models.clock import Now
from models.database import Session, Store
from models.errors import HotlineError
from models.i18n import _, render
from models.operations.access import reveal
from models.operations.inbox import add_messages
from models.operations.notices.record import resend
from models.queries.detail import OPERATORS, TicketDetail, ticket_detail
from models.queries.failures import MESSAGE, Failure, refused_message
from models.queries.message_answers import MessageAnswer, MessageKey
from models.rulebook import stored_units
from models.rules.vocabulary import MessageType, Permission, label
from models.security.roles import Actor
from monitor import message_edit
from monitor.actions import Action, available_actions, message
from monitor.background import OUTAGES, in_background_thread
from monitor.formatting import one_line
from monitor.screens.dialogs import (
    ActionForm,
    ConfirmDialog,
    MenuDialog,
    MessageEditDialog,
    TextDialog,
    TextPrompt,
)

T = TypeVar("T")

_SHOW_SECONDS = 30
"""Seconds for which a person's data stay on the screen."""


class MessageNotSent(HotlineError):
    """A message did not get into the inbox; the text says why."""


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
        actor: Actor,
        operator: str,
        read_now: Callable[[], None],
    ) -> None:
        self._app = app
        self._store = store
        self._now = now
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
            await action
        except OUTAGES as error:
            self._app.notify(
                _("Not done: {why}").format(why=str(error).splitlines()[0]),
                severity="error",
                markup=False,
            )

    # Asking

    async def ask_name(self) -> None:
        """Ask who is at the screen; without a name one can look, and is asked again to act."""
        text = _("Your name goes into the log with whatever you do here. Esc: only look.")
        label = _("HOTLINE_OPERATOR sets it for good")
        name = await self._app.push_screen_wait(TextPrompt(_("Who is at the screen?"), text, label))
        self.operator = name or ""

    async def _may(self, permission: Permission) -> bool:
        self._actor.require(permission)
        if not self.operator:
            await self.ask_name()
        return bool(self.operator)

    async def offer(self, number: str) -> None:
        """Offer what can be done with a ticket, ask for what it needs, and send it."""
        if not await self._may(Permission.ACT):
            return
        ticket, units = await in_background_thread(lambda: self._load(number))
        actions = available_actions(ticket)
        names = [render(action.label) for action in actions]
        if self._actor.may(Permission.REVEAL):
            names.append(_("Show the claimant's data"))
        title = _("What to do with {ticket}").format(ticket=one_line(number))
        empty = _("Nothing can be done with this ticket here.")
        chosen = await self._app.push_screen_wait(MenuDialog(title, names, empty))
        if chosen is None:
            return
        if chosen == len(actions):
            await self.show_person(number)
            return
        await self._ask(actions[chosen], ticket, units)

    async def _ask(
        self, action: Action, ticket: TicketDetail, units: Mapping[str, tuple[str, ...]]
    ) -> None:
        about = f"{one_line(ticket.number)}  {one_line(ticket.title)}\n{ticket.unit or ''}"
        answers = await self._app.push_screen_wait(ActionForm(action, about, units))
        if answers is not None:
            body = message(action, ticket, answers, self.who.name, self._now())
            await self._send(OPERATORS, body, render(action.label))

    async def resolve_failure(self, failure: Failure) -> None:
        """Have a refused message edited and sent again, or a failed notice sent again."""
        if not await self._may(Permission.ACT):
            return
        if failure.sort != MESSAGE:
            await self._resend(failure)
            return
        refused = await in_background_thread(
            lambda: self._reading(lambda session: refused_message(session, failure.id))
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
            await self._send(refused.source, again, name)

    async def _resend(self, failure: Failure) -> None:
        title = _("Send the notice again?")
        text = f"{one_line(failure.ticket)}  {one_line(failure.source)}\n{one_line(failure.why)}"
        dialog = ConfirmDialog(title, text, _("Send again"))
        if not await self._app.push_screen_wait(dialog):
            return
        count = await in_background_thread(
            lambda: self._writing(lambda s: resend(s, [failure.id], self._now(), self.who.name))
        )
        result = _("The notice is queued again") if count else _("Somebody has sent it already")
        self._app.notify(result, markup=False)
        self._read_now()

    async def show_person(self, number: str) -> None:
        """Show a claimant's data for a while, after logging that it was shown and to whom."""
        if not await self._may(Permission.REVEAL):
            return
        text = _("That you have seen them goes into the access log as {who}.").format(
            who=self.who.name
        )
        dialog = ConfirmDialog(_("Show the claimant's data"), text, _("Show"))
        if not await self._app.push_screen_wait(dialog):
            return
        fields = ("name", "phone", "address")
        person = await in_background_thread(
            lambda: self._writing(lambda s: reveal(s, self.who, number, fields, self._now()))
        )
        lines = [one_line(str(person.get(f) or "-")) for f in fields]
        content = Content("\n").join(Content.styled(line, "bold") for line in lines)
        await self._app.push_screen_wait(TextDialog(one_line(number), content, _SHOW_SECONDS))

    # Sending

    async def _send(self, source: str, body: Mapping[str, object], name: str) -> None:
        now = self._now()
        result = await in_background_thread(
            lambda: self._writing(
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

    def _load(self, number: str) -> tuple[TicketDetail, dict[str, tuple[str, ...]]]:
        with self._store.reading() as session:
            units = {u.name: tuple(u.aliases) for u in stored_units(session)}
            return ticket_detail(session, number), units

    def _reading(self, work: Callable[[Session], T]) -> T:
        with self._store.reading() as session:
            return work(session)

    def _writing(self, work: Callable[[Session], T]) -> T:
        with self._store.writing() as session:
            return work(session)
