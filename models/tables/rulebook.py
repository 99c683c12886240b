"""Units, policies and declared days, by which decisions are made."""

from datetime import date, datetime

from sqlalchemy import Column
from sqlmodel import Field

from models.json_types import Json
from models.security.encryption import Encrypted
from models.tables.columns import EncryptedColumn, Instant, JsonText
from models.tables.row import TableRow


class UnitRow(TableRow, table=True):
    """A unit (承办单位) of the last imported units file; `people` are names and phone numbers.

    `version` counts the imports, so that workers see that there is a newer file.
    """

    __tablename__ = "unit"

    name: str = Field(primary_key=True)
    kind: str
    parent: str = ""
    position: int
    version: int
    words: Json = Field(sa_column=Column(JsonText, nullable=False))
    people: Encrypted = Field(sa_column=Column(EncryptedColumn, nullable=False))


class Territory(TableRow, table=True):
    """A word by which a place is known to lie in the district."""

    __tablename__ = "territory"

    word: str = Field(primary_key=True)


class PolicyVersion(TableRow, table=True):
    """A policy file as it was imported; `number` counts the imports, `id` is what tickets refer to.

    A version that was withdrawn is kept, and no ticket is begun under it any more.
    """

    __tablename__ = "policy_version"

    id: str = Field(primary_key=True)
    number: int = Field(index=True, unique=True)
    valid_from: date
    body: str
    added_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    withdrawn_at: datetime | None = Field(default=None, sa_column=Column(Instant))


class CalendarDay(TableRow, table=True):
    """A day that an operator declared working or off, with the document; `version` counts up."""

    __tablename__ = "calendar_day"

    day: date = Field(primary_key=True)
    working: bool
    document: str
    version: int
    declared_at: datetime = Field(sa_column=Column(Instant, nullable=False))


class CalendarYear(TableRow, table=True):
    """A year whose whole arrangement an operator declared: what no day says follows the law.

    `version` counts up with each change.
    """

    __tablename__ = "calendar_year"

    year: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    document: str
    version: int
    declared_at: datetime = Field(sa_column=Column(Instant, nullable=False))
