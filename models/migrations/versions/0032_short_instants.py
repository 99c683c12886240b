"""Keep instants as bytes on SQLite: as texts of 26 characters they were a quarter of its log."""

from collections.abc import Callable
from datetime import UTC, datetime

from alembic import op

from models.tables.instants import from_bytes, to_bytes

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_WITHOUT_ZONE = len("2026-11-23 08:30:00.000000")

_COLUMNS = {
    "access": ("at",),
    "anchor": ("at",),
    "bell": ("due_at", "ring_at"),
    "calendar_day": ("declared_at",),
    "calendar_year": ("declared_at",),
    "channel_state": ("counted_at", "rest_until"),
    "claim": ("at",),
    "clock": ("base", "due", "ended_at"),
    "edition": ("published_at",),
    "event": ("at", "moment"),
    "event_cursor": ("held_until", "sent_at"),
    "former_unit_name": ("until",),
    "inbox": ("at", "arrived_at", "quiet_before"),
    "notice": ("queued_at", "sent_at", "ring_at", "held_until"),
    "policy_version": ("added_at", "withdrawn_at"),
    "process": ("started_at", "seen_at"),
    "routing_model": ("trained_at",),
    "sample": ("at",),
    "saved_view": ("at",),
    "shift_note": ("at", "read_at"),
    "ticket": (
        "level_at",
        "due",
        "next_due",
        "received_at",
        "completed_at",
        "updated_at",
        "quarantined_at",
    ),
    "token": ("issued_at", "expires_at", "revoked_at", "last_used_at"),
    "topic": ("retired_at",),
    "unit": ("retired_at",),
    "user_role": ("given_at",),
}


def upgrade() -> None:
    """Write every instant anew; on PostgreSQL there is nothing to do."""
    _rewrite("text", lambda stored: to_bytes(datetime.fromisoformat(stored).replace(tzinfo=UTC)))


def downgrade() -> None:
    """Take it back."""
    _rewrite(
        "blob", lambda stored: from_bytes(stored).isoformat(" ", "microseconds")[:_WITHOUT_ZONE]
    )


def _rewrite(kind: str, function: Callable[..., str | bytes]) -> None:
    """Apply a function to the values of a kind; what is of another one is done already."""
    bind = op.get_bind()
    if bind.dialect.name != "sqlite":
        return
    driver = bind.connection.driver_connection
    assert driver is not None
    driver.create_function("rewritten", 1, function, deterministic=True)
    for table, columns in _COLUMNS.items():
        sets = ", ".join(
            f"{name} = CASE typeof({name}) WHEN '{kind}' THEN rewritten({name}) ELSE {name} END"
            for name in columns
        )
        op.execute(f"UPDATE {table} SET {sets}")
    driver.create_function("rewritten", 1, None)
