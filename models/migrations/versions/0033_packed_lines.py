"""Let lines of logs and outlines of messages be packed: they were a third of the store.

What earlier releases wrote stays as it is. SQLite keeps bytes in a column for text.
"""

import sqlalchemy as sa
from alembic import op

from models.rules.packing import is_packed_json, unpack_json

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_ROWS = 1_000
_COLUMNS = (("event", "data", ("ticket_id", "seq")), ("inbox", "outline", ("id",)))


def upgrade() -> None:
    """Let PostgreSQL keep bytes, which writes both tables anew."""
    if op.get_bind().dialect.name == "postgresql":
        for table, column, _key in _COLUMNS:
            to_bytes = f"convert_to({column}, 'UTF8')"
            op.execute(f"ALTER TABLE {table} ALTER {column} TYPE bytea USING {to_bytes}")


def downgrade() -> None:
    """Write what is packed in clear, and take it back."""
    for table, column, key in _COLUMNS:
        _unpack(table, column, key)
        if op.get_bind().dialect.name == "postgresql":
            to_text = f"convert_from({column}, 'UTF8')"
            op.execute(f"ALTER TABLE {table} ALTER {column} TYPE text USING {to_text}")


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
