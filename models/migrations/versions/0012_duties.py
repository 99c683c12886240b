"""Every clock names its holder and is kept when another one of its kind begins.

Old tickets have the latest clock of each kind. What runs is owed by the unit that has the ticket
now; what has ended, by the unit that had it then, as the log says.
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from models.tables.columns import Instant

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_RUNNING = "state = 'running'"
_ENDED = "ended_at IS NOT NULL"
_HOLDER = """
    UPDATE clock SET holder = CASE
        WHEN name = 'survey' THEN 'city_hotline'
        WHEN unit IS NOT NULL THEN unit
        ELSE coalesce((SELECT ticket.unit FROM ticket WHERE ticket.id = clock.ticket_id), '')
    END
"""


_COLUMNS = ("ticket_id", "key", "name", "unit", "purpose", "base", "due", "provisional", "state")
_COPIED = ", ".join((*_COLUMNS, "ended_at", "calendar"))


def upgrade() -> None:
    """Bring the store to this shape."""
    op.drop_index("clock_running", table_name="clock")
    if op.get_context().dialect.name == "postgresql":
        for column, default in zip(_added_columns(), ("1", "", "0"), strict=True):
            column.server_default = sa.DefaultClause(default)
            op.add_column("clock", column)
            op.alter_column("clock", column.name, server_default=None)
        op.drop_constraint("clock_pkey", "clock", type_="primary")
        op.create_primary_key("clock_pkey", "clock", ["ticket_id", "key", "ordinal"])
    else:
        op.rename_table("clock", "clock_before")
        _create_table()
        op.execute(
            f"INSERT INTO clock ({_COPIED}, ordinal, holder, concerns) "
            f"SELECT {_COPIED}, 1, '', 0 FROM clock_before"
        )
        op.drop_table("clock_before")
    op.execute(_HOLDER)
    _name_former_holders()
    _date_early_contacts()
    _index("clock_running", ["name", "due"], _RUNNING)
    _index("clock_ended", ["ended_at"], _ENDED)
    op.add_column("inbox", sa.Column("quiet_before", Instant(timezone=True), nullable=True))


def downgrade() -> None:
    """Bring the store back to the shape before; only the latest clock of each kind is kept."""
    op.drop_column("inbox", "quiet_before")
    for index in ("clock_ended", "clock_running"):
        op.drop_index(index, table_name="clock")
    op.execute(
        "DELETE FROM clock WHERE ordinal < (SELECT max(later.ordinal) FROM clock AS later "
        "WHERE later.ticket_id = clock.ticket_id AND later.key = clock.key)"
    )
    if op.get_context().dialect.name == "postgresql":
        op.drop_constraint("clock_pkey", "clock", type_="primary")
        for column in ("concerns", "holder", "ordinal"):
            op.drop_column("clock", column)
        op.create_primary_key("clock_pkey", "clock", ["ticket_id", "key"])
    else:
        op.rename_table("clock", "clock_after")
        _create_table(duties=False)
        op.execute(f"INSERT INTO clock ({_COPIED}) SELECT {_COPIED} FROM clock_after")
        op.drop_table("clock_after")
    _index("clock_running", ["name", "due"], _RUNNING)


_IN_CHARGE = "'ticket.dispatched', 'dispute.decided', 'rework.opened'"
_CHANGES_OF_UNIT = f"""
    SELECT ticket_id, moment, data FROM event
    WHERE name IN ({_IN_CHARGE}) AND ticket_id IN (
        SELECT ticket_id FROM event WHERE name IN ({_IN_CHARGE})
        GROUP BY ticket_id HAVING count(*) > 1
    )
    ORDER BY ticket_id, seq
"""
_ENDED_CLOCKS = """
    SELECT key, ended_at FROM clock
    WHERE ticket_id = :ticket AND ended_at IS NOT NULL AND unit IS NULL AND name <> 'survey'
"""


def _name_former_holders() -> None:
    """Put what has ended down to the unit that had the ticket when it ended."""
    connection = op.get_bind()
    changes: dict[int, list[tuple[Any, str]]] = {}
    for row in connection.execute(sa.text(_CHANGES_OF_UNIT)).all():
        data = json.loads(row.data) if isinstance(row.data, str) else row.data
        if data.get("unit"):
            changes.setdefault(row.ticket_id, []).append((row.moment, data["unit"]))
    update = sa.text("UPDATE clock SET holder = :unit WHERE ticket_id = :ticket AND key = :key")
    for ticket, units in changes.items():
        written = sa.text("SELECT state FROM ticket WHERE id = :ticket")
        state = json.loads(connection.execute(written, {"ticket": ticket}).scalar() or "{}")
        clocks = connection.execute(sa.text(_ENDED_CLOCKS), {"ticket": ticket}).all()
        for clock in clocks:
            before = [unit for moment, unit in units if moment < clock.ended_at]
            unit = before[-1] if before else units[0][1]
            connection.execute(update, {"unit": unit, "ticket": ticket, "key": clock.key})
            if clock.key in state.get("clocks", {}):
                state["clocks"][clock.key]["holder"] = unit
        _write_state(connection, ticket, state)


def _date_early_contacts() -> None:
    """Date a contact that was made before the acceptance by the receipt, as it was not kept."""
    connection = op.get_bind()
    early = '"reached_early":true'
    rows = connection.execute(
        sa.text("SELECT id, state FROM ticket WHERE state LIKE :early"), {"early": f"%{early}%"}
    )
    for row in rows.all():
        state = json.loads(row.state)
        del state["reached_early"]
        unit = state.get("unit")
        if unit in state.get("receipts", {}):
            state["reached"] = {unit: state["receipts"][unit]}
        _write_state(connection, row.id, state)


def _write_state(connection: sa.Connection, ticket: int, state: dict[str, Any]) -> None:
    if state:
        written = json.dumps(state, ensure_ascii=False, separators=(",", ":"))
        change = sa.text("UPDATE ticket SET state = :state WHERE id = :id")
        connection.execute(change, {"state": written, "id": ticket})


def _added_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("concerns", sa.Integer(), nullable=False),
    ]


def _create_table(*, duties: bool = True) -> None:
    """Create the table on SQLite, which cannot change a primary key."""
    op.create_table(
        "clock",
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        *(_added_columns() if duties else ()),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=True),
        sa.Column("purpose", sa.String(), nullable=True),
        sa.Column("base", Instant(timezone=True), nullable=False),
        sa.Column("due", Instant(timezone=True), nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("ended_at", Instant(timezone=True), nullable=True),
        sa.Column("calendar", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"]),
        sa.PrimaryKeyConstraint("ticket_id", "key", *(("ordinal",) if duties else ())),
    )


def _index(name: str, columns: list[str], where: str) -> None:
    which = sa.text(where)
    op.create_index(name, "clock", columns, sqlite_where=which, postgresql_where=which)
