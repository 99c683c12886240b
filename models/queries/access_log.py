"""The access log: every time that somebody saw personal data in clear or searched by it."""

from collections.abc import Iterator

from sqlalchemy import select

from models.database import Session
from models.json_types import Json
from models.security.chain import AccessLine
from models.tables.core import ACCESS


def reason_given(session: Session, line: AccessLine) -> Json:
    """Return the reason of a line in clear, None where none was given."""
    return session.decrypt(ACCESS.c.reason, line) if line.reason is not None else None


def access_log(session: Session, ticket: str | None = None) -> Iterator[AccessLine]:
    """Return the access log in its order, of one ticket or whole."""
    lines = select(*(ACCESS.c[name] for name in AccessLine._fields)).order_by(ACCESS.c.id)
    if ticket is not None:
        lines = lines.where(ACCESS.c.ticket == ticket)
    for row in session.execute(lines.execution_options(yield_per=1_000)):
        yield AccessLine(*row)
