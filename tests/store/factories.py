"""Helpers of the store's tests: a prepared store, messages, and reading a log back."""

import heapq
import lzma
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
import psycopg
from sqlalchemy import make_url, select, update

from models.database import Session, Store
from models.membership import is_in
from models.migrations import require_upgraded, upgrade
from models.operations.advance import AdvanceResult, advance
from models.operations.inbox import AddedMessages, add_messages
from models.operations.rulebook import add_policy
from models.operations.ticket_work import lock_rows
from models.operations.units import replace_units
from models.rulebook import RulebookCache, load_rulebook
from models.rules.calendar import SHANGHAI
from models.rules.queues import ESCALATION
from models.rules.routing.directory import Unit, UnitsFile, load_units
from models.rules.state import State
from models.security.encryption import Cipher
from models.security.keys import Key, KeyRing, format_keys, parse_keys
from models.security.row_hashes import row_hash
from models.tables.core import BELL, CLOCK, EVENT, INBOX, TICKET
from models.tables.inbox import WAITING
from tests.store.templates import copy_prepared, is_new

KEY = bytes(range(32))
KEY_LINE = format_keys(KeyRing((Key(KEY),), 0))
"""A key file with it."""
_RULEBOOKS: WeakKeyDictionary[Store, RulebookCache] = WeakKeyDictionary()
EXTRA_UNITS = ("城管局", "人社局", "住建局", "市监局", "达濠街道", "广澳街道")


def at(text: str) -> datetime:
    """A moment of the tests, Asia/Shanghai."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@contextmanager
def prepared_store(
    url: str, policy: str | None = None, ring: KeyRing | None = None
) -> Iterator[Store]:
    """A store with the shipped policy (or another) and the shipped units, under other keys too."""
    copied = policy is None and ring is None and is_new(url)
    if copied:
        copy_prepared(url, prepare)
    with opened_store(url, ring) as store:
        if not copied:
            _fill(store, policy)
        yield store


@contextmanager
def opened_store(url: str, ring: KeyRing | None = None) -> Iterator[Store]:
    """Open the store at `url` under the tests' key, or others; an empty database becomes one."""
    with closing(Store(url, Cipher(ring or [KEY]))) as store:
        upgrade(store)
        yield store


@contextmanager
def unlocked_store(url: str) -> Iterator[Store]:
    """Open the store at `url` under the tests' key, as every command does that upgrades none."""
    with closing(Store(url, Cipher([KEY]))) as store:
        require_upgraded(store)
        yield store


def prepared_home(home: Path) -> Path:
    """Make a home with a prepared store in it and the tests' key, as `hotline db upgrade` does."""
    put_key(home)
    copy_prepared(f"sqlite:///{home / 'hotline.db'}", prepare)
    (home / "hotline.db").chmod(0o600)
    return home


def put_key(home: Path) -> None:
    """Make a home that holds nothing but the tests' key."""
    home.mkdir(0o700)
    key = home / "hotline.key"
    key.write_text(KEY_LINE, "ascii")
    key.chmod(0o600)


def prepare(url: str) -> None:
    """Make the empty database at `url` a store with the shipped policy and the shipped units."""
    with opened_store(url) as store:
        _fill(store)


def _fill(store: Store, policy: str | None = None) -> None:
    """Give an empty store a policy and the shipped units."""
    shipped = resources.files("models") / "policy"
    with store.writing() as session:
        text = policy or (shipped / "haojiang.toml").read_text(encoding="utf-8")
        add_policy(session, text, "policy", at("2026-01-01T00:00"))
        units = load_units((shipped / "haojiang-units.toml").read_text(encoding="utf-8"), "u")
        replace_units(session, units, at("2026-01-01T00:00"))


def restored(folder: Path, url: str) -> Store:
    """The kept store in `folder` (see `kept/`), put into the empty database at `url`."""
    target = make_url(url)
    if target.get_backend_name() == "sqlite":
        Path(str(target.database)).write_bytes(
            lzma.decompress((folder / "store.sqlite.xz").read_bytes())
        )
    else:
        plain = target.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain) as connection:
            connection.execute(lzma.decompress((folder / "store.sql.xz").read_bytes()))
    key = folder / "hotline.key"
    return Store(url, Cipher(parse_keys(key.read_text("ascii"), key.name)))


def simple_units() -> UnitsFile:
    """Units without aliases, for lives that name them in short."""
    return UnitsFile(tuple(Unit(name) for name in EXTRA_UNITS))


def letter(ticket: str, moment: str, **more: Any) -> dict[str, Any]:
    """A complaint to 城管局."""
    body = {
        "id": f"{ticket}-received",
        "at": moment,
        "type": "ticket.received",
        "ticket": ticket,
        "category": "complaint",
        "title": f"路灯不亮{ticket}",
        "content": "濠江区达濠街道的路灯坏了三天，晚上看不清路。",
        "unit": "城管局",
        "claimant": {"name": "测试者甲", "phone": "13900001111"},
    }
    return body | more


