"""The secret of a store, with the key of its hashes: made once, and never anew for data."""

import os
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import literal, select, update
from sqlmodel import SQLModel

import models.tables  # noqa: F401  (their import is what fills the metadata)
from models.database import Session, Store
from models.errors import HotlineError
from models.i18n import _
from models.schema import WrongSchema
from models.security.encryption import ForgedValue, no_key
from models.tables.core import SECRET
from models.tables.secrets import HASH_KEY

FORM = 5
"""The form of what the store holds: what is hashed, titles, and where texts are.

1 since telephone numbers have one form (rules/phones.py), 2 since numbers are facts
(rules/screening.py), 3 since numbers are found in every disguise, titles are redacted of all that
is personal (rules/redaction.py), and what people wrote is kept encrypted only, 4 since the digests
in the ids of messages are keyed (security/message_ids.py), 5 since rows of tickets and protected
tables have digests of their own (security/heads.py).
"""


class HashSecret(msgspec.Struct, frozen=True, omit_defaults=True):
    """The secret that hashes are made with, as it is stored.

    Lines of the log up to `unkeyed_until` were chained without a key; `form` is the normal form
    that the hashes in the store are made of. A store that is `anchored` never begins anew.
    """

    key: bytes
    unkeyed_until: datetime | None
    form: int = 0
    anchored: bool = False


class SecretMissing(HotlineError):
    """The store has data but not the secret that its logs are chained with."""

    def __init__(self) -> None:
        text = _("the secret of the store is gone, which nothing but an intruder removes: ")
        super().__init__(text + _("restore the database from a backup"))


class UpgradeUnfinished(WrongSchema):
    """An upgrade of the store is under way or was broken off."""

    def __init__(self) -> None:
        text = _("an upgrade of the store is under way or was broken off: run `hotline db upgrade`")
        super().__init__(text)


class StoreUnfilled(WrongSchema):
    """The store holds nothing, not even its secret: what was to fill it did not end."""

    def __init__(self) -> None:
        text = _(
            "the store is empty: a restore or a move into it was broken off, run it again; "
            "`hotline db upgrade` makes a new store of it"
        )
        super().__init__(text)


def unlock(store: Store) -> None:
    """Check that the key opens this store, and make hashes with the key that is stored in it.

    Raises KeyUnusable where the store is encrypted with another key, or its key is missing;
    SecretMissing where it has data and no secret; UpgradeUnfinished; StoreUnfilled.
    """
    secret = _secret(store)
    if secret is None:
        raise StoreUnfilled
    if secret.form != FORM or not secret.anchored:
        raise UpgradeUnfinished
    store.cipher.use_hash_key(secret.key)


def ensure_secret(store: Store) -> int:
    """Unlock a store that is being upgraded; returns the form of what it holds.

    An empty store gets a hash key of its own, and the generated key is saved. Raises as `unlock`.
    """
    secret = _secret(store) or _create_secret(store)
    store.cipher.use_hash_key(secret.key)
    return secret.form


def _secret(store: Store) -> HashSecret | None:
    """Return the secret of a store, None where it is empty. Raises KeyUnusable, SecretMissing."""
    with store.reading() as session:
        # in this order: whoever made the store meanwhile began with its secret
        has_data = _stored_secret(session) is None and _has_data(session)
        secret = _stored_secret(session)
    if secret is None and has_data:
        raise SecretMissing
    return secret


def hash_secret(session: Session) -> HashSecret:
    """Return the secret of a store that was unlocked."""
    secret = _stored_secret(session)
    assert secret is not None, "the store was unlocked"
    return secret


def renew_secret(session: Session, **changes: Any) -> None:
    """Store the secret with these changes."""
    row = secret_row(session, msgspec.structs.replace(hash_secret(session), **changes))
    session.execute(update(SECRET).where(SECRET.c.name == HASH_KEY).values(row))


def _stored_secret(session: Session) -> HashSecret | None:
    row = session.execute(select(SECRET).where(SECRET.c.name == HASH_KEY)).first()
    if row is None:
        return None
    try:
        return msgspec.convert(session.decrypt(SECRET.c.value, row), HashSecret)
    except ForgedValue as error:
        # most likely the key file is another store's
        raise no_key() from error


def secret_row(session: Session, secret: HashSecret) -> dict[str, Any]:
    """Return the row in which the secret is stored."""
    row: dict[str, Any] = {"name": HASH_KEY}
    return row | {"value": session.encrypt(SECRET.c.value, secret, row)}


def _create_secret(store: Store) -> HashSecret:
    store.cipher.save_key()
    with store.writing() as session:
        row = secret_row(session, HashSecret(os.urandom(32), None, FORM))
        session.execute(session.insert(SECRET).values(row).on_conflict_do_nothing())
        stored = _stored_secret(session)
        assert stored is not None, "it has just been inserted"
        return stored


def _has_data(session: Session) -> bool:
    """Return whether any table has a row."""
    return any(
        session.scalar(select(literal(1)).select_from(table).limit(1)) is not None
        for table in SQLModel.metadata.sorted_tables
    )
