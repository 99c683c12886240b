"""Check the row of a ticket and its clocks against its log and its newest head."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from models.i18n import LazyText, lazy
from models.queries.ticket_heads import clock_head
from models.rules.state import EDITION, State, read_state
from models.rules.ticket_columns import level_columns, state_columns
from models.security.anchored_heads import ClockKey, TicketHead
from models.security.encryption import Cipher
from models.security.findings import Harm
from models.security.heads import ticket_row_digest

Wrong = tuple[Harm, LazyText]
"""What is wrong with a row of a ticket."""

_ONCE_COUNTED = ("completed_by", "reworked", "revisit")
"""Columns that earlier releases left to migrations, which took them from the log."""

_CLOCK_FIELDS = ("name", "base", "due", "state", "ended_at")
_DUTY_FIELDS = ("holder", "ordinal", "concerns", "unit", "purpose", "provisional")
"""Fields that clocks of the first edition had otherwise, or not at all."""


def check_ticket_row(cipher: Cipher, row: Row[Any], head: TicketHead) -> Iterator[Wrong]:
    """Yield what is wrong with a ticket's row, given the newest head of its log."""
    if head.number != row.number:
        yield Harm.SWAPPED, lazy("it has the log of {number}", number=head.number)
        return
    digest = ticket_row_digest(cipher, row.id, head.row_seq, row.state, row.policy_id or "")
    if digest != head.row:
        yield Harm.ALTERED, lazy("its state or its policy is not as the log left it")
        return
    state = read_state(row.number, row.state)
    columns = {**state_columns(state), **level_columns(state)}
    for name, value in columns.items():
        if state.edition < EDITION and name in _ONCE_COUNTED:
            continue
        if (stored := getattr(row, name)) != value:
            texts = {"stored": _text(stored), "value": _text(value)}
            yield Harm.ALTERED, lazy("{name} is {stored} instead of {value}", name=name, **texts)


def _text(value: object) -> str:
    return "-" if value is None else str(value)


def check_clocks(
    cipher: Cipher,
    state: State,
    rows: Sequence[Row[Any]],
    past: Mapping[ClockKey, bytes],
    *,
    old: bool,
) -> Iterator[Wrong]:
    """Yield what is wrong with the clocks of a ticket, given its state and those of its past.

    Of an `old` ticket, which an earlier release began, there may be clocks that no state knows.
    """
    known = dict(past)
    current = dict(state.clocks)
    newest = {row.key: row.ordinal for row in rows}
    for row in rows:
        place = ClockKey(row.ticket_id, row.key, row.ordinal)
        if row.ordinal < newest[row.key] or row.key not in current:
            digest = known.pop(place, None)
            if digest is None and not old:
                yield Harm.ADDED, lazy("clock {key} is in no record of changes", key=row.key)
            elif digest is not None and clock_head(cipher, row._asdict()).digest != digest:
                yield Harm.ALTERED, lazy("clock {key} is not as it ended", key=row.key)
            continue
        clock = current.pop(row.key)
        fields = _CLOCK_FIELDS if state.edition < EDITION else (*_CLOCK_FIELDS, *_DUTY_FIELDS)
        if any(getattr(row, field) != getattr(clock, field) for field in fields):
            yield Harm.ALTERED, lazy("clock {key} is not as the log left it", key=row.key)
    for key in (*current, *(place.key for place in known)):
        yield Harm.DELETED, lazy("clock {key} is gone", key=key)
