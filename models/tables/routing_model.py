"""Models of past dispatches, one row each."""

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field

from models.json_types import Json
from models.security.encryption import Binding, Encrypted
from models.tables.columns import EncryptedColumn, Instant, JsonText
from models.tables.row import TableRow


class RoutingModel(TableRow, table=True):
    """A model of past dispatches; `version` counts up, the newest of those in use is applied.

    `body` is encrypted: its pieces of words come from citizens' letters.
    """

    __tablename__ = "routing_model"

    version: int | None = Field(default=None, primary_key=True)
    in_use: bool
    trained_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    learned_from: str
    letters: int
    labels: Json = Field(sa_column=Column(JsonText, nullable=False))
    body: Encrypted = Field(
        sa_column=Column(
            EncryptedColumn(Binding("routing_model.body", ("version",))), nullable=False
        )
    )
