"""One shift hands over to the next by notes."""

import sqlalchemy as sa
from alembic import op

from models.tables.columns import BigId, Instant

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this shape."""
    op.create_table(
        "shift_note",
        sa.Column("id", BigId, nullable=False),
        sa.Column("at", Instant(timezone=True), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("read_by", sa.String(), nullable=True),
        sa.Column("read_at", Instant(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_shift_note_at", "shift_note", ["at"])


def downgrade() -> None:
    """Bring the store back to the shape before."""
    op.drop_index("ix_shift_note_at", "shift_note")
    op.drop_table("shift_note")
