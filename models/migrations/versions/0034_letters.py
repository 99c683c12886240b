"""Keep a letter of every event's name and message's type, which millions of rows have."""

from alembic import op

from models.tables.letters import EVENT_LETTERS, MESSAGE_LETTERS, Letters

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_COLUMNS = (("event", "name", EVENT_LETTERS), ("inbox", "type", MESSAGE_LETTERS))

_INDEXES = (
    ("event_looked_at", "name, at", ("ticket.received", "ticket.completed", "contact.unreachable")),
    ("event_raised", "at, moment", ("alert.raised",)),
    ("event_card", "at", ("alert.raised",)),
    ("event_reported", "moment", (
        "ticket.returned", "rework.opened", "extension.granted",
        "conduct.recorded", "conduct.proposed",
    )),
    ("event_screened", "ticket_id, seq", ("screening.proposed", "screening.decided")),
    ("event_withdrawn", "ticket_id, seq", ("alert.withdrawn", "decision.withdrawn")),
)  # fmt: skip


def upgrade() -> None:
    """Write both tables anew."""
    _rewrite(EVENT_LETTERS.by_code, to_letters=True)
    if op.get_bind().dialect.name == "postgresql":
        # it has forgotten what it knew of the columns that were written anew
        op.execute("ANALYZE event, inbox")


def downgrade() -> None:
    """Take it back."""
    _rewrite({}, to_letters=False)


def _rewrite(letters: dict[str, str], *, to_letters: bool) -> None:
    for name, *_index in _INDEXES:
        op.drop_index(name, "event")
    for table, column, codes in _COLUMNS:
        new = _converted(column, codes, to_letters=to_letters)
        if op.get_bind().dialect.name == "postgresql":
            # one pass that leaves no dead rows
            op.execute(f"ALTER TABLE {table} ALTER {column} TYPE varchar USING {new}")
        else:
            op.execute(f"UPDATE {table} SET {column} = {new}")
    for name, columns, names in _INDEXES:
        stored = [letters.get(code, code) for code in names]
        op.execute(f"CREATE INDEX {name} ON event ({columns}) WHERE {_condition(name, stored)}")


def _condition(index: str, names: list[str]) -> str:
    quoted = [f"'{name}'" for name in names]
    condition = f"name = {quoted[0]}" if len(names) == 1 else f"name IN ({', '.join(quoted)})"
    cards = " AND (once LIKE '%/yellow' OR once LIKE '%/red')"
    return condition + (cards if index == "event_card" else "")


def _converted(column: str, codes: Letters, *, to_letters: bool) -> str:
    pairs = codes.by_code.items()
    if to_letters:
        whens = " ".join(f"WHEN '{code}' THEN '{letter}'" for code, letter in pairs)
        return f"CASE {column} {whens} ELSE '=' || {column} END"
    whens = " ".join(f"WHEN '{letter}' THEN '{code}'" for code, letter in pairs)
    return f"CASE {column} {whens} ELSE substr({column}, 2) END"
