"""Two operators at one store for minutes: `python -m tests.monitor.two_operators --seconds 600`.

Each has a monitor of their own and works by keys: moves, filters, opens tickets, claims, urges,
records contacts and progress, while real workers decide and emergencies come in. At the end every
act must be in the log exactly once: on the ticket that was under the cursor when its key was
pressed, by whoever pressed it.
"""

import argparse
import asyncio
import random
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select
from textual.pilot import Pilot
from textual.widgets import Input

from models.clock import Now, monotonic, system_clock
from models.database import Store, columns_to_decrypt
from models.i18n import activate
from models.operations.inbox import add_messages
from models.queries.claims import claims
from models.rules.speaking import OPERATORS
from models.rules.vocabulary import EventName, UserRole
from models.security.roles import Actor
from models.tables.core import EVENT, INBOX, TICKET
from monitor.app import MonitorApp
from monitor.screens.action_form import ActionForm
from monitor.screens.base import MonitorScreen
from monitor.screens.dialogs import ConfirmDialog, Dialog, MenuDialog
from monitor.screens.tickets import TicketsScreen
from monitor.widgets.fields import ChoiceField
from scripts.bench import intake, workload
from scripts.bench.context import BenchContext
from scripts.bench.rules import shipped_rulebook
from tests.monitor.driving import wait_until
from tests.monitor.scene import screen_text

NAMES = ("林小燕", "赵国强")
_EVENTS = {
    "督办": EventName.UNIT_URGED,
    "登记联系": EventName.CONTACT_RECORDED,
    "报告进展": EventName.PROGRESS_REPORTED,
}
"""What an operator does by the menu, by its name in it, and the event that it leads to."""

_FILTERS = ("单位:城管", "路灯", "剩:<3日", "级别:黄")
_EMERGENCY_EVERY = 3.0
_DECIDED_WITHIN = 120.0


@dataclass(frozen=True, slots=True)
class Act:
    """Something that an operator did: its name, the ticket under the cursor, and its text."""

    name: str
    ticket: str
    by: str
    text: str


