"""Sort the notices that wait for one person by what their tickets are about.

Sixty callers about one burst pipe are one matter: what a person gets about it is one message. Where
he was told of it a short while ago, what has come since waits and is one message too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, select

from models.database import Session
from models.queries.similar import group_similar
from models.rules.vocabulary import NoticeKind, NoticeState
from models.tables.core import NOTICE, TICKET
from models.tables.instants import is_instant

MAX_COMPARED = 300
"""Notices to one person that are compared; their letters are decrypted for it."""

_LOOK_BACK = 20_000
"""Notices that are looked through for what was sent just now: there is no index of sent ones."""


@dataclass(frozen=True, slots=True)
class SimilarRules:
    """The kinds gathered by what they are about, and how long others wait after a message."""

    kinds: tuple[NoticeKind, ...] = ()
    again_after: timedelta = timedelta()


class WaitingNotice(NamedTuple):
    """A notice of a person and a kind: its row, its ticket's number, whether it cannot wait."""

    row: int
    number: str
    urgent: bool


class SortedNotices(NamedTuple):
    """The rows that go out now, those of a matter together; and those that wait, until when."""

    now: list[list[int]]
    later: dict[int, datetime]


def sort_by_matter(
    session: Session,
    channel: str,
    recipient: str,
    kind: str,
    notices: Sequence[WaitingNotice],
    rules: SimilarRules,
    now: datetime,
) -> SortedNotices:
    """Sort the notices of one kind that wait for one person at this channel.

    A matter with anything urgent in it does not wait.
    """
    latest = select(func.coalesce(func.max(NOTICE.c.id), 0))
    recent = session.execute(
        select(TICKET.c.number, NOTICE.c.sent_at)
        .join(TICKET, TICKET.c.id == NOTICE.c.ticket_id)
        .where(NOTICE.c.id > latest.scalar_subquery() - _LOOK_BACK)
        .where(NOTICE.c.recipient == recipient, NOTICE.c.kind == kind)
        .where(NOTICE.c.channel == channel, NOTICE.c.state == NoticeState.SENT)
        .where(NOTICE.c.sent_at > now - rules.again_after)
        .where(is_instant(session.dialect, NOTICE.c.sent_at))
        .order_by(NOTICE.c.id.desc())
        .limit(MAX_COMPARED)
    ).all()
    told_at: dict[str, datetime] = {row.number: row.sent_at for row in reversed(recent)}
    compared, beyond = notices[:MAX_COMPARED], notices[MAX_COMPARED:]
    rows: dict[str, list[WaitingNotice]] = {}
    for notice in compared:
        rows.setdefault(notice.number, []).append(notice)
    sorted_notices = SortedNotices([[notice.row] for notice in beyond], {})
    for group in group_similar(session, list(dict.fromkeys([*told_at, *rows]))):
        waiting = [notice for number in group for notice in rows.get(number, ())]
        last_told_at = max((told_at[number] for number in group if number in told_at), default=None)
        if last_told_at is not None and not any(notice.urgent for notice in waiting):
            sorted_notices.later.update((n.row, last_told_at + rules.again_after) for n in waiting)
        elif waiting:
            sorted_notices.now.append([notice.row for notice in waiting])
    return sorted_notices
