"""The tokens that people and machines identify themselves with."""

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field

from models.json_types import Json
from models.tables.columns import Instant, JsonText
from models.tables.row import TableRow


class TokenRow(TableRow, table=True):
    """A token by its holder's name; `digest` is its SHA-256, the token itself is nowhere.

    `row_hash` is a keyed hash of the row, so that whoever writes to the database can neither add a
    token nor give one another role. A revoked one stays, so that its name is not carried over
    again.
    """

    __tablename__ = "token"

    name: str = Field(primary_key=True)
    digest: bytes = Field(unique=True)
    role: str
    speaks: Json = Field(sa_column=Column(JsonText, nullable=False))
    unit: str | None = None
    issued_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    expires_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    last_used_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    row_hash: bytes
