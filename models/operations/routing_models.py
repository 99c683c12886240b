"""Add models of past dispatches to the store, and choose the one in use."""

from datetime import datetime

from sqlalchemy import select, update

from models.database import Session
from models.errors import HotlineError
from models.i18n import _
from models.rules.routing.learned import LinearClassifier, Model
from models.security.encryption import Encrypted
from models.tables.core import MODEL


class RoutingModelNotFound(HotlineError):
    """There is no model of this number."""

    def __init__(self, version: int) -> None:
        super().__init__(_("no model {n}; see `hotline routing models`").format(n=version))
        self.version = version


def add_model(session: Session, body: bytes, learned_from: str, now: datetime) -> int:
    """Add a model and use it from now on; returns its number. Raises InvalidModel.

    Tickets that have been routed keep their units.
    """
    model: Model = LinearClassifier.read(body).model
    session.execute(update(MODEL).values(in_use=False))
    row = {
        "in_use": True,
        "trained_at": now,
        "learned_from": learned_from,
        "letters": model.letters,
        "labels": list(model.labels),
        "body": Encrypted(b""),
    }
    insert = session.insert(MODEL).values(row).returning(MODEL.c.version)
    version = int(session.execute(insert).scalar_one())
    # bound to its number, which the database gives
    sealed = session.encrypt(MODEL.c.body, body.decode(), {"version": version})
    session.execute(update(MODEL).where(MODEL.c.version == version).values(body=sealed))
    return version


def use_model(session: Session, version: int | None) -> None:
    """Use the model with this number, or none. Raises ModelNotFound."""
    known = session.scalar(select(MODEL.c.version).where(MODEL.c.version == version))
    if version is not None and known is None:
        raise RoutingModelNotFound(version)
    session.execute(update(MODEL).values(in_use=MODEL.c.version == (version or 0)))
