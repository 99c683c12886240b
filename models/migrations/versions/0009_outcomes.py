"""A completed ticket's row says how its clocks ended, and a month's levels are found by index.

The bulletin counts months of a large store by both.
"""

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
_OTHERS = "'ticket.received', 'ticket.completed', 'contact.unreachable'"
_CLOCKS = {
    "handled": {"key": "handling", "proof": ""},
    "first_contacted": {"key": "first_contact", "proof": "proof:first"},
    "closing_contacted": {"key": "closing_contact", "proof": "proof:closing"},
}


def upgrade() -> None:
    """Bring the store to this shape."""
    op.drop_index("ticket_completed", table_name="ticket")
    for column in _CLOCKS:
        op.add_column("ticket", sa.Column(column, sa.String(), nullable=True))
    values = ", ".join(f"{name} = ({_ENDED.format(**of)})" for name, of in _CLOCKS.items())
    op.execute(f"UPDATE ticket SET {values} WHERE completed_at IS NOT NULL")
    _index("completed_at", "unit", "rating", *_CLOCKS)
    op.drop_index("event_looked_at", table_name="event")
    _partial("event_looked_at", "event", ["name", "at"], f"name IN ({_OTHERS})")
    _partial("event_raised", "event", ["at", "moment"], "name = 'alert.raised'")


def downgrade() -> None:
    """Bring the store back to the shape before."""
    for name in ("event_raised", "event_looked_at"):
        op.drop_index(name, table_name="event")
    every = "'ticket.received', 'ticket.completed', 'alert.raised', 'contact.unreachable'"
    _partial("event_looked_at", "event", ["name", "at"], f"name IN ({every})")
    op.drop_index("ticket_completed", table_name="ticket")
    for column in _CLOCKS:
        op.drop_column("ticket", column)
    _index("completed_at", "unit", "rating", "id")


def _index(*columns: str) -> None:
    _partial("ticket_completed", "ticket", [*columns], "completed_at IS NOT NULL")


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    which = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=which, postgresql_where=which)
