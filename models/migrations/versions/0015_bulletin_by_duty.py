"""The bulletin counts duties: each by the unit that held it, in the month in which it ended.

What a ticket said about how its clocks ended is in the rows of its duties. Tickets in a second
handling are set apart, as they have more than one completion.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_HELD = """
    (SELECT clock.holder FROM clock WHERE clock.ticket_id = ticket.id AND clock.name = '{name}'
     ORDER BY clock.ordinal {order} LIMIT 1)
"""
_REWORKED = """
    EXISTS (SELECT 1 FROM event WHERE event.ticket_id = ticket.id AND event.name = 'rework.opened')
"""
# a contact that was denied, and that nobody proved, is absent
_ENDED = """
    SELECT CASE WHEN proof.state = 'expired' THEN 'absent' ELSE clock.state END
    FROM clock LEFT JOIN clock AS proof
        ON proof.ticket_id = clock.ticket_id AND proof.key = '{proof}'
        AND proof.ordinal = (SELECT max(ordinal) FROM clock AS later
            WHERE later.ticket_id = proof.ticket_id AND later.key = proof.key)
    WHERE clock.ticket_id = ticket.id AND clock.key = '{key}'
        AND clock.state IN ('met', 'late', 'expired')
    ORDER BY clock.ordinal DESC LIMIT 1
"""
_CLOCKS = {
    "handled": {"key": "handling", "proof": ""},
    "first_contacted": {"key": "first_contact", "proof": "proof:first"},
    "closing_contacted": {"key": "closing_contact", "proof": "proof:closing"},
}
_COMPLETED = "completed_at IS NOT NULL"
_COMPLETED_ONCE = "completed_at IS NOT NULL AND NOT reworked"
_ENDED_DUTY = "ended_at IS NOT NULL"


def upgrade() -> None:
    """Bring the store to this shape."""
    for index in ("ticket_completed", "ticket_received"):
        op.drop_index(index, table_name="ticket")
    op.drop_index("clock_ended", table_name="clock")
    for column in _CLOCKS:
        op.drop_column("ticket", column)
    op.add_column("ticket", sa.Column("first_unit", sa.String(), nullable=True))
    op.add_column("ticket", sa.Column("completed_by", sa.String(), nullable=True))
    op.add_column(
        "ticket", sa.Column("reworked", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    first = _HELD.format(name="accept", order="ASC")
    op.execute(f"UPDATE ticket SET first_unit = coalesce({first}, unit), reworked = {_REWORKED}")
    last = _HELD.format(name="handling", order="DESC")
    op.execute(f"UPDATE ticket SET completed_by = coalesce({last}, unit) WHERE {_COMPLETED}")
    op.create_index("ticket_received", "ticket", ["received_at", "first_unit"])
    columns = ["completed_at", "completed_by", "rating"]
    _partial("ticket_completed", "ticket", columns, _COMPLETED_ONCE)
    _partial("ticket_reworked", "ticket", ["completed_at"], "reworked")
    _partial("clock_ended", "clock", ["ended_at", "name", "holder", "state"], _ENDED_DUTY)


def downgrade() -> None:
    """Bring the store back to the shape before."""
    op.drop_index("clock_ended", table_name="clock")
    for index in ("ticket_reworked", "ticket_completed", "ticket_received"):
        op.drop_index(index, table_name="ticket")
    for column in ("reworked", "completed_by", "first_unit"):
        op.drop_column("ticket", column)
    for column in _CLOCKS:
        op.add_column("ticket", sa.Column(column, sa.String(), nullable=True))
    values = ", ".join(f"{name} = ({_ENDED.format(**of)})" for name, of in _CLOCKS.items())
    op.execute(f"UPDATE ticket SET {values} WHERE {_COMPLETED}")
    op.create_index("ticket_received", "ticket", ["received_at", "unit"])
    _partial("ticket_completed", "ticket", ["completed_at", "unit", "rating", *_CLOCKS], _COMPLETED)
    _partial("clock_ended", "clock", ["ended_at"], _ENDED_DUTY)


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    which = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=which, postgresql_where=which)
