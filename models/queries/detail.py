"""One ticket with all that is known of it, personal data redacted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import select

from models.database import Session, columns_to_decrypt
from models.i18n import PrivateText, _, render
from models.json_types import JsonObject
from models.queries.duties import DutyRow, DutyView, duty_views
from models.queries.letter import read_letter
from models.queries.log import TicketNotFound, line_texts, ticket_redactor
from models.queries.log_lines import LogLine
from models.queries.said_topics import said_topics, shown_topic
from models.queries.topics import load_topics
from models.rules import events
from models.rules.events import (
    ClockMoved,
    NoteAdded,
    TextsErased,
    TicketAmended,
    TicketUnrouted,
    TopicProposed,
)
from models.rules.redaction import Redactor, redact_address, redact_name, redact_phone
from models.rules.speaking import OPERATORS
from models.rules.state import State, read_state
from models.rules.text import clean
from models.rules.topics import UNKNOWN_TOPIC
from models.rules.vocabulary import NoticeState, Status
from models.sql_types import SelectedRow
from models.tables.core import CLOCK, EVENT, INBOX, NOTICE, TICKET


@dataclass(frozen=True, slots=True)
class RedactedClaimant:
    """The claimant (诉求人) as he may be shown; `contact` is wanted or unwanted."""

    name: str = ""
    phone: str = ""
    address: str = ""
    contact: str = "wanted"


@dataclass(frozen=True, slots=True)
class TopicView:
    """The topic of a ticket: its code and path; for one that is not known, what was said."""

    code: str
    path: str

    @property
    def is_known(self) -> bool:
        """Return whether the classification has it."""
        return self.code != UNKNOWN_TOPIC


@dataclass(frozen=True, slots=True)
class NoticeView:
    """A notice that the ticket caused, and what became of it."""

    seq: int
    kind: str
    role: str
    unit: str | None
    state: str
    channel: str | None
    error: str | None
    queued_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class TicketDetail:
    """A ticket: its row, its letter, its duties, its log and its notices."""

    number: str
    status: str
    category: str
    emergency: str | None
    title: str
    unit: str | None
    level: str | None
    due: datetime | None
    provisional: bool
    received_at: datetime | None
    completed_at: datetime | None
    policy_id: str | None
    state: State
    claimant: RedactedClaimant
    content: str
    topic: TopicView | None = None
    duties: tuple[DutyView, ...] = ()
    log: tuple[LogLine, ...] = ()
    notices: tuple[NoticeView, ...] = ()


_OWN = ("number", "status", "category", "emergency", "title", "unit", "level", "due")
_MORE = ("provisional", "received_at", "completed_at", "policy_id")


def has_ticket(session: Session, number: str) -> bool:
    """Return whether there is a ticket of this number."""
    query = select(TICKET.c.id).where(TICKET.c.number == number)
    return session.execute(query).first() is not None


def ticket_detail(session: Session, number: str) -> TicketDetail:
    """Read everything about a ticket, redacted; raises TicketNotFound."""
    row = session.execute(select(TICKET).where(TICKET.c.number == number)).first()
    if row is None:
        raise TicketNotFound(number)
    state = read_state(number, row.state)
    notices = session.execute(
        select(*(NOTICE.c[f] for f in NoticeView.__dataclass_fields__))
        .where(NOTICE.c.ticket_id == row.id)
        .order_by(NOTICE.c.seq, NOTICE.c.id)
    ).all()
    states = {notice.seq: NoticeState(notice.state) for notice in reversed(notices)}
    redactor = ticket_redactor(session, row)
    log = _log(session, row.id, number, redactor)
    letter = read_letter(session, number)
    columns = {f: getattr(row, f) for f in (*_OWN, *_MORE)}
    if not row.title and any(isinstance(line.event, TextsErased) for line in log):
        columns["title"] = _("(erased)")
    return TicketDetail(
        **columns,
        state=state.with_texts(_reasons_texts(letter, log, redactor)),
        claimant=_claimant(session.texts(TICKET.c.claimant, row)),
        content=redactor.redact_text(str(letter.get("content") or "")),
        topic=_topic(session, number, row.topic),
        duties=duty_views(_duty_rows(session, row.id), log, states),
        log=log,
        notices=tuple(NoticeView(*n) for n in notices),
    )


def proposed_unit(ticket: TicketDetail) -> tuple[str, str] | None:
    """Return the unit that a model proposes for a ticket in the manual queue, and why (3.1)."""
    if ticket.status != Status.MANUAL:
        return None
    for line in reversed(ticket.log):
        event = line.event
        if isinstance(event, TicketUnrouted) and event.proposed and event.proposal:
            return event.proposed, render(event.proposal)
    return None


def ticket_notes(ticket: TicketDetail) -> list[LogLine]:
    """List the operators' notes on a ticket, the earliest first."""
    return [line for line in ticket.log if isinstance(line.event, NoteAdded)]


