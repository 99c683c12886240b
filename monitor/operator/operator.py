"""The operator at the screen: their name, their rights, and the store that they work on."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from textual.app import App
from textual.content import Content

from models.clock import Now
from models.database import Session, Store
from models.i18n import _
from models.operations.access_log import record_denial
from models.rules.vocabulary import Permission
from models.security.roles import Actor, Denied
from models.store_errors import outage_reason
from monitor.background import OUTAGES, in_background_thread
from monitor.operator.drafts import Drafts
from monitor.screens.dialogs import ConfirmDialog, MenuDialog
from monitor.screens.prompts import TextPrompt

T = TypeVar("T")

Choice = tuple[str, Callable[[], Awaitable[None]]]
"""A line of a menu, and what it does."""


class Operator:
    """Runs what one operator does at one screen, and tells what failed.

    `name` is the one that they gave; `actor` is whom the operating system or a token says
    they are, and what their role allows. `now` is the service's clock, `wall` the system's, by
    which tickets are claimed. `drafts` opens forms.
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
    ) -> None:
        self.app = app
        self.store = store
        self.now = now
        self.wall = wall
        self.name = name
        self.read_now = read_now
        self.drafts = Drafts(app)
        self._actor = actor

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

    async def confirm_changed(self, name: str, changes: Sequence[str]) -> bool:
        """Tell what others did since the form was opened, and ask again; True where that is none.

        `name` is what is to be done.
        """
        if not changes:
            return True
        title = _("Changed meanwhile: {what}?").format(what=name)
        dialog = ConfirmDialog(title, "\n".join(changes), _("Do it all the same"))
        confirmed = await self.app.push_screen_wait(dialog)
        return bool(confirmed)

    async def write(self, work: Callable[[Session], T]) -> T:
        """Do something in a writing transaction, in the background, and return its result."""

        def write() -> T:
            with self.store.writing() as session:
                return work(session)

        return await in_background_thread(write)

    async def read(self, work: Callable[[Session], T]) -> T:
        """Read something in one transaction, in the background, and return it."""

        def read() -> T:
            with self.store.reading() as session:
                return work(session)

        return await in_background_thread(read)
