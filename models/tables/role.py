"""The roles of operating-system users."""

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field

from models.tables.columns import Instant
from models.tables.row import TableRow


class UserRoleRow(TableRow, table=True):
    """The role of a user of the operating system; an empty one allows nothing.

    `row_hash` is a keyed hash of the row, so that whoever writes to the database can give nobody a
    role. The row whose role is `owner` names whom a store on a server belongs to while nobody has
    been given a role.
    """

    __tablename__ = "user_role"

    name: str = Field(primary_key=True)
    role: str
    given_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    given_by: str
    row_hash: bytes


class DeniedCount(TableRow, table=True):
    """The number of somebody's acts that were denied and have no line in the access log yet."""

    __tablename__ = "denied_count"

    who: str = Field(primary_key=True)
    count: int
