"""The heads of logs and of clocks that others have replaced."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from models.database import Session
from models.security.encryption import Cipher
from models.security.heads import DIGEST_BYTES, ChangedHead, HeadKind, content_digest
from models.tables.core import ACCESS

_CLOCK_COLUMNS = (
    *("key", "ordinal", "name", "holder", "concerns", "unit", "purpose"),
    *("base", "due", "provisional", "state", "ended_at"),
)


def clock_head(cipher: Cipher, row: Mapping[str, Any]) -> ChangedHead:
    """Return the head of a clock that another of its key has replaced."""
    content = [
        value.astimezone(UTC) if isinstance(value := row[name], datetime) else value
        for name in ("ticket_id", *_CLOCK_COLUMNS)
    ]
    digest = content_digest(cipher, HeadKind.PAST_CLOCK, content)
    return ChangedHead(
        HeadKind.PAST_CLOCK, row["ticket_id"], row["ordinal"], digest, number=row["key"]
    )


def access_head(session: Session) -> ChangedHead | None:
    """Return the head of the access log, None where it is empty."""
    query = select(ACCESS.c.id, ACCESS.c.hash).order_by(ACCESS.c.id.desc()).limit(1)
    last = session.execute(query).first()
    if last is None:
        return None
    return ChangedHead(HeadKind.ACCESS, "", last.id, bytes(last.hash)[:DIGEST_BYTES])
