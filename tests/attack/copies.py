"""A store that has lived, and copies of it for an attacker to change: one for each round."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import make_url, select

from models.anchor_file import AnchorFile, AnchorLine
from models.database import Store
from models.errors import HotlineError
from models.migrations import upgrade
from models.operations.access_log import record_access
from models.operations.anchors import make_anchor
from models.operations.calendar import change_calendar
from models.operations.inbox import add_messages
from models.operations.notices.record import record_outcomes
from models.operations.outside_anchors import copy_outside
from models.operations.roles import set_role
from models.operations.tokens import issue_token
from models.rules.calendar import DeclaredDay
from models.rules.vocabulary import Sender, UserRole
from models.security.encryption import Cipher
from models.security.roles import Actor
from models.security.tokens import Token
from models.tables.columns import undecoded
from models.tables.core import EVENT, NOTICE, TICKET
from tests.rules.district import SCENARIOS
from tests.rules.scenario_runner import read_scenario
from tests.secrets.test_clear_columns import play
from tests.servers.postgres import Databases
from tests.store.factories import (
    KEY,
    RESULT,
    advance_tickets,
    at,
    feed,
    letter,
    message,
    prepared_store,
)

NOW = at("2027-03-01T09:00")
HEAD = Actor("zhao", UserRole.SUPERVISOR)
CITY = Actor("city", UserRole.FEEDER, frozenset([Sender.CITY]))
OWN = ("V1", "V2", "V3")
_LIVES = (
    *("3.4.4-complaint", "3.4-emergency", "3.2-returned-approved", "3.3-dispute"),
    *("3.4.6-supplement-clears-the-level", "3-unknown-unit"),
)

ROLES = {"zhao": UserRole.SUPERVISOR, "operator": UserRole.OPERATOR}

StoredLife = tuple[str, Sequence[tuple[Any, ...]]]
"""A ticket's state, and the lines of its log without their hashes."""


def live(store: Store) -> None:
    """Fill a store with whole lives, marked in every text, and with all that is kept beside them.

    Messages wait, others were refused; notices are sent, queued and dropped.
    """
    tickets = play(store, [read_scenario(SCENARIOS / f"{name}.jsonl") for name in _LIVES])
    moment = "2027-02-26T09:00"
    feed(store, [letter(number, moment, content=f"路灯不亮{number}") for number in OWN], NOW)
    more = [
        message("V2", "unit.accepted", "2027-02-26T10:00"),
        message("V2", "result.submitted", "2027-02-27T10:00", **RESULT),
        message("V2", "result.reviewed", "2027-02-27T11:00", accepted=True, unit=None),
        message("V3", "unit.accepted", "2027-02-26T10:00"),
        message("V3", "site.arrived", "2027-02-26T11:00"),
    ]
    feed(store, more, NOW)
    advance_tickets(store, [*tickets, *OWN], NOW)
    with store.writing() as session:
        change_calendar(session, {date(2027, 3, 6): DeclaredDay(True, "加班通知")}, NOW)
        for number in OWN:
            record_access(session, HEAD, "reveal", number, ["phone"], NOW)
        rows = session.scalars(select(NOTICE.c.id).order_by(NOTICE.c.id).limit(3)).all()
        record_outcomes(session, {rows[0]: None}, "file", NOW)
        for user, role in ROLES.items():
            set_role(session, HEAD, user, role, NOW)
        wanted = Token("desk", UserRole.OPERATOR, (), None, NOW, NOW + timedelta(days=9))
        issue_token(session, HEAD, wanted, NOW)
        # what the city's feed may not say is kept as refused
        decided = message("V1", "unit.accepted", "2027-02-26T12:00", id="not-allowed")
        add_messages(session, "city", [decided], NOW, sender=CITY)
    with store.writing() as session:
        assert make_anchor(session, NOW) is not None
    waiting = [
        message("V1", "claimant.supplemented", "2027-02-27T09:00", text="还是不亮"),
        message("V3", "result.submitted", "2027-03-01T08:00", **RESULT),
    ]
    feed(store, waiting, NOW)


