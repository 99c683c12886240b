"""The letters that tickets began with."""

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Select, select

from models.database import Session, columns_to_decrypt
from models.i18n import _
from models.json_types import JsonObject
from models.membership import is_in
from models.queries.checked_rows import read_checked
from models.rules.vocabulary import MessageType
from models.security.encryption import ForgedValue, KeyUnusable
from models.tables.core import INBOX
from models.tables.inbox import APPLIED


class CorrectedLetter(NamedTuple):
    """The message that a ticket began with, and its corrections in the order of their times."""

    letter: JsonObject
    corrections: list[JsonObject]


def read_letter(session: Session, number: str) -> JsonObject:
    """Return the message that a ticket began with, in clear; whoever shows it redacts it."""
    row = session.execute(_letters().where(INBOX.c.ticket == number).limit(1)).first()
    if row is None:
        return {}
    return session.texts(INBOX.c.body, row) or {"content": _("(erased)")}


def read_letters(session: Session, numbers: Collection[str]) -> dict[str, JsonObject]:
    """Return the messages that tickets began with, in clear, by the ticket's number.

    Tickets without one are left out; one whose texts are erased has an empty one.
    """
    rows = session.execute(_letters().where(is_in(INBOX.c.ticket, numbers))).all()
    letters: dict[str, JsonObject] = {}
    for row, letter in zip(rows, session.all_texts(INBOX.c.body, rows), strict=True):
        letters.setdefault(row.ticket, letter)
    return letters


def letters_to_compare(session: Session, numbers: Collection[str]) -> dict[str, JsonObject | None]:
    """Return letters as `read_letters` does; None for one whose key has not come yet.

    One that was altered is empty: it is like no other, and keeps none from being compared.
    """
    letters: dict[str, JsonObject | None] = {}
    columns = columns_to_decrypt(INBOX.c.body)
    of_tickets = is_in(INBOX.c.ticket, numbers)
    rows = list(
        read_checked(session, columns, lambda query: _applied_letters(query).where(of_tickets))
    )
    session.load_salts(numbers)
    for row in rows:
        if row.ticket in letters:
            continue
        try:
            letters[row.ticket] = {} if row.unreadable else session.texts(INBOX.c.body, row)
        except ForgedValue:
            letters[row.ticket] = {}
        except KeyUnusable:
            letters[row.ticket] = None
    return letters


def read_corrected(session: Session, numbers: Collection[str]) -> dict[str, CorrectedLetter]:
    """Return the letters of tickets with their corrections, in clear, by the ticket's number.

    Tickets without a letter are left out; texts that are erased are empty.
    """
    rows = session.execute(
        select(*columns_to_decrypt(INBOX.c.body))
        .where(is_in(INBOX.c.ticket, list(numbers)))
        .where(INBOX.c.type.in_((MessageType.TICKET_RECEIVED, MessageType.TICKET_AMENDED)))
        .where(INBOX.c.state == APPLIED, INBOX.c.current)
        .order_by(INBOX.c.at, INBOX.c.id)
    ).all()
    letters: dict[str, JsonObject] = {}
    corrections: dict[str, list[JsonObject]] = {}
    for row, body in zip(rows, session.all_texts(INBOX.c.body, rows), strict=True):
        if row.type == MessageType.TICKET_AMENDED:
            corrections.setdefault(row.ticket, []).append(body)
        else:
            letters.setdefault(row.ticket, body)
    return {
        number: CorrectedLetter(letter, corrections.get(number, []))
        for number, letter in letters.items()
    }


def _letters() -> Select[tuple[object, ...]]:
    return _applied_letters(select(*columns_to_decrypt(INBOX.c.body)))


def _applied_letters(query: Select[Any]) -> Select[Any]:
    return (
        query.where(INBOX.c.type == MessageType.TICKET_RECEIVED, INBOX.c.state == APPLIED)
        .where(INBOX.c.current)
        .order_by(INBOX.c.id)
    )
