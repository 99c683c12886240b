"""What past letters taught, one row a model."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column
from sqlmodel import Field

from models.sealing import Sealed
from models.tables.columns import Instant, JsonText, SealedColumn
from models.tables.row import Row


class RoutingModel(Row, table=True):
    """A model of past dispatches; `version` counts up, the newest of those in use judges letters.

    `body` is sealed: its pieces of words come from citizens' letters.
    """

    __tablename__ = "routing_model"

    version: int | None = Field(default=None, primary_key=True)
    in_use: bool
    trained_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    learned_from: str
    letters: int
    labels: Any = Field(sa_column=Column(JsonText, nullable=False))
    body: Sealed = Field(sa_column=Column(SealedColumn, nullable=False))