def message(ticket: str, kind: str, moment: str, **more: Any) -> dict[str, Any]:
    """A message after the first, from 城管局 unless another unit is named."""
    envelope = {"id": f"{ticket}-{kind}-{moment}", "at": moment, "type": kind, "ticket": ticket}
    return {"unit": "城管局"} | envelope | more


RESULT = {
    "facts": "属实",
    "measures": "已修复",
    "remedies": "可申请复核",
    "basis": "照明管理规定",
    "disposal": "ordinary",
}


def feed(store: Store, messages: Sequence[Mapping[str, Any]], now: datetime) -> AddedMessages:
    """Put messages into the inbox."""
    with store.writing() as session:
        return add_messages(session, "messages", messages, now)


def advance_tickets(store: Store, tickets: Sequence[str], now: datetime) -> AdvanceResult:
    """Advance these tickets, by a rulebook that is kept as a worker keeps it."""
    with store.writing() as session:
        rulebook = _RULEBOOKS.setdefault(store, RulebookCache()).current(session)
        return advance(session, tickets, rulebook, now)


def advance_step_by_step(session: Session, tickets: Collection[str], until: datetime) -> None:
    """Advance tickets from moment to moment, and all once more at the end."""
    answer_bells(session, tickets, until)
    advance(session, tickets, load_rulebook(session), until)


def answer_bells(session: Session, tickets: Collection[str], until: datetime) -> None:
    """Advance tickets from moment to moment, each at the moments at which bells ring for it."""
    rulebook = load_rulebook(session)
    tried: set[int] = set()
    moments: list[tuple[datetime, str]] = []
    advanced: Collection[str] = tickets
    while True:
        for number, at_moment in _next_moments(session, advanced, tried):
            heapq.heappush(moments, (at_moment, number))
        if not moments or moments[0][0] > until:
            break
        now = moments[0][0]
        advanced = set()
        while moments and moments[0][0] == now:
            advanced.add(heapq.heappop(moments)[1])
        advance(session, advanced, rulebook, now)


def _next_moments(
    session: Session, tickets: Collection[str], tried: set[int]
) -> Iterator[tuple[str, datetime]]:
    """The moments of messages that have not been tried yet, and of what time brings next."""
    waiting = select(INBOX.c.ticket, INBOX.c.at, INBOX.c.id).where(
        is_in(INBOX.c.ticket, tickets), INBOX.c.state == WAITING
    )
    for ticket, moment, row_id in session.execute(waiting).all():
        if row_id not in tried:
            tried.add(row_id)
            yield ticket, moment
    bells = select(TICKET.c.number, BELL.c.due_at).join(
        BELL, (BELL.c.row_id == TICKET.c.id) & (BELL.c.queue == ESCALATION)
    )
    for number, moment in session.execute(bells.where(is_in(TICKET.c.number, tickets))):
        yield number, moment


def log_of(store: Store, ticket: str) -> list[Any]:
    """A ticket's log rows in order."""
    with store.reading() as session:
        query = select(EVENT).join(TICKET, TICKET.c.id == EVENT.c.ticket_id)
        return list(session.execute(query.where(TICKET.c.number == ticket).order_by(EVENT.c.seq)))


def row_of(store: Store, ticket: str) -> Any:
    """A ticket's row, or None."""
    with store.reading() as session:
        return session.execute(select(TICKET).where(TICKET.c.number == ticket)).first()


def keep_as(store: Store, ticket: str, change: Callable[[State], State], **columns: object) -> None:
    """Write a ticket's row as an earlier release left it: with this state and these columns."""
    with store.writing() as session:
        [row] = lock_rows(session, [ticket], wait=True)
        state = change(msgspec.json.decode(row.state, type=State))
        row = row._replace(state=msgspec.json.encode(state).decode())
        hashed = row_hash(session.cipher, row.content, row.end)
        values = {"state": row.state, "row_hash": hashed, **columns}
        session.execute(update(TICKET).where(TICKET.c.id == row.id).values(values))


def ticket_state(store: Store, ticket: str) -> dict[str, Any]:
    """Where a ticket stands by its log and clocks: what late messages must not change."""
    events = log_of(store, ticket)
    gone = {e.data["of"] for e in events if e.name.endswith(".withdrawn") and "of" in e.data}
    row = row_of(store, ticket)
    with store.reading() as session:
        clocks = session.execute(
            select(CLOCK.c.key, CLOCK.c.due).where(
                CLOCK.c.ticket_id == row.id, CLOCK.c.state == "running"
            )
        ).all()
    levels = [
        (e.data["level"], e.data["effective_at"])
        for e in events
        if e.name == "alert.raised" and e.seq not in gone
    ]
    return {
        "status": row.status,
        "unit": row.unit,
        "level": row.level,
        "levels": sorted(levels, key=lambda pair: (pair[1], pair[0])),
        "running": sorted((key, due) for key, due in clocks),
    }
