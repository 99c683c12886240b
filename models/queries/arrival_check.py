"""Look for the messages that arrived, as the feed of changes lists them, in the inbox."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Select, or_

from models.database import Session
from models.i18n import lazy
from models.queries.checked_rows import read_checked
from models.security.findings import Finding, Harm
from models.security.heads import ChangedHead, arrival_digest
from models.tables.core import INBOX

_AT_ONCE = 50
"""Heads whose messages are read by one statement."""
_NAMED = 10
"""Messages that are named of those that are gone."""

INBOX_NAME = lazy("the inbox")


def check_arrivals(
    session: Session, arrivals: Sequence[ChangedHead]
) -> Iterator[tuple[int, Finding]]:
    """Yield what is wrong with messages that arrived, each with the first one's id."""
    for start in range(0, len(arrivals), _AT_ONCE):
        part = arrivals[start : start + _AT_ONCE]
        spans = [INBOX.c.id.between(head.key, head.seq) for head in part]
        columns = [INBOX.c.id, INBOX.c.digest]
        stored = {
            row.id: row.digest or b""
            for row in read_checked(session, columns, partial(_within, or_(*spans)))
        }
        for head in part:
            assert isinstance(head.key, int)
            ids = range(head.key, head.seq + 1)
            gone = [i for i in ids if i not in stored]
            if gone:
                ids_gone = ", ".join(map(str, gone[:_NAMED])) + ".." * (len(gone) > _NAMED)
                why = lazy("messages that had arrived are gone: {ids}", ids=ids_gone)
                yield head.key, Finding(Harm.DELETED, INBOX_NAME, why, seq=gone[0])
            elif arrival_digest(session.cipher, head.key, [stored[i] for i in ids]) != head.digest:
                why = lazy(
                    "messages {first} to {last} are not those that arrived",
                    first=head.key,
                    last=head.seq,
                )
                yield head.key, Finding(Harm.ALTERED, INBOX_NAME, why, seq=head.key)


def _within(spans: ColumnElement[bool], query: Select[Any]) -> Select[Any]:
    return query.where(spans)
