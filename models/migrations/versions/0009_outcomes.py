"""A completed ticket's row says how its clocks ended: the bulletin counts it from one index."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# a contact that was denied, and that nobody proved, is absent
_ENDED = """
    SELECT CASE WHEN proof.state = 'expired' THEN 'absent' ELSE clock.state END
    FROM clock LEFT JOIN clock AS proof
        ON proof.ticket_id = clock.ticket_id AND proof.key = '{proof}'
    WHERE clock.ticket_id = ticket.id AND clock.key = '{key}'
        AND clock.state IN ('met', 'late', 'expired')
"""
_CLOCKS = {
    "handled": {"key": "handling", "proof": ""},
    "first_contact": {"key": "first_contact", "proof": "proof:first"},
    "closing_contact": {"key": "closing_contact", "proof": "proof:closing"},
}


def upgrade() -> None:
    """Bring the store to this shape."""
    op.drop_index("ticket_completed", table_name="ticket")
    for column in _CLOCKS:
        op.add_column("ticket", sa.Column(column, sa.String(), nullable=True))
    values = ", ".join(f"{name} = ({_ENDED.format(**of)})" for name, of in _CLOCKS.items())
    op.execute(f"UPDATE ticket SET {values} WHERE completed_at IS NOT NULL")
    _index("completed_at", "unit", "rating", *_CLOCKS)


def downgrade() -> None:
    """Bring the store back to the shape before."""
    op.drop_index("ticket_completed", table_name="ticket")
    for column in _CLOCKS:
        op.drop_column("ticket", column)
    _index("completed_at", "unit", "rating", "id")


def _index(*columns: str) -> None:
    which = sa.text("completed_at IS NOT NULL")
    op.create_index(
        "ticket_completed", "ticket", columns, sqlite_where=which, postgresql_where=which
    )
