"""Check the messages of the inbox: each is as it came, and what became of it is as it was."""

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import select

from models.database import Session
from models.i18n import LazyText, lazy
from models.membership import is_in
from models.queries.checked_rows import read_checked
from models.queries.inbox_rows import InboxRow, has_own_outline
from models.rules.vocabulary import EventName
from models.security.binding import ForgedValue, TextsErased
from models.security.chain import EventLine
from models.security.encryption import KeyUnusable
from models.security.findings import Finding, Harm
from models.tables.core import INBOX
from models.tables.inbox import APPLIED, NO_QUEUE, REFUSED, WAITING

_ROWS = 1_000


def check_messages(
    session: Session, after: int, number: str | None, most: int = _ROWS
) -> tuple[int | None, list[Finding]]:
    """Check the next messages after an id, of one ticket or of all, `most` of them.

    Returns the last one's id, None where there are no more, and what is wrong.
    """
    of = [INBOX.c.id > after, *([INBOX.c.ticket == number] if number is not None else [])]
    columns = [INBOX.c[name] for name in InboxRow._fields]
    rows = list(
        read_checked(
            session,
            columns,
            lambda query: query.where(*of).order_by(INBOX.c.id).limit(most),
            as_text=("outline",),
        )
    )
    session.load_salts({row.ticket for row in rows if row.ticket})
    findings = []
    for row in rows:
        if row.unreadable:
            why: LazyText | None = lazy("message {id} cannot be read any more", id=row.id)
        else:
            why = _wrong_with(session, InboxRow(*row[: len(columns)]))
        if why is not None:
            findings.append(Finding(Harm.ALTERED, row.ticket or "-", why, row.ticket, row.id))
    return rows[-1].id if rows else None, findings


def _wrong_with(session: Session, row: InboxRow) -> LazyText | None:
    is_own = row.outline is None or has_own_outline(session.cipher, row, row.outline)
    unread = row.outline is None and row.outline_hash is None and row.state != APPLIED
    fits = unread if row.outline is None else row.state != WAITING
    fits &= row.state != WAITING or not row.conflicting
    if row.queue == NO_QUEUE:
        # its ticket never reads it
        fits = row.state == REFUSED and row.conflicting
    if not is_own or not fits:
        return lazy("what became of message {id} is not as it was", id=row.id)
    try:
        session.decrypt(INBOX.c.body, row)
    except TextsErased:
        return None
    except (ForgedValue, KeyUnusable):
        return lazy("message {id} is not as it came", id=row.id)
    return None


def check_causes(
    session: Session, numbers: Mapping[int, str], logs: Mapping[int, Sequence[EventLine]]
) -> Iterator[Finding]:
    """Yield the messages that these tickets' logs, by id, tell of and that are there no more.

    What a later telling refused may have been replaced by its source since.
    """
    logged: dict[tuple[int, int], tuple[int, bool]] = {}
    for ticket, lines in logs.items():
        for line in lines:
            if line.cause is not None:
                is_refusal = line.name == EventName.MESSAGE_REFUSED
                seq, refusals_only = logged.get((ticket, line.cause), (line.seq, True))
                logged[ticket, line.cause] = seq, refusals_only and is_refusal
    causes = list({cause for _ticket, cause in logged})
    rows = session.execute(
        select(INBOX.c.id, INBOX.c.ticket, INBOX.c.state, INBOX.c.current).where(
            is_in(INBOX.c.id, causes)
        )
    )
    stored = {(row.id, row.ticket): row for row in rows}
    for (ticket, cause), (seq, refusals_only) in logged.items():
        number, of = numbers[ticket], {"id": cause, "seq": seq}
        row = stored.get((cause, number))
        if row is None or (row.state == APPLIED and not row.current):
            why = lazy("message {id}, which line {seq} tells of, is gone or no part of it", **of)
            yield Finding(Harm.DELETED, number, why, number, seq)
        elif row.state == WAITING or (refusals_only and row.state == APPLIED):
            why = lazy("message {id}, which line {seq} tells of, is {state}", **of, state=row.state)
            yield Finding(Harm.ALTERED, number, why, number, seq)
