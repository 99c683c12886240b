"""Check the row of a ticket and its clocks against its log and its newest head."""

from collections.abc import Iterator, Mapping, Sequence

from models.i18n import LazyText, lazy
from models.queries.checked_rows import CheckedRow
from models.queries.ticket_heads import clock_head
from models.rules import events as log_events
from models.rules.events import AlertRaised
from models.rules.state import EDITION, State, read_state
from models.rules.ticket_columns import level_columns, state_columns
from models.rules.vocabulary import ClockName, EventName
from models.security.anchored_heads import ClockKey, TicketHead
from models.security.chain import EventLine, LogEnd
from models.security.encryption import Cipher
from models.security.findings import Harm
from models.security.row_hashes import TicketContent, is_own_row, listed_hash, row_hash

Wrong = tuple[Harm, LazyText]
"""A fault of a ticket's row, in words."""

_ONCE_COUNTED = ("completed_by", "reworked", "revisit")
"""Columns that earlier releases left to migrations, which took them from the log."""

_CLOCK_FIELDS = ("name", "base", "due", "state", "ended_at")
_DUTY_FIELDS = ("holder", "ordinal", "concerns", "unit", "purpose", "provisional")
"""Fields that clocks of the first edition had otherwise, or not at all."""


def check_ticket_row(
    cipher: Cipher,
    row: CheckedRow,
    head: TicketHead,
    lines: Sequence[EventLine],
    clocks: Sequence[CheckedRow],
    *,
    old: bool,
) -> Iterator[Wrong]:
    """Yield what is wrong with a ticket's row, given its newest head, its log and its clocks.

    Those of an `old` ticket, which an earlier release began, may lack its first acceptance.
    """
    if head.number != row.number:
        yield Harm.SWAPPED, lazy("it has the log of {number}", number=head.number)
        return
    content = TicketContent(*(getattr(row, name) for name in TicketContent._fields))
    listed = LogEnd(head.row_seq, lines[head.row_seq - 1].hash) if head.row_seq else LogEnd(0, b"")
    fits = listed_hash(row_hash(cipher, content, listed)) == head.row
    if not fits or not is_own_row(cipher, content, LogEnd(row.seq, row.hash), row.row_hash):
        yield Harm.ALTERED, lazy("its row is not as the log left it")
        return
    state = read_state(row.number, row.state)
    columns: dict[str, object] = {**state_columns(state), **level_columns(state)}
    first = [c.holder for c in clocks if c.name == ClockName.ACCEPT and c.ordinal == 1]
    never = not old and ClockName.ACCEPT not in state.clocks
    if state.edition == EDITION and (first or never):
        columns["first_unit"] = first[0] if first else None
    for name, value in columns.items():
        if state.edition < EDITION and name in _ONCE_COUNTED:
            continue
        if (stored := getattr(row, name)) != value:
            texts = {"stored": _text(stored), "value": _text(value)}
            yield Harm.ALTERED, lazy("{name} is {stored} instead of {value}", name=name, **texts)


def check_once(
    lines: Sequence[EventLine], once: Mapping[int, str], *, old: bool
) -> Iterator[Wrong]:
    """Yield the lines that are not marked as what they are: a level, raised once in a run.

    In a mark only the folds are not in the line's data. An `old` ticket may have others.
    """
    for line in lines:
        mark = once.get(line.seq)
        if line.name != EventName.ALERT_RAISED:
            fits = mark is None
        else:
            alert = log_events.decode(line.name, line.data.decode())
            assert isinstance(alert, AlertRaised)
            fits = mark is not None and _marks(mark, alert, old=old)
        if not fits:
            yield Harm.ALTERED, lazy("the mark of line {seq} is not as it was", seq=line.seq)


def _marks(mark: str, alert: AlertRaised, *, old: bool) -> bool:
    parts = mark.split("/")
    if old:
        return parts[0] == alert.clock and parts[-1] == alert.level
    folds = parts[1] if len(parts) > 1 else ""
    return folds.isdecimal() and mark == f"{alert.clock}/{int(folds)}/{alert.run}/{alert.level}"


def _text(value: object) -> str:
    return "-" if value is None else str(value)


def check_clocks(
    cipher: Cipher,
    state: State,
    rows: Sequence[CheckedRow],
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
