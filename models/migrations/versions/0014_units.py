"""Units get an id that outlives their names; those that leave the file are kept."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from models.rules.routing.unit_history import new_unit_id
from models.tables.columns import Instant, JsonText

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this shape."""
    rows = _rows("SELECT * FROM unit")
    op.drop_table("unit")
    added: list[sa.Column[Any]] = [
        sa.Column("retired_at", Instant()),
        sa.Column("successor", sa.String()),
    ]
    table = op.create_table(
        "unit", sa.Column("id", sa.String(), primary_key=True), *_columns(), *added
    )
    _insert(table, [row | {"id": new_unit_id(row["name"], ())} for row in rows])
    present = sa.text("retired_at IS NULL")
    op.create_index(
        "unit_name_once", "unit", ["name"], unique=True,
        sqlite_where=present, postgresql_where=present,
    )  # fmt: skip
    op.create_table(
        "former_unit_name",
        sa.Column("unit_id", sa.String(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("unit_id", "until", "name"),
    )


def downgrade() -> None:
    """Bring the store back to the shape before; units that have left the file are forgotten."""
    rows = _rows("SELECT * FROM unit WHERE retired_at IS NULL")
    op.drop_table("former_unit_name")
    op.drop_table("unit")
    table = op.create_table("unit", *_columns(), sa.PrimaryKeyConstraint("name"))
    gone = ("id", "retired_at", "successor")
    _insert(table, [{k: v for k, v in row.items() if k not in gone} for row in rows])


def _rows(query: str) -> list[dict[str, Any]]:
    return [row._asdict() for row in op.get_bind().execute(sa.text(query))]


def _insert(table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows whose values are as the database keeps them."""
    if rows:
        names = ", ".join(rows[0])
        values = ", ".join(f":{name}" for name in rows[0])
        op.get_bind().execute(
            sa.text(f"INSERT INTO {table.name} ({names}) VALUES ({values})"), rows
        )


def _columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("parent", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("words", JsonText(), nullable=False),
        sa.Column("people", sa.LargeBinary(), nullable=False),
    ]
