"""Tickets have a topic, of a classification that lies in the store."""

import sqlalchemy as sa
from alembic import op

from models.tables.columns import Instant, JsonText

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_HAS_TOPIC = sa.text("topic IS NOT NULL")


def upgrade() -> None:
    """Bring the store to this shape; the first classification gives older tickets their topics."""
    op.create_table(
        "topic",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("parent", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("names", JsonText(), nullable=False),
        sa.Column("retired_at", Instant(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("code"),
    )
    op.add_column("ticket", sa.Column("topic", sa.String(), nullable=True))
    op.create_index(
        "ticket_topic",
        "ticket",
        ["topic", "received_at"],
        sqlite_where=_HAS_TOPIC,
        postgresql_where=_HAS_TOPIC,
    )


def downgrade() -> None:
    """Bring the store back to the shape before."""
    op.drop_index("ticket_topic", "ticket")
    op.drop_column("ticket", "topic")
    op.drop_table("topic")
