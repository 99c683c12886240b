"""The tokens of the store, and whose a token is."""

import hmac
from datetime import datetime

from sqlalchemy import select

from models.database import Session
from models.i18n import _
from models.rules.vocabulary import Sender, UserRole
from models.security.roles import Actor
from models.security.tokens import Token, TokenRefused, digest_of, token_row_hash
from models.sql_types import SelectedRow
from models.tables.core import TOKEN


def actor_for_token(session: Session, token: str, now: datetime) -> Actor:
    """Return whoever shows this token. Raises TokenRefused."""
    return find_token(session, token, now).actor


def find_token(session: Session, token: str, now: datetime) -> Token:
    """Return what the store knows of a token that is valid. Raises TokenRefused."""
    row = session.execute(select(TOKEN).where(TOKEN.c.digest == digest_of(token))).first()
    holder = read_token(session, row) if row is not None else None
    if holder is None:
        raise TokenRefused(_("nobody has this token"))
    holder.require_valid(now)
    return holder


def is_token_valid(session: Session, name: str, issued_at: datetime, now: datetime) -> bool:
    """Return whether the token that was issued to somebody at this moment is still valid."""
    row = session.execute(
        select(TOKEN).where(TOKEN.c.name == name, TOKEN.c.issued_at == issued_at)
    ).first()
    holder = read_token(session, row) if row is not None else None
    return holder is not None and holder.is_valid(now)


def tokens(session: Session) -> dict[str, Token | None]:
    """Return all tokens by name, revoked ones too; None for a row that was written from outside."""
    rows = session.execute(select(TOKEN).order_by(TOKEN.c.name))
    return {row.name: read_token(session, row) for row in rows}


def read_token(session: Session, row: SelectedRow) -> Token | None:
    """Return a token from its row; None where the row is not as this program wrote it."""
    try:
        role, speaks = UserRole(row.role), tuple(map(Sender, row.speaks))
    except ValueError:
        return None
    ends = row.expires_at, row.revoked_at, row.last_used_at
    token = Token(row.name, role, speaks, row.unit, row.issued_at, *ends)
    row_hash = token_row_hash(session.cipher, token, bytes(row.digest))
    return token if hmac.compare_digest(row_hash, bytes(row.row_hash)) else None
