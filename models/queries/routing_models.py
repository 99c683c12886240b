"""The models of past dispatches in the store, and the one in use."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from models.database import Session, columns_to_decrypt
from models.tables.core import MODEL

if TYPE_CHECKING:
    from models.rules.routing.learned import LinearClassifier


@dataclass(frozen=True, slots=True)
class RoutingModelInfo:
    """A model in the store, by its number."""

    version: int
    in_use: bool
    trained_at: datetime
    learned_from: str
    letters: int
    labels: tuple[str, ...]


MODEL_IN_USE = select(func.coalesce(func.max(MODEL.c.version), 0)).where(MODEL.c.in_use)
"""The number of the model in use, 0 where there is none."""


def load_model(session: Session) -> "LinearClassifier | None":
    """Load the model in use. Raises InvalidModel where it is damaged."""
    row = session.execute(
        select(*columns_to_decrypt(MODEL.c.body))
        .where(MODEL.c.in_use)
        .order_by(MODEL.c.version.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    # numpy takes a tenth of a second: only where there is a model
    from models.rules.routing.learned import LinearClassifier  # noqa: PLC0415

    return LinearClassifier.read(session.decrypt(MODEL.c.body, row).encode())


def models(session: Session) -> list[RoutingModelInfo]:
    """Return all models, the newest first."""
    columns = [c for c in MODEL.c if c.name != "body"]
    rows = session.execute(select(*columns).order_by(MODEL.c.version.desc()))
    return [
        RoutingModelInfo(
            r.version, r.in_use, r.trained_at, r.learned_from, r.letters, tuple(r.labels)
        )
        for r in rows
    ]
