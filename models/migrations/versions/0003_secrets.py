"""Secrets of the store, traces by which sealed data is found, and who saw it in clear."""

import sqlalchemy as sa
from alembic import op

import models.tables.columns

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring the store to this shape."""
    op.create_table(
        "secret",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "trace",
        sa.Column("ticket_id", _ID, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"]),
        sa.PrimaryKeyConstraint("ticket_id", "kind", "hash"),
        sqlite_with_rowid=False,
    )
    op.create_index("trace_hash", "trace", ["hash"])
    op.create_table(
        "access",
        sa.Column("id", _ID, nullable=False, autoincrement=False),
        sa.Column("at", models.tables.columns.Instant(timezone=True), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("ticket", sa.String(), nullable=True),
        sa.Column("fields", models.tables.columns.JsonText(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("access_ticket", "access", ["ticket"])


def downgrade() -> None:
    """Take it back."""
    op.drop_table("access")
    op.drop_table("trace")
    op.drop_table("secret")