@dataclass
class ScriptedOperator:
    """One operator, who chooses at random what to do next."""

    pilot: Pilot[None]
    name: str
    chance: random.Random
    actions: list[Act] = field(default_factory=list)
    claims: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def app(self) -> MonitorApp:
        """The operator's monitor."""
        assert isinstance(self.pilot.app, MonitorApp)
        return self.pilot.app

    async def work(self, is_done: "IsDone") -> None:
        """Work until it is said to be enough."""
        steps: Sequence[tuple[int, Callable[[], Awaitable[None]]]] = (
            (4, self._move),
            (1, self._filter),
            (1, self._open),
            (1, self._claim),
            (4, self._act),
        )
        weights = [weight for weight, _step in steps]
        await self.pilot.press("2")
        await wait_until(self.pilot, lambda: self._ticket() is not None)
        while not is_done(self):
            ((_weight, step),) = self.chance.choices(steps, weights)
            try:
                await step()
            except TimeoutError:
                notes = [note.message for note in self.app._notifications]
                self.faults.append(f"{self.name} waits in vain, {notes}:\n{screen_text(self.app)}")
                return

    def _ticket(self) -> str | None:
        screen = self.app.screen
        return screen.ticket_under_cursor() if isinstance(screen, MonitorScreen) else None

    async def _move(self) -> None:
        await self._to_list()
        keys = ("down", "down", "up", "pagedown", "pageup", "home", "end")
        await self.pilot.press(*self.chance.choices(keys, k=3))

    async def _filter(self) -> None:
        await self._to_list()
        await self.pilot.press("backspace")
        if self.chance.random() < 0.5:
            await self.pilot.press("slash")
            await wait_until(self.pilot, lambda: isinstance(self.app.focused, Input))
            await self.pilot.press(*self.chance.choice(_FILTERS), "enter")
        await wait_until(self.pilot, lambda: not isinstance(self.app.focused, Input))
        await wait_until(self.pilot, lambda: not self._list().tickets.lacks_rows())
        if self._ticket() is None:
            # nothing passes it
            await self.pilot.press("backspace")
            await wait_until(self.pilot, lambda: self._ticket() is not None)

    async def _open(self) -> None:
        await self._to_list()
        await self.pilot.press("enter")
        await wait_until(self.pilot, lambda: len(self.app.screen_stack) > 2)

    async def _to_list(self) -> None:
        if len(self.app.screen_stack) > 2:
            await self.pilot.press("escape")
            await wait_until(self.pilot, lambda: isinstance(self.app.screen, TicketsScreen))

    def _list(self) -> TicketsScreen:
        assert isinstance(self.app.screen, TicketsScreen)
        return self.app.screen

    async def _claim(self) -> None:
        """Claim the ticket under the cursor, or let go of it, and see that its row says so."""
        ticket = self._ticket()
        if ticket is None:
            return
        who, before = self.app.operator.who.name, self._shown_claimant(ticket)
        await self.pilot.press("f4")
        await self._until_done()
        await wait_until(self.pilot, lambda: self._shown_claimant(ticket) == self._claimant(ticket))
        after = self._claimant(ticket)
        self.claims += after == who
        # another may have claimed it meanwhile, but nobody lets go of what is not their own
        if (before == who) == (after == who) and before in (None, who):
            self.faults.append(f"{self.name}: {ticket} was {before!r}'s, and is {after!r}'s")

    def _is_acting(self) -> bool:
        return any(w.group == "actions" and not w.is_finished for w in self.app.workers)

    def _shown_claimant(self, ticket: str) -> str | None:
        claim = self.app._snapshot.claims.get(ticket) if self.app._snapshot else None
        return claim.who if claim else None

    def _claimant(self, ticket: str) -> str | None:
        with self.app.operator.store.reading() as session:
            claim = claims(session, system_clock()).get(ticket)
        return claim.who if claim else None

    async def _act(self) -> None:
        """Choose an action of the ticket under the cursor, and send it with a text of its own."""
        ticket = self._ticket()
        if ticket is None:
            return
        await self.pilot.press("f2")
        await self._dialog(MenuDialog)
        menu = self.app.screen
        assert isinstance(menu, MenuDialog)
        # a choice has its key behind its name
        names = [text.partition("  ")[0] for text in menu._choices]
        offered = [(n, name) for n, name in enumerate(names) if name in _EVENTS]
        if not offered:
            await self._leave()
            return
        place, name = self.chance.choice(offered)
        await self.pilot.press(*["down"] * place, "enter")
        await self._dialog(ActionForm)
        if self.chance.random() < 0.1:
            await self._leave()
            return
        while not isinstance(self.app.focused, Input):
            if isinstance(field := self.app.focused, ChoiceField) and not field.value:
                await self.pilot.press("right")
            await self.pilot.press("down")
        text = f"{NAMES.index(self.name)}-{len(self.actions)}-{self.chance.randrange(10**6):06}"
        await self.pilot.press(*text, "enter", "enter")
        self.actions.append(Act(name, ticket, self.app.operator.who.name, text))
        await self._until_done()

    async def _until_done(self) -> None:
        """Wait until the action has ended; insist on it where its ticket has changed meanwhile."""
        while self._is_acting():
            await wait_until(
                self.pilot,
                lambda: not self._is_acting() or isinstance(self.app.screen, ConfirmDialog),
            )
            if isinstance(self.app.screen, ConfirmDialog):
                await self.pilot.press("enter")

    async def _dialog(self, dialog: type[Dialog[int]] | type[ActionForm]) -> None:
        await wait_until(
            self.pilot, lambda: isinstance(self.app.screen, dialog) and bool(self.app.focused)
        )

    async def _leave(self) -> None:
        await self.pilot.press("escape")
        await wait_until(self.pilot, lambda: not isinstance(self.app.screen, Dialog))


IsDone = Callable[[ScriptedOperator], bool]
"""Says when an operator has worked enough."""