def work(store: Store) -> Iterator[Exception]:
    """Do what the service does next; yields what it refuses to do, with the reason.

    Every ticket gets a late message, for which all of it is folded again, and a new one.
    """
    later = NOW + timedelta(days=2)
    with store.reading() as session:
        numbers = session.scalars(select(TICKET.c.number).order_by(TICKET.c.number)).all()
    late = [
        message(n, "claimant.supplemented", "2027-02-26T09:30", text="补充", id=f"late-{n}")
        for n in OWN
    ]
    new = [
        message(n, "claimant.supplemented", "2027-03-02T09:30", text="又补充", id=f"new-{n}")
        for n in OWN
    ]
    feed(store, [*late, *new], later)
    for number in numbers:
        try:
            advance_tickets(store, [number], later)
        except (HotlineError, ValueError, LookupError) as error:
            yield error


def lives(store: Store) -> dict[str, StoredLife]:
    """Every ticket's life by its number."""
    data = undecoded(EVENT.c.data)
    columns = (EVENT.c.ticket_id, EVENT.c.seq, EVENT.c.name, EVENT.c.moment, EVENT.c.cause, data)
    lines: dict[int, list[tuple[Any, ...]]] = {}
    with store.reading() as session:
        for ticket, *line in session.execute(select(*columns).order_by(EVENT.c.seq)):
            lines.setdefault(ticket, []).append(tuple(line))
        tickets = session.execute(select(TICKET.c.id, TICKET.c.number, TICKET.c.state)).all()
    return {row.number: (row.state, lines.get(row.id, [])) for row in tickets}


class Copies:
    """Copies of a store that has lived; `outside` is the copy of its anchors.

    `before` are the lives of its tickets as it is, `honest` those after the work that comes next.
    """

    def __init__(
        self,
        make: Callable[[], str],
        drop: Callable[[str], None],
        outside: Sequence[AnchorLine | None],
    ) -> None:
        self._make, self._drop, self.outside = make, drop, outside
        with self.copy() as url:
            store = Store(url, Cipher([KEY]))
            upgrade(store)
            self.before = lives(store)
            assert list(work(store)) == []
            self.honest = lives(store)
            store.close()

    def is_honest(self, number: str, life: StoredLife) -> bool:
        """Return whether a ticket is as the service left it: before its work, or after it."""
        return life in (self.before.get(number), self.honest.get(number))

    @contextmanager
    def copy(self) -> Iterator[str]:
        """The URL of a copy."""
        url = self._make()
        try:
            yield url
        finally:
            self._drop(url)


def _fill(url: str, folder: Path) -> list[AnchorLine | None]:
    """Let a store live; returns its anchors as they are written outside."""
    file = AnchorFile(folder / "anchors")
    with prepared_store(url) as store:
        live(store)
        with store.reading() as session:
            copy_outside(session, file)
    return list(file.lines())


@contextmanager
def copies(folder: Path, server: Databases | None) -> Iterator[Copies]:
    """Copies of a store that has lived: of a database at a server, else of a file."""
    if server is None:
        base, numbers = folder / "lived.db", count()
        outside = _fill(f"sqlite:///{base}", folder)

        def copied() -> str:
            path = folder / f"copy-{next(numbers)}.db"
            shutil.copyfile(base, path)
            return f"sqlite:///{path}"

        def remove(url: str) -> None:
            for path in folder.glob(f"{url.rpartition('/')[2]}*"):
                path.unlink()

        yield Copies(copied, remove, outside)
        return
    name = server.create()
    try:
        outside = _fill(server.url(name, "postgresql+psycopg"), folder)

        def cloned() -> str:
            return server.url(server.create(name), "postgresql+psycopg")

        def drop(url: str) -> None:
            server.drop(str(make_url(url).database))

        yield Copies(cloned, drop, outside)
    finally:
        server.drop(name)
