"""Let lines of logs and outlines of messages be packed, and keep a letter's bands in one row.

What earlier releases wrote of logs stays as it is; SQLite keeps bytes in a column for text. Bands
are made of the letters anew, by workers that have nothing else to do. An event has one recipient,
and what waits for its position is found by the index of positions.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from models.rules.packing import is_packed_json, unpack_json

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ROWS = 1_000
_COLUMNS = (("event", "data", ("ticket_id", "seq")), ("inbox", "outline", ("id",)))


def upgrade() -> None:
    """Let PostgreSQL keep bytes, which writes both tables anew."""
    if op.get_bind().dialect.name == "postgresql":
        for table, column, _key in _COLUMNS:
            to_bytes = f"convert_to({column}, 'UTF8')"
            op.execute(f"ALTER TABLE {table} ALTER {column} TYPE bytea USING {to_bytes}")
    _exchange_bands(sa.Column("hashes", sa.LargeBinary(), nullable=False))
    _exchange_notice_once("ticket_id", "seq", "channel")
    op.drop_index("change_unsettled", "change")


def downgrade() -> None:
    """Write what is packed in clear, and take it back."""
    unsettled = sa.text("position IS NULL")
    op.create_index(
        "change_unsettled",
        "change",
        ["id"],
        sqlite_where=unsettled,
        postgresql_where=unsettled,
    )
    _exchange_notice_once("ticket_id", "seq", "recipient", "channel")
    band = sa.Column("band", sa.Integer(), primary_key=True, nullable=False)
    _exchange_bands(band, sa.Column("hash", _BIG, nullable=True))
    op.create_index("ix_matter_band_hash", "matter_band", ["hash"])
    for table, column, key in _COLUMNS:
        _unpack(table, column, key)
        if op.get_bind().dialect.name == "postgresql":
            to_text = f"convert_from({column}, 'UTF8')"
            op.execute(f"ALTER TABLE {table} ALTER {column} TYPE text USING {to_text}")


def _exchange_notice_once(*columns: str) -> None:
    with op.batch_alter_table("notice") as notice:
        notice.drop_constraint("notice_once", type_="unique")
        notice.create_unique_constraint("notice_once", list(columns))


def _exchange_bands(*columns: sa.Column[Any]) -> None:
    op.drop_table("matter_band")
    ticket = sa.Column("ticket_id", _BIG, primary_key=True, autoincrement=False, nullable=False)
    op.create_table("matter_band", ticket, *columns)


def _unpack(table: str, column: str, key: tuple[str, ...]) -> None:
    bind = op.get_bind()
    is_text = bind.dialect.name == "sqlite"
    rows = bind.execute(sa.text(f"SELECT {', '.join(key)}, {column} FROM {table}")).all()
    where = " AND ".join(f"{name} = :{name}" for name in key)
    statement = sa.text(f"UPDATE {table} SET {column} = :json WHERE {where}")
    changed = []
    for *values, stored in rows:
        if isinstance(stored, bytes) and is_packed_json(stored):
            json = unpack_json(stored)
            changed.append(
                dict(zip(key, values, strict=True)) | {"json": json if is_text else json.encode()}
            )
    for first in range(0, len(changed), _ROWS):
        bind.execute(statement, changed[first : first + _ROWS])
