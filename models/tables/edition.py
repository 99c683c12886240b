"""Bulletins as they were published."""

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field

from models.json_types import Json
from models.security.encryption import Binding, Encrypted
from models.tables.columns import BigId, EncryptedColumn, Instant, JsonText
from models.tables.row import TableRow


class Edition(TableRow, table=True):
    """A published bulletin (decision 31): it stays as printed, and is never changed.

    `id` counts the editions in the order of publication. `figures` are the counts by unit, and
    `corrections` what changed in earlier editions; `content` is everything that is printed, with
    the tickets behind the figures.
    """

    __tablename__ = "edition"

    id: int = Field(sa_column=Column(BigId, primary_key=True, autoincrement=False))
    month: str = Field(unique=True)
    published_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    who: str
    figures: Json = Field(sa_column=Column(JsonText, nullable=False))
    corrections: Json = Field(sa_column=Column(JsonText, nullable=False))
    content: Encrypted = Field(
        sa_column=Column(
            EncryptedColumn(Binding("edition.content", ("id", "month"))), nullable=False
        )
    )