async def work(store: Store, now: Now, is_done: IsDone, seed: int) -> list[ScriptedOperator]:
    """Have both work, and wait until all is decided."""
    apps = [
        MonitorApp(store, now, actor=Actor(f"desk{n}", UserRole.SUPERVISOR), operator=name)
        for n, name in enumerate(NAMES)
    ]
    async with apps[0].run_test(size=(120, 40)) as hers, apps[1].run_test(size=(160, 48)) as his:
        pilots = (hers, his)
        operators = [
            ScriptedOperator(pilot, name, random.Random(f"{seed} {name}"))
            for pilot, name in zip(pilots, NAMES, strict=True)
        ]
        feeder = asyncio.create_task(_feed(store, now))
        try:
            await asyncio.gather(*(operator.work(is_done) for operator in operators))
        finally:
            feeder.cancel()
        end = monotonic() + _DECIDED_WITHIN
        while _waiting(store) and monotonic() < end:
            await asyncio.sleep(0.1)
    return operators


async def _feed(store: Store, now: Now) -> None:
    """Let an emergency come in every few seconds: it takes the head of the list."""
    letters = workload.new_tickets(shipped_rulebook().directory, "N", 100_000, now())
    for letter in letters:
        body = letter | {"emergency": "utilities", "at": now().isoformat()}
        with store.writing() as session:
            add_messages(session, "bench", [body], now())
        await asyncio.sleep(_EMERGENCY_EVERY)


def _waiting(store: Store) -> int:
    waiting = select(func.count(INBOX.c.id)).where(INBOX.c.state == "waiting")
    with store.reading() as session:
        return session.scalar(waiting.where(INBOX.c.source == OPERATORS)) or 0


def find_faults(store: Store, operators: Sequence[ScriptedOperator]) -> list[str]:
    """Return what is not as the operators did it: actions lost, doubled, refused, or elsewhere."""
    with store.reading() as session:
        rows = session.execute(
            select(*columns_to_decrypt(INBOX.c.body), INBOX.c.state, INBOX.c.reason).where(
                INBOX.c.source == OPERATORS
            )
        ).all()
        bodies = [(row, session.texts(INBOX.c.body, row)) for row in rows]
        events = session.execute(
            select(EVENT.c.name, EVENT.c.cause, TICKET.c.number)
            .join(TICKET, TICKET.c.id == EVENT.c.ticket_id)
            .where(EVENT.c.cause.in_([row.id for row in rows]), EVENT.c.name.in_(_EVENTS.values()))
        ).all()
    actions = [action for operator in operators for action in operator.actions]
    faults = [fault for operator in operators for fault in operator.faults]
    if len(rows) != len(actions):
        faults.append(f"{len(actions)} actions, {len(rows)} messages")
    for action in actions:
        sent = [(row, body) for row, body in bodies if action.text in map(str, body.values())]
        if len(sent) != 1:
            faults.append(f"{action} was sent {len(sent)} times")
            continue
        ((row, body),) = sent
        if (row.ticket, body.get("by")) != (action.ticket, action.by):
            faults.append(f"{action} went to {row.ticket} by {body.get('by')}")
        logged = [(e.name, e.number) for e in events if e.cause == row.id]
        if logged != [(_EVENTS[action.name], action.ticket)]:
            faults.append(f"{action} is {row.state} ({row.reason}), and in the log as {logged}")
    return faults


def main() -> int:
    """Let them work as long as the arguments say; 0 if no action is wrong or lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.monitor.two_operators")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--tickets", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    wanted = parser.parse_args()
    activate("zh")
    print(f"seed {wanted.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="hotline-operators-") as folder:
        bench = BenchContext(Path(folder), lambda text: print(text, flush=True))
        with bench.cleanup:
            testbed = bench.cleanup.enter_context(bench.testbed("operators"))
            testbed.start()
            # real tickets, not copies: the texts of those can be read by nobody
            print(f"feeding {wanted.tickets:,} letters", flush=True)
            intake.seconds_to_apply(testbed, intake.letters_file(testbed, "T-", wanted.tickets))
            now = system_clock
            print(f"working for {wanted.seconds:.0f} s", flush=True)
            end = monotonic() + wanted.seconds
            working = work(testbed.store, now, lambda _operator: monotonic() > end, wanted.seed)
            operators = asyncio.run(working)
            faults = find_faults(testbed.store, operators)
            testbed.stop()
    for operator in operators:
        print(f"{operator.name}: {len(operator.actions)} actions, {operator.claims} claims")
    print("\n".join(faults) or "none wrong, none lost")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
