"""Changes are listed in the order of commit, and anchored."""

import sqlalchemy as sa
from alembic import op

from models.tables.columns import Instant

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_UNSETTLED = sa.text("position IS NULL")


def upgrade() -> None:
    """Bring the store to this shape."""
    op.create_table(
        "change",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("heads", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("change_position", "change", ["position"], unique=True)
    op.create_index(
        "change_unsettled",
        "change",
        ["id"],
        sqlite_where=_UNSETTLED,
        postgresql_where=_UNSETTLED,
    )
    op.create_table(
        "anchor",
        sa.Column("number", _BIG_ID, autoincrement=False, nullable=False),
        sa.Column("at", Instant(timezone=True), nullable=False),
        sa.Column("through", sa.BigInteger(), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )


def downgrade() -> None:
    """Bring the store back to the shape before."""
    op.drop_table("anchor")
    op.drop_table("change")
