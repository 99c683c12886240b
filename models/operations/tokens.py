"""Issue and revoke tokens, and note when they are used; only a supervisor issues and revokes."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update

from models.database import Session, Store
from models.errors import HotlineError
from models.i18n import _
from models.operations.access_log import record_access
from models.operations.changes import record_table
from models.queries.tokens import find_token, read_token
from models.rulebook import load_rulebook
from models.rules.text import one_line
from models.rules.vocabulary import AccessAct, Permission, UserRole
from models.security.heads import HeadKind
from models.security.roles import Actor
from models.security.tokens import Token, digest_of, new_token, token_row_hash
from models.tables.core import TOKEN

_NAME_CHARACTERS = 64
_USE_NOTED_EVERY = timedelta(minutes=1)
"""A use is noted no more often, so that a token in use does not write all the time."""


class InvalidToken(HotlineError):
    """A token cannot be issued or revoked as it was said."""


def issue_token(session: Session, actor: Actor, wanted: Token, now: datetime) -> str:
    """Issue a token and log it; returns the token, which is stored nowhere.

    Raises NotAllowed, InvalidToken.
    """
    actor.require(Permission.TOKENS)
    name = wanted.name
    if not name or len(name) > _NAME_CHARACTERS or one_line(name) != name or name != name.strip():
        text = _("a token's name has 1 to {n} characters on one line")
        raise InvalidToken(text.format(n=_NAME_CHARACTERS))
    unit = wanted.unit
    if unit is not None and (unit := load_rulebook(session).directory.resolve(unit)) is None:
        raise InvalidToken(_("there is no unit {name}").format(name=wanted.unit))
    former = session.execute(select(TOKEN).where(TOKEN.c.name == name)).first()
    if former is not None:
        if (known := read_token(session, former)) is not None and known.is_valid(now):
            text = _("{name} has a token; `hotline tokens revoke {name}` first")
            raise InvalidToken(text.format(name=name))
        session.execute(delete(TOKEN).where(TOKEN.c.name == name))
    token = new_token()
    _insert(session, replace(wanted, unit=unit), digest_of(token))
    record_table(session, HeadKind.TOKEN)
    record_access(session, actor, AccessAct.TOKEN_ISSUED, None, [name, wanted.role], now)
    return token


def revoke_token(session: Session, actor: Actor, name: str, now: datetime) -> None:
    """Revoke a token and log it. Raises NotAllowed, InvalidToken."""
    actor.require(Permission.TOKENS)
    row = session.execute(
        select(TOKEN).where(TOKEN.c.name == name, TOKEN.c.revoked_at.is_(None)).with_for_update()
    ).first()
    if row is None:
        raise InvalidToken(_("{name} has no token").format(name=name))
    token = read_token(session, row)
    if token is not None:
        revoked = replace(token, revoked_at=now)
        row_hash = token_row_hash(session.cipher, revoked, bytes(row.digest))
        values = {"revoked_at": now, "row_hash": row_hash}
        session.execute(update(TOKEN).where(TOKEN.c.name == name).values(values))
    else:
        # it was never valid, and must not come back
        session.execute(delete(TOKEN).where(TOKEN.c.name == name))
    record_table(session, HeadKind.TOKEN)
    record_access(session, actor, AccessAct.TOKEN_REVOKED, None, [name], now)


def carry_over_tokens(
    session: Session, tokens: Mapping[str, tuple[str, UserRole]], now: datetime
) -> None:
    """Carry the tokens of a roles file over, by name with digest and role; known names stay."""
    known = set(session.scalars(select(TOKEN.c.name)))
    for name, (digest, role) in tokens.items():
        if name not in known:
            _insert(session, Token(name, role, (), None, now), bytes.fromhex(digest))
    record_table(session, HeadKind.TOKEN)


def use_token(store: Store, token: str, now: datetime) -> Token:
    """Return what the store knows of a token that is valid, and note its use. Raises TokenRefused.

    Most uses write nothing: they are noted to the minute.
    """
    with store.reading() as session:
        holder = find_token(session, token, now)
    if holder.last_used_at is None or holder.last_used_at <= now - _USE_NOTED_EVERY:
        with store.writing() as session:
            noted = TOKEN.c.last_used_at
            session.execute(
                update(TOKEN)
                .where(TOKEN.c.name == holder.name, or_(noted.is_(None), noted < now))
                .values(last_used_at=now)
            )
    return holder


def _insert(session: Session, token: Token, digest: bytes) -> None:
    row = {
        "name": token.name,
        "digest": digest,
        "role": token.role,
        "speaks": list(token.speaks),
        "unit": token.unit,
        "issued_at": token.issued_at,
        "expires_at": token.expires_at,
        "row_hash": token_row_hash(session.cipher, token, digest),
    }
    session.execute(session.insert(TOKEN).values(row))
