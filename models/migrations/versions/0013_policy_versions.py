"""Policies have numbers and can be withdrawn; whole years of the calendar can be declared."""

import sqlalchemy as sa
from alembic import op

import models.tables.columns

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_INSTANT = models.tables.columns.Instant(timezone=True)


def upgrade() -> None:
    """Bring the store to this shape."""
    number = sa.Column("number", sa.Integer(), nullable=False, server_default="0")
    op.add_column("policy_version", number)
    op.add_column("policy_version", sa.Column("withdrawn_at", _INSTANT, nullable=True))
    _number_versions()
    op.create_index("ix_policy_version_number", "policy_version", ["number"], unique=True)
    op.create_table(
        "calendar_year",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("declared_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("year"),
    )


def downgrade() -> None:
    """Bring the store back to the shape before."""
    op.drop_table("calendar_year")
    op.drop_index("ix_policy_version_number", table_name="policy_version")
    op.drop_column("policy_version", "withdrawn_at")
    op.drop_column("policy_version", "number")


def _number_versions() -> None:
    """Number the versions that are there in the order in which they were imported."""
    table = sa.table("policy_version", sa.column("id"), sa.column("number"), sa.column("added_at"))
    connection = op.get_bind()
    ids = connection.scalars(sa.select(table.c.id).order_by(table.c.added_at, table.c.id)).all()
    for number, policy in enumerate(ids, 1):
        connection.execute(sa.update(table).where(table.c.id == policy).values(number=number))
