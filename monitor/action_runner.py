"""What an operator does: asked once, sent as a message, and answered when a worker has decided."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from textual.app import App
from textual.content import Content

from models.clock import Now
from models.database import Session, Store
from models.errors import HotlineError
from models.i18n import _, render
from models.operations.access import reveal
from models.operations.inbox import add_messages
from models.operations.notices.record import resend
from models.queries.answers import MessageAnswer, MessageKey
from models.queries.detail import OPERATORS, TicketDetail, detail
from models.queries.failures import MESSAGE, Failure, refused_message
from models.rulebook import stored_units
from models.security.roles import ACT, REVEAL, Actor
from monitor import message_edit
from monitor.actions import Action, action_label, available_actions, message
from monitor.background import OUTAGES, in_background_thread
from monitor.formatting import one_line
from monitor.labels import MESSAGES, word
from monitor.screens.dialogs import Ask, Confirm, Form, Mend, Menu, Told

T = TypeVar("T")

_SHOWN_SECONDS = 30
"""How long a person's data stay on the screen."""


class ActionRunner:
    """The acts of one operator at one screen.

    `operator` is who he says he is, `actor` whom the operating system or a token says he is, and
    what his role allows. `waiting` are the messages that no worker has decided about yet.
    """

    def __init__(
        self,
        app: App[None],
        store: Store,
        now: Now,
        actor: Actor,
        operator: str,
        look: Callable[[], None],
    ) -> None:
        self._app = app
        self._store = store
        self._now = now
        self._actor = actor
        self._look = look
        self.operator = operator
        self.waiting: dict[MessageKey, str] = {}

    @property
    def who(self) -> Actor:
        """Who it was, for the logs: the name that was given, and whose session it is."""
        if not self.operator or self.operator == self._actor.name:
            return self._actor
        return Actor(f"{self.operator} ({self._actor.name})", self._actor.role)

    def begin(self, deed: Coroutine[Any, Any, None]) -> None:
        """Do something that asks; only one at a time."""
        self._app.run_worker(self._guarded(deed), group="deeds", exclusive=False)

    async def _guarded(self, deed: Coroutine[Any, Any, None]) -> None:
        try:
            await deed
        except OUTAGES as wrong:
            self._app.notify(
                _("Not done: {why}").format(why=str(wrong).splitlines()[0]),
                severity="error",
                markup=False,
            )

    # Asking

    async def ask_name(self) -> None:
        """Ask who is at the screen; without a name one can look, and is asked again to act."""
        text = _("Your name goes into the log with whatever you do here. Esc: only look.")
        label = _("HOTLINE_OPERATOR sets it for good")
        name = await self._app.push_screen_wait(Ask(_("Who is at the screen?"), text, label))
        self.operator = name or ""

    async def _may(self, act: str) -> bool:
        self._actor.must(act)
        if not self.operator:
            await self.ask_name()
        return bool(self.operator)

    async def choose(self, number: str) -> None:
        """Offer what can be done with a ticket, ask what it takes, and send it."""
        if not await self._may(ACT):
            return
        ticket, units = await in_background_thread(lambda: self._read(number))
        acts = available_actions(ticket)
        names = [action_label(act) for act in acts]
        if self._actor.may(REVEAL):
            names.append(_("Show the claimant's data"))
        title = _("What to do with {ticket}").format(ticket=one_line(number))
        empty = _("Nothing can be done with this ticket here.")
        chosen = await self._app.push_screen_wait(Menu(title, names, empty))
        if chosen is None:
            return
        if chosen == len(acts):
            await self.show_person(number)
            return
        await self._ask(acts[chosen], ticket, units)

    async def _ask(
        self, act: Action, ticket: TicketDetail, units: Mapping[str, tuple[str, ...]]
    ) -> None:
        about = f"{one_line(ticket.number)}  {one_line(ticket.title)}\n{ticket.unit or ''}"
        answers = await self._app.push_screen_wait(Form(act, about, units))
        if answers is not None:
            await self._send(
                OPERATORS,
                message(act, ticket, answers, self.who.name, self._now()),
                action_label(act),
            )

    async def mend(self, failure: Failure) -> None:
        """Have a refused message edited and sent again, or a failed notice sent again."""
        if not await self._may(ACT):
            return
        if failure.sort != MESSAGE:
            await self._resend(failure)
            return
        found = await in_background_thread(
            lambda: self._reading(lambda s: refused_message(s, failure.id))
        )
        if found is None:
            self._app.notify(_("Somebody has mended it already"), markup=False)
            return
        title = _("Mend the message: {type}").format(type=word(MESSAGES, found.type))
        dialog = Mend(
            title,
            found.why,
            message_edit.redacted_text(found.body),
            lambda t: message_edit.apply_edit(t, found.body),
        )
        body = await self._app.push_screen_wait(dialog)
        if body is not None:
            again = {**body, "id": found.message_id, "mended_by": self.who.name}
            await self._send(found.source, again, word(MESSAGES, found.type))

    async def _resend(self, failure: Failure) -> None:
        title = _("Send the notice again?")
        text = f"{one_line(failure.ticket)}  {one_line(failure.source)}\n{one_line(failure.why)}"
        if not await self._app.push_screen_wait(Confirm(title, text, _("Send again"))):
            return
        sent = await in_background_thread(
            lambda: self._writing(lambda s: resend(s, [failure.id], self._now(), self.who.name))
        )
        said_so = _("The notice is queued again") if sent else _("Somebody has sent it already")
        self._app.notify(said_so, markup=False)
        self._look()

    async def show_person(self, number: str) -> None:
        """Show a claimant's data for a while; that it was shown, and to whom, is logged first."""
        if not await self._may(REVEAL):
            return
        text = _("That you have seen them goes into the access log as {who}.").format(
            who=self.who.name
        )
        title = _("Show the claimant's data")
        if not await self._app.push_screen_wait(Confirm(title, text, _("Show"))):
            return
        fields = ("name", "phone", "address")
        person = await in_background_thread(
            lambda: self._writing(lambda s: reveal(s, self.who, number, fields, self._now()))
        )
        lines = [one_line(str(person.get(f) or "-")) for f in fields]
        redacted_text = Content("\n").join(Content.styled(line, "bold") for line in lines)
        await self._app.push_screen_wait(Told(one_line(number), redacted_text, _SHOWN_SECONDS))

    # Sending and hearing

    async def _send(self, source: str, body: Mapping[str, Any], label: str) -> None:
        now = self._now()
        result = await in_background_thread(
            lambda: self._writing(lambda s: add_messages(s, source, [body], now))
        )
        if result.refused:
            why = result.refused[0][1]
            raise MessageNotSent(
                _("{what} was not taken: {why}").format(what=label, why=render(why))
            )
        if not result.enqueued:
            raise MessageNotSent(_("Nothing was changed, so nothing was sent"))
        self.waiting[(source, str(body["id"]))] = f"{label} {one_line(str(body['ticket']))}"
        self._app.notify(_("Sent, waiting for the answer: {what}").format(what=label), markup=False)
        self._look()

    def heard(self, answers: Mapping[MessageKey, MessageAnswer]) -> None:
        """Say what the workers have decided."""
        for key, answer in answers.items():
            if (label := self.waiting.pop(key, None)) is None:
                continue
            if answer.refused:
                text = _("Refused: {what}: {why}").format(what=label, why=answer.why)
                self._app.notify(text, severity="error", timeout=20, markup=False)
            else:
                self._app.notify(_("Accepted: {what}").format(what=label), markup=False)

    def _read(self, number: str) -> tuple[TicketDetail, dict[str, tuple[str, ...]]]:
        with self._store.reading() as session:
            units = {u.name: tuple(u.aliases) for u in stored_units(session)}
            return detail(session, number), units

    def _reading(self, work: Callable[[Session], T]) -> T:
        with self._store.reading() as session:
            return work(session)

    def _writing(self, work: Callable[[Session], T]) -> T:
        with self._store.writing() as session:
            return work(session)


class MessageNotSent(HotlineError):
    """A message did not get into the inbox; the message says why."""
