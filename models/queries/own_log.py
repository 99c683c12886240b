"""The log of one ticket, if it is as the service wrote it."""

from datetime import datetime

import msgspec
from sqlalchemy import select

from models.database import Session, columns_to_decrypt
from models.security.chain import EventLine, LogCheck, LogEnd
from models.security.encryption import ForgedValue
from models.sql_types import SelectedRow
from models.tables.columns import undecoded
from models.tables.core import EVENT, SECRET
from models.tables.secrets import HASH_KEY


def own_log(session: Session, ticket_id: int, number: str, end: LogEnd) -> list[EventLine] | None:
    """Return the lines of a log that ends so, None where they are not as they were written.

    What people wrote is not among them: for most lines the hash of it is covered by the line's.
    """
    columns = dict.fromkeys(
        (
            *(EVENT.c[name] for name in ("seq", "name", "at", "moment", "cause", "hash")),
            *(EVENT.c.commitment, undecoded(EVENT.c.data)),
            *columns_to_decrypt(EVENT.c.private),
        )
    )
    of_ticket = EVENT.c.ticket_id == ticket_id
    rows = session.execute(select(*columns).where(of_ticket).order_by(EVENT.c.seq))
    lines = [_line(session, number, row) for row in rows]
    check = LogCheck(session.cipher, unkeyed_until(session))
    # whether an earlier release began it, as is listed only in the feed of changes
    is_own = any(check(number, lines, end, (), old=old) is None for old in (False, True))
    return lines if is_own else None


def unkeyed_until(session: Session) -> datetime | None:
    """Return up to when the first release wrote lines without a key; None where it wrote none."""
    stored = select(SECRET).where(SECRET.c.name == HASH_KEY)
    secret = session.decrypt(SECRET.c.value, session.execute(stored).one())
    until = secret["unkeyed_until"]
    return datetime.fromisoformat(until) if until else None


def _line(session: Session, number: str, row: SelectedRow) -> EventLine:
    private, is_forged = None, False
    if row.commitment is None and row.private is not None:
        try:
            private = msgspec.json.encode(session.decrypt(EVENT.c.private, row, number))
        except ForgedValue:
            is_forged = True
    data = (row.data or "").encode()
    return EventLine(
        *(row.seq, row.name, row.at, row.moment, row.cause, data, private),
        *(row.commitment, None, row.hash),
        is_forged=is_forged,
        erased=True,
    )
