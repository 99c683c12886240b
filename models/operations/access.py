"""Show personal data in clear and search by it: by permission only, and always logged."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select

from models.database import Session
from models.errors import HotlineError
from models.i18n import _
from models.json_types import Json, JsonObject
from models.operations.access_log import record_access
from models.operations.blind_index import blind_hash
from models.queries.letter import read_letter
from models.queries.log import TicketNotFound, line_texts
from models.rules.blind_index import TERM_KINDS, normalize_term
from models.rules.text import clean
from models.rules.vocabulary import Permission
from models.security.roles import Actor
from models.tables.core import BLIND_INDEX, EVENT, TICKET

REVEALABLE = ("name", "phone", "address", "title", "content", "log")
"""The fields that can be shown in clear; `log` is what people wrote into the ticket's log."""


class UnknownField(HotlineError):
    """A field was named that cannot be shown in clear or searched by."""


def reveal(
    session: Session, actor: Actor, number: str, fields: Sequence[str], now: datetime
) -> JsonObject:
    """Return these fields of a ticket in clear and log it; commit before showing them.

    Raises NotAllowed, TicketNotFound, UnknownField.
    """
    actor.require(Permission.REVEAL, number, fields)
    for field in fields:
        if field not in REVEALABLE:
            raise _unknown(field, REVEALABLE)
    row = session.execute(select(TICKET).where(TICKET.c.number == number)).first()
    if row is None:
        raise TicketNotFound(number)
    record_access(session, actor, Permission.REVEAL, number, fields, now)
    claimant = session.decrypt(TICKET.c.claimant, row) if row.claimant else {}
    revealed: JsonObject = {
        f: _clear(claimant.get(f)) for f in ("name", "phone", "address") if f in fields
    }
    if {"title", "content"} & set(fields):
        letter = read_letter(session, number)
        revealed |= {f: _clear(letter.get(f)) for f in ("title", "content") if f in fields}
    if "log" in fields:
        rows = session.execute(
            select(EVENT.c.seq, EVENT.c.name, EVENT.c.private, EVENT.c.original)
            .where(EVENT.c.ticket_id == row.id)
            .where(or_(EVENT.c.private.is_not(None), EVENT.c.original.is_not(None)))
            .order_by(EVENT.c.seq)
        )
        revealed["log"] = {r.seq: _clear(line_texts(session, number, r)) for r in rows}
    return revealed


def find(session: Session, actor: Actor, kind: str, value: str, now: datetime) -> list[str]:
    """Return the numbers of the tickets with this phone, identity number or name, newest first.

    The search is logged, what was searched for is not. Raises NotAllowed, UnknownField.
    """
    actor.require(Permission.FIND, fields=[kind])
    if kind not in TERM_KINDS:
        raise _unknown(kind, TERM_KINDS)
    record_access(session, actor, Permission.FIND, None, [kind], now)
    hashed = blind_hash(session.cipher, kind, normalize_term(kind, value))
    numbers = session.scalars(
        select(TICKET.c.number)
        .join(BLIND_INDEX, BLIND_INDEX.c.ticket_id == TICKET.c.id)
        .where(BLIND_INDEX.c.hash == hashed, BLIND_INDEX.c.kind == kind)
        .order_by(TICKET.c.received_at.desc(), TICKET.c.number)
    )
    return list(numbers)


def _unknown(name: str, known: Sequence[str]) -> UnknownField:
    text = _("no field {name}; there are: {known}")
    return UnknownField(text.format(name=name, known=", ".join(known)))


def _clear(value: Json) -> Json:
    """Clean the texts in what a citizen wrote, so that a terminal obeys none of it."""
    match value:
        case str():
            return clean(value)
        case dict():
            return {k: _clear(v) for k, v in value.items()}
        case list():
            return [_clear(v) for v in value]
        case None:
            return ""
        case _:
            return value
