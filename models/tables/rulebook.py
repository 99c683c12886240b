"""Units, topics, policies and declared days, by which decisions are made."""

from datetime import date, datetime

from sqlalchemy import Column
from sqlmodel import Field

from models.json_types import Json
from models.security.encryption import Binding, Encrypted
from models.tables.columns import EncryptedColumn, Instant, JsonText
from models.tables.partial_index import partial_index
from models.tables.row import TableRow


class UnitRow(TableRow, table=True):
    """A unit (承办单位), or one that has left the units file; `people` are names and phone numbers.

    `id` stays the same when the unit is renamed. A unit that was merged names its `successor`'s id.
    `version` counts the changes, so that workers see that there is a newer one.
    """

    __tablename__ = "unit"
    __table_args__ = (
        partial_index(
            "unit_name_once",
            "name",
            unique=True,
            where="retired_at IS NULL",
        ),
    )

    id: str = Field(primary_key=True)
    name: str
    kind: str
    parent: str = ""
    position: int
    version: int
    words: Json = Field(sa_column=Column(JsonText, nullable=False))
    people: Encrypted = Field(
        sa_column=Column(EncryptedColumn(Binding("unit.people", ("id",))), nullable=False)
    )
    retired_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    successor: str | None = None


class FormerUnitName(TableRow, table=True):
    """A name that a unit had until a moment; whoever still uses it means that unit."""

    __tablename__ = "former_unit_name"

    unit_id: str = Field(primary_key=True)
    until: datetime = Field(sa_column=Column(Instant, primary_key=True))
    name: str = Field(primary_key=True)


class Territory(TableRow, table=True):
    """A word by which a place is known to lie in the district."""

    __tablename__ = "territory"

    word: str = Field(primary_key=True)


class TopicRow(TableRow, table=True):
    """A topic of the classification of requests, or one that has left it.

    `names` are its aliases and former labels; `version` counts the changes of the classification.
    """

    __tablename__ = "topic"

    code: str = Field(primary_key=True)
    label: str
    parent: str = ""
    position: int
    version: int
    names: Json = Field(sa_column=Column(JsonText, nullable=False))
    retired_at: datetime | None = Field(default=None, sa_column=Column(Instant))


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
