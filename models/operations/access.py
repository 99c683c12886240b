"""Show personal data in clear and search by it: by permission only, and always logged."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select

from models.database import Session
from models.errors import HotlineError
from models.i18n import LazyText, _, render
from models.json_types import Json, JsonObject
from models.operations.access_log import record_access
from models.operations.blind_index import blind_hash
from models.operations.reveal_limits import outcome_within_limit
from models.operations.speaking import SpeakingCheck
from models.queries.failures import RefusedMessage, refused_message
from models.queries.letter import read_letter
from models.queries.log import TicketNotFound, line_texts
from models.queries.owed_calls import is_call_due
from models.rules.blind_index import TERM_KINDS, normalize_term
from models.rules.text import clean_values, one_line
from models.rules.vocabulary import MessageType, Permission, RevealReason
from models.security.roles import Actor, Denied
from models.tables.core import BLIND_INDEX, EVENT, TICKET

REVEALABLE = ("name", "phone", "address", "title", "content", "log")
"""The fields that can be shown in clear; `log` is what people wrote into the ticket's log."""


_LEAST_CHARACTERS, _REASON_CHARACTERS = 2, 200


class UnknownField(HotlineError):
    """A field was named that cannot be shown in clear or searched by."""


class ReasonMissing(HotlineError):
    """Somebody wants to see personal data in clear and does not say why."""

    def __init__(self) -> None:
        text = _("say why, in 2 to {n} characters, or as one of: {reasons}")
        reasons = ", ".join(RevealReason)
        super().__init__(text.format(n=_REASON_CHARACTERS, reasons=reasons))


class CallNotDue(HotlineError):
    """The number was asked for of a call that is not due: it takes a reason."""

    def __init__(self, number: str) -> None:
        text = _("no call is due to the claimant of {ticket}; show the data with a reason instead")
        super().__init__(text.format(ticket=number))


def reveal(
    session: Session,
    actor: Actor,
    number: str,
    fields: Sequence[str],
    now: datetime,
    reason: str,
) -> JsonObject:
    """Return these fields of a ticket in clear and log it; commit before showing them.

    Raises NotAllowed, TooMuchRevealed, ReasonMissing, TicketNotFound, UnknownField.
    """
    actor.require(Permission.REVEAL, number, fields)
    for field in fields:
        if field not in REVEALABLE:
            raise _unknown(field, REVEALABLE)
    row = session.execute(select(TICKET).where(TICKET.c.number == number)).first()
    if row is None:
        raise TicketNotFound(number)
    record_reveal(session, actor, number, fields, now, reason)
    claimant = session.texts(TICKET.c.claimant, row)
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


def number_to_call(session: Session, actor: Actor, number: str, now: datetime) -> JsonObject:
    """Return the name and phone of a claimant whose call is due, and log it; it takes no reason.

    Raises NotAllowed, TooMuchRevealed, CallNotDue.
    """
    fields = ["name", "phone"]
    actor.require(Permission.CALL, number, fields)
    if not is_call_due(session, number):
        raise CallNotDue(number)
    outcome = outcome_within_limit(session, actor, Permission.CALL, number, fields, now)
    record_access(session, actor, Permission.CALL, number, fields, now, outcome=outcome)
    row = session.execute(select(TICKET).where(TICKET.c.number == number)).one()
    claimant = session.texts(TICKET.c.claimant, row)
    return {field: _clear(claimant.get(field)) for field in fields}


def message_to_mend(
    session: Session, actor: Actor, row_id: int, now: datetime
) -> RefusedMessage | None:
    """Return a refused message in clear and log it; None where it has been corrected since.

    Raises NotAllowed, TooMuchRevealed, and Denied where the actor may not send it again.
    """
    refused = refused_message(session, row_id)
    ticket, fields = refused.ticket if refused is not None else None, ["refused message"]
    actor.require(Permission.REVEAL, ticket, fields)
    if refused is None:
        return None
    unsigned = {field: value for field, value in refused.body.items() if field != "by"}
    why = SpeakingCheck(session, actor, now)(MessageType(refused.type), unsigned)
    if isinstance(why, LazyText):
        raise Denied(render(why), actor, Permission.ACT, ticket, fields)
    record_reveal(session, actor, ticket, fields, now, RevealReason.MENDING)
    return refused


def record_reveal(
    session: Session,
    actor: Actor,
    ticket: str | None,
    fields: Sequence[str],
    now: datetime,
    reason: str,
    amount: int = 1,
) -> None:
    """Log that somebody sees data in clear, and why, within the limit of an hour.

    The reason is a code of RevealReason, one of their labels, or a text of one line. Raises
    TooMuchRevealed, ReasonMissing.
    """
    reason = one_line(reason).strip()
    if not _LEAST_CHARACTERS <= len(reason) <= _REASON_CHARACTERS:
        raise ReasonMissing
    names = list(fields)
    outcome = outcome_within_limit(
        session, actor, Permission.REVEAL, ticket, names, now, amount=amount
    )
    act = Permission.REVEAL
    record_access(
        session, actor, act, ticket, names, now, outcome=outcome, amount=amount, reason=reason
    )


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
    """Clean the texts in what a citizen wrote; what is not there is an empty text."""
    return "" if value is None else clean_values(value)
