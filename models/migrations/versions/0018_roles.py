"""Roles lie in the store, and the access log has reasons and what was denied."""

import sqlalchemy as sa
from alembic import op

from models.tables.columns import Instant

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_ALARM = "outcome IN ('beyond', 'stopped')"


def upgrade() -> None:
    """Bring the store to this shape."""
    op.create_table(
        "user_role",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("given_at", Instant(timezone=True), nullable=False),
        sa.Column("given_by", sa.String(), nullable=False),
        sa.Column("row_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "denied_count",
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("who"),
    )
    for column in (
        sa.Column("outcome", sa.String(), nullable=False, server_default="done"),
        sa.Column("amount", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
    ):
        op.add_column("access", column)
    op.create_index("access_who", "access", ["who", "at"])
    op.create_index(
        "access_alarm",
        "access",
        ["at"],
        sqlite_where=sa.text(_ALARM),
        postgresql_where=sa.text(_ALARM),
    )


def downgrade() -> None:
    """Bring the store back to the shape before."""
    op.drop_index("access_alarm", "access")
    op.drop_index("access_who", "access")
    for column in ("reason", "amount", "outcome"):
        op.drop_column("access", column)
    op.drop_table("denied_count")
    op.drop_table("user_role")
