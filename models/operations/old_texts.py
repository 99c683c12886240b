"""Take what people wrote out of the clear columns of a store that an earlier release has filled."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Select, and_, bindparam, select, update

from models.bulk import RowValues, update_rows
from models.database import Session, Store
from models.operations.batches import in_batches
from models.queries.inbox_rows import INBOX_COLUMNS, InboxRow, outline_hash
from models.queries.stored_messages import read_message_of
from models.rulebook import Rulebook, load_rulebook
from models.rules.message_outline import encode_outline, outline_of
from models.rules.messages import Finding, Message, Route, refuse_unknown
from models.rules.old_lines import (
    IsUnit,
    canonical,
    reason_without_texts,
    state_without_texts,
    without_texts,
)
from models.rules.routing.directory import rename_units
from models.rules.state import State
from models.security.chain import copy_commitment
from models.sql_types import SelectedRow
from models.tables.columns import undecoded
from models.tables.core import EVENT, INBOX, TICKET
from models.tables.inbox import WAITING


class _Resolution(msgspec.Struct, frozen=True):
    """The result of reading a message, as earlier releases kept it.

    `units` are the full names of those that the source called otherwise; None where the message was
    read before units could change their names.
    """

    unknown: tuple[str, ...] = ()
    route: dict[str, Any] | None = None
    findings: tuple[Finding, ...] = ()
    units: dict[str, str] | None = None


def move_texts(store: Store) -> None:
    """Give messages their outlines, and keep the texts of lines and states encrypted only.

    If it is interrupted, it is begun again and passes over what is done.
    """
    with store.reading() as session:
        rulebook = load_rulebook(session)
    is_unit = rulebook.directory.knows

    def move_messages(session: Session, rows: Sequence[SelectedRow]) -> None:
        moved = [_moved_message(session, row, rulebook) for row in rows]
        update_rows(session.connection(), INBOX, moved)

    def move_lines(session: Session, rows: Sequence[SelectedRow]) -> None:
        if moved := list(_moved_lines(session, rows, is_unit)):
            _update_lines(session, moved)

    def move_states(session: Session, rows: Sequence[SelectedRow]) -> None:
        update_rows(session.connection(), TICKET, list(_moved_states(rows, is_unit)))

    in_batches(store, _old_messages(), [INBOX.c.id], move_messages)
    in_batches(store, _old_lines(), [EVENT.c.ticket_id, EVENT.c.seq], move_lines)
    in_batches(store, select(TICKET.c.id, TICKET.c.state), [TICKET.c.id], move_states)


def _old_messages() -> Select[Any]:
    return select(*INBOX_COLUMNS, INBOX.c.resolved, INBOX.c.reason).where(
        INBOX.c.state != WAITING, INBOX.c.outline.is_(None)
    )


def _old_lines() -> Select[Any]:
    columns = (EVENT.c[name] for name in ("ticket_id", "seq", "name", "hash", "private"))
    return (
        select(*columns, TICKET.c.number)
        .add_columns(undecoded(EVENT.c.data))
        .join(TICKET, TICKET.c.id == EVENT.c.ticket_id)
        .where(EVENT.c.original.is_(None), EVENT.c.commitment.is_(None))
    )


def _moved_message(session: Session, row: SelectedRow, rulebook: Rulebook) -> RowValues:
    inbox_row = InboxRow(*row[: len(INBOX_COLUMNS)])
    values: dict[str, Any] = {"id": row.id, "resolved": None, "outline": None, "outline_hash": None}
    if row.resolved is not None:
        message = _resolved(session, inbox_row, row.resolved, rulebook)
        outline = encode_outline(outline_of(message))
        values["outline"] = msgspec.Raw(outline)
        values["outline_hash"] = outline_hash(session.cipher, inbox_row, outline.decode())
    reason = row.reason
    if reason is not None:
        why = reason_without_texts(reason["why"], rulebook.directory.knows)
        reason = {**reason, "why": why}
    return values | {"reason": reason}


def _resolved(session: Session, row: InboxRow, stored: Any, rulebook: Rulebook) -> Message:
    """Return a message with its units as they were found when it was first read."""
    resolution = msgspec.convert(stored, _Resolution)
    message = refuse_unknown(read_message_of(session, row), resolution.unknown)
    if resolution.units is None:
        message = rulebook.directory.resolve_units_of_time(message)
    else:
        message = rename_units(message, resolution.units)
    route = None
    if resolution.route is not None:
        named = {"field": "unit"} if resolution.route.get("named") else None
        knows = rulebook.directory.knows
        reasons = {
            name: reason_without_texts(resolution.route.get(name), knows)
            for name in ("why", "proposal")
        }
        route = msgspec.convert({**resolution.route, **reasons, "named": named}, Route)
    return msgspec.structs.replace(message, route=route, findings=resolution.findings)


def _moved_lines(
    session: Session, rows: Sequence[SelectedRow], is_unit: IsUnit
) -> Iterator[RowValues]:
    for row in rows:
        data = msgspec.json.decode(row.data)
        copy = without_texts(row.name, data, is_unit)
        # a line with encrypted texts too: once they are erased its copy vouches for it
        if copy == data and row.private is None:
            continue
        encoded = canonical(row.name, copy)
        yield {
            "_ticket": row.ticket_id,
            "_seq": row.seq,
            "_data": msgspec.Raw(encoded),
            "_original": session.encrypt(EVENT.c.original, row.data, row),
            "_commitment": copy_commitment(session.cipher, bytes(row.hash), encoded),
        }


def _update_lines(session: Session, lines: Sequence[RowValues]) -> None:
    statement = (
        update(EVENT)
        .where(and_(EVENT.c.ticket_id == bindparam("_ticket"), EVENT.c.seq == bindparam("_seq")))
        .values(
            data=bindparam("_data"),
            original=bindparam("_original"),
            commitment=bindparam("_commitment"),
        )
    )
    session.connection().execute(statement, list(lines))


def _moved_states(rows: Sequence[SelectedRow], is_unit: IsUnit) -> Iterator[RowValues]:
    for row in rows:
        state = msgspec.json.decode(row.state) if row.state else {}
        if (changed := state_without_texts(state, is_unit)) != state:
            again = msgspec.convert(changed, State)
            yield {"id": row.id, "state": msgspec.json.encode(again).decode()}