def proposed_topic(ticket: TicketDetail) -> TopicProposed | None:
    """Return the topic that a model proposes for a ticket, until it has one."""
    if ticket.topic is not None:
        return None
    proposals = (line.event for line in ticket.log if isinstance(line.event, TopicProposed))
    return next(proposals, None)


def _topic(session: Session, number: str, code: str | None) -> TopicView | None:
    if code is None:
        return None
    if code == UNKNOWN_TOPIC:
        return TopicView(code, shown_topic(said_topics(session, [number]).get(number)))
    return TopicView(code, load_topics(session).path(code))


def _duty_rows(session: Session, ticket_id: int) -> list[DutyRow]:
    rows = session.execute(
        select(*(CLOCK.c[f] for f in DutyRow.__dataclass_fields__))
        .where(CLOCK.c.ticket_id == ticket_id)
        .order_by(CLOCK.c.base, CLOCK.c.due, CLOCK.c.key, CLOCK.c.ordinal)
    )
    return [msgspec.convert(row._asdict(), DutyRow) for row in rows]


def _log(session: Session, ticket_id: int, number: str, redactor: Redactor) -> tuple[LogLine, ...]:
    sent = session.execute(
        select(*columns_to_decrypt(INBOX.c.body)).where(
            INBOX.c.ticket == number, INBOX.c.source == OPERATORS
        )
    )
    by = {row.id: clean(str(session.texts(INBOX.c.body, row).get("by") or "")) for row in sent}
    rows = session.execute(
        select(EVENT).where(EVENT.c.ticket_id == ticket_id).order_by(EVENT.c.seq)
    )
    return tuple(_line(session, number, row, by.get(row.cause, ""), redactor) for row in rows)


def _line(session: Session, number: str, row: SelectedRow, by: str, redactor: Redactor) -> LogLine:
    event = events.convert(row.name, row.data)
    private = redactor.redact(line_texts(session, number, row))
    return LogLine(
        row.seq,
        row.at,
        row.moment,
        events.with_texts(event, private),
        events.own_texts(row.name, private),
        "" if "by" in private else by,
        row.cause,
    )


def _reasons_texts(
    letter: JsonObject, log: Sequence[LogLine], redactor: Redactor
) -> dict[str, str]:
    """Return what people wrote that the reasons of deadlines name, by field, as it is now."""
    basis = PrivateText("statutory_limit.basis").find_in(letter)
    texts = {"statutory_limit.basis": redactor.redact_text(str(basis or ""))}
    for line in log:
        if isinstance(line.event, TicketAmended):
            changed = PrivateText("changes.statutory_limit.basis").find_in(line.private)
            if changed is not None:
                texts["statutory_limit.basis"] = str(changed)
        elif isinstance(line.event, ClockMoved) and "basis" in line.event.why.args:
            texts["basis"] = str(line.event.why.args["basis"])
    return texts


def _claimant(person: JsonObject) -> RedactedClaimant:
    return RedactedClaimant(
        redact_name(clean(str(person.get("name") or ""))),
        redact_phone(clean(str(person.get("phone") or ""))),
        redact_address(clean(str(person.get("address") or ""))),
        str(person.get("contact") or "wanted"),
    )
