"""The operator at the screen: their name, their rights, and the store that they work on."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from textual.app import App
from textual.content import Content
from textual.screen import ModalScreen

from models.clock import Now
from models.database import Session, Store
from models.errors import HotlineError
from models.i18n import _
from models.operations.access_log import record_denial
from models.rules.vocabulary import Permission
from models.security.roles import Actor, Denied
from models.store_errors import StoreError, outage_reason
from monitor.background import OUTAGES, in_background_thread
from monitor.operator.drafts import DraftKey, Drafts
from monitor.screens.dialogs import ConfirmDialog, MenuDialog, WaitDialog
from monitor.screens.form import Form
from monitor.screens.prompts import TextPrompt

T = TypeVar("T")

_SOON, _PATIENCE = 0.15, 5.0
"""Real seconds after which a read is seen to take long, and after which the store counts as away.
"""

_AWAY = (StoreError, OSError)
"""The errors of a store that does not answer, or not in time."""

Choice = tuple[str, Callable[[], Awaitable[None]]]
"""A line of a menu, and what it does."""


class StoreUnreadable(HotlineError):
    """The store could not be read for an operator, who has been told so in a dialog."""


class Operator:
    """Runs what one operator does at one screen, and tells what failed.

    `name` is the one that they gave; `actor` is whom the operating system or a token says
    they are, and what their role allows. `now` is the service's clock, `wall` the system's, by
    which tickets are claimed. `drafts` opens forms. `is_away` says whether the last read of the
    store failed.
    """

    def __init__(
        self,
        app: App[None],
        store: Store,
        now: Now,
        wall: Now,
        actor: Actor,
        name: str,
        read_now: Callable[[], None],
        is_away: Callable[[], bool],
    ) -> None:
        self.app = app
        self.store = store
        self.now = now
        self.wall = wall
        self.name = name
        self.read_now = read_now
        self.drafts = Drafts(app)
        self._actor = actor
        self._is_away = is_away

    @property
    def who(self) -> Actor:
        """The actor as the logs name them: the name that was given, and whose session it is."""
        if not self.name or self.name == self._actor.name:
            return self._actor
        return replace(self._actor, name=f"{self.name} ({self._actor.name})")

    def start(self, action: Awaitable[None]) -> None:
        """Run something that opens dialogs, and show why if it fails."""
        self.app.run_worker(self._reporting(action), group="actions", exclusive=False)

    async def _reporting(self, action: Awaitable[None]) -> None:
        try:
            await self.recording_denials(action)
        except StoreUnreadable:
            # its dialog is still open
            return
        except OUTAGES as error:
            self.app.notify(
                _("Not done: {why}").format(why=outage_reason(error)),
                severity="error",
                markup=False,
            )

    async def recording_denials(self, action: Awaitable[T]) -> T:
        """Run it; what it is denied goes into the access log."""
        try:
            return await action
        except Denied as denied:
            error = denied
            await in_background_thread(lambda: record_denial(self.store, error, self.now()))
            raise

    async def ask_name(self, introduction: Content | None = None) -> None:
        """Ask who is at the screen; without a name one can look, and is asked again to act.

        At the first start the introduction stands in the same dialog.
        """
        text = Content(_("Your name goes into the log with whatever you do here. Esc: only look."))
        if introduction is not None:
            text = Content("\n\n").join([introduction, text])
        label = _("HOTLINE_OPERATOR sets it for good")
        prompt = TextPrompt(_("Who is at the screen?"), text, label)
        name = await self.app.push_screen_wait(prompt)
        self.name = name or ""

    async def may(self, permission: Permission, ticket: str | None = None) -> bool:
        """Return whether somebody who may do this has said who they are; raises NotAllowed."""
        self.who.require(permission, ticket)
        if not self.name:
            await self.ask_name()
        return bool(self.name)

    async def choose(self, title: str, choices: Sequence[Choice], empty: str) -> None:
        """Show a menu, and do what is chosen; without choices it says `empty`."""
        menu = MenuDialog(title, [name for name, _run in choices], empty)
        chosen = await self.app.push_screen_wait(menu)
        if chosen is not None:
            await choices[chosen][1]()

    async def fill_in(
        self,
        key: DraftKey,
        form: Callable[[], Form[T]],
        name: str,
        about: str,
        changes: Callable[[Session], Sequence[str]],
    ) -> T | None:
        """Have a form filled in, and return its result; None where it was left.

        Where `changes` reads that others did something since, they are told, and whoever does not
        do it all the same is led back to what was filled in. `name` is what is to be done, `about`
        the ticket or tickets.
        """
        hint = _("Enter does it, Esc leads back to the form")
        while (answer := await self.drafts.fill_in(key, form())) is not None:
            since = await self.read(changes)
            if await self.confirm_changed(name, about, since, hint):
                break
        return answer

    async def confirm_changed(
        self, name: str, about: str, changes: Sequence[str], hint: str
    ) -> bool:
        """Tell what others did since a form was opened, and ask again; True where that is none.

        `name` is what is to be done, `about` the ticket or tickets, `hint` what the keys do.
        """
        if not changes:
            return True
        title = _("Changed meanwhile: {what}?").format(what=name)
        text = "\n".join([about, *changes])
        dialog = ConfirmDialog(title, text, _("Do it all the same"), hint)
        confirmed = await self.app.push_screen_wait(dialog)
        return bool(confirmed)

    async def write(self, work: Callable[[Session], T]) -> T:
        """Do something in a writing transaction, in the background, and return its result."""

        def write() -> T:
            with self.store.writing() as session:
                return work(session)

        return await in_background_thread(write)

    async def read(self, work: Callable[[Session], T]) -> T:
        """Read something in one transaction, in the background, and return it.

        While that takes long a dialog holds the keys, which were meant for what opens next. Where
        it fails, or takes too long, the dialog says so and stays: raises StoreUnreadable. Below
        another dialog, which holds the keys itself, the error is the store's.
        """

        def read() -> T:
            with self.store.reading() as session:
                return work(session)

        reading = asyncio.ensure_future(in_background_thread(read))
        if isinstance(self.app.screen, ModalScreen):
            return await asyncio.wait_for(asyncio.shield(reading), _PATIENCE)
        if not self._is_away():
            await asyncio.wait((reading,), timeout=_SOON)
        if reading.done() and not isinstance(reading.exception(), _AWAY):
            return reading.result()
        return await self._read_visibly(reading)

    async def _read_visibly(self, reading: asyncio.Future[T]) -> T:
        dialog = WaitDialog()
        await self.app.push_screen(dialog)
        if self._is_away():
            dialog.show_failure(_("The store cannot be read"))
        try:
            value = await asyncio.wait_for(asyncio.shield(reading), _PATIENCE)
        except _AWAY as error:
            why = _("Not done: {why}").format(why=outage_reason(error))
            dialog.show_failure(why)
            raise StoreUnreadable(why) from error
        except HotlineError:
            dialog.end()
            raise
        if dialog.was_left:
            raise StoreUnreadable(_("The store cannot be read"))
        dialog.end()
        return value
