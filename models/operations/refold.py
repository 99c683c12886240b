"""Fold all messages of a ticket again, after a late message or a change of the calendar."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import select

from models.database import Session
from models.errors import HotlineError
from models.i18n import LazyText, _
from models.membership import is_in
from models.operations.ticket_change import LogAppend
from models.operations.ticket_work import MessageOutcome, TicketWork
from models.queries.inbox_rows import INBOX_COLUMNS, ForgedMessage, InboxRow, has_own_outline
from models.queries.own_log import own_log
from models.queries.stored_messages import read_inbox_row, read_texts
from models.rulebook import Rulebook
from models.rules import events as log_events
from models.rules.events import MessageRefused, says_texts
from models.rules.lifecycle import refold as rules
from models.rules.lifecycle.difference import LoggedEvent
from models.rules.lifecycle.moments import next_moment
from models.rules.lifecycle.refold import Refolded
from models.rules.messages import Message, RawMessage, TicketReceived
from models.rules.particulars import read_particulars
from models.rules.vocabulary import MessageType
from models.security.chain import LogEnd
from models.tables.core import INBOX
from models.tables.inbox import APPLIED, REFUSED, WAITING


class MessagesGone(HotlineError):
    """Messages that a ticket was made of are gone, or marked as no part of it."""

    def __init__(self, number: str, ids: Sequence[int]) -> None:
        text = _("messages {ids} of ticket {ticket} are gone from the database; restore a backup")
        super().__init__(text.format(ids=", ".join(map(str, ids)), ticket=number))


class ForgedLog(HotlineError):
    """The log of a ticket, with which a new fold is compared, is not as the service wrote it."""

    def __init__(self, number: str) -> None:
        text = _(
            "the log of ticket {ticket} is not as the service wrote it: {verify} names the line; "
            "restore a backup"
        )
        super().__init__(text.format(ticket=number, verify=f"`hotline log {number} --verify`"))


class StoredLife:
    """All messages that one ticket was made of, as the store has them, and its log.

    Raises ForgedMessage.
    """

    def __init__(self, session: Session, ticket_id: int, number: str, rulebook: Rulebook) -> None:
        self.number = number
        rows = session.execute(
            select(*INBOX_COLUMNS)
            .where(INBOX.c.ticket == number, INBOX.c.current, INBOX.c.state != WAITING)
            .order_by(INBOX.c.at, INBOX.c.id)
        )
        self.rows = [row for row in map(InboxRow._make, rows) if not _is_no_part(session, row)]
        self.messages = {
            row.id: read_inbox_row(session, row, rulebook.directory) for row in self.rows
        }
        self.applied = {row.id for row in self.rows if row.state == APPLIED}
        self._session = session
        self._ticket_id = ticket_id

    def texts(self, arrivals: Collection[int]) -> dict[int, RawMessage]:
        """Return these messages as they came, by their arrival."""
        rows = (row for row in self.rows if row.id in arrivals)
        return {row.id: read_texts(self._session, row) for row in rows}

    def log(self, end: LogEnd) -> list[LoggedEvent]:
        """Read the ticket's log, which ends so. Raises ForgedLog, and MessagesGone."""
        lines = own_log(self._session, self._ticket_id, self.number, end)
        if lines is None:
            raise ForgedLog(self.number)
        logged = [
            LoggedEvent(line.seq, log_events.decode(line.name, line.data), line.moment, line.cause)
            for line in lines
        ]
        self._require_all(logged)
        return logged

    def _require_all(self, logged: Sequence[LoggedEvent]) -> None:
        """Raise MessagesGone where a message that the log tells of would be left out."""
        causes = {e.cause for e in logged if not isinstance(e.data, MessageRefused)} - {None}
        missing = causes - self.messages.keys()
        if not missing:
            return
        # one that a later telling refused may have been replaced by its source since
        rows = self._session.execute(select(*INBOX_COLUMNS).where(is_in(INBOX.c.id, missing)))
        gone = missing - {row.id for row in map(InboxRow._make, rows) if self._is_refused(row)}
        if gone:
            raise MessagesGone(self.number, sorted(filter(None, gone)))

    def _is_refused(self, row: InboxRow) -> bool:
        is_own = row.outline and has_own_outline(self._session.cipher, row, row.outline)
        return bool(is_own) and row.state == REFUSED


def _is_no_part(session: Session, row: InboxRow) -> bool:
    """Return whether a message was refused as no part of its ticket. Raises ForgedMessage."""
    if not row.conflicting:
        return False
    if row.outline is not None and not has_own_outline(session.cipher, row, row.outline):
        raise ForgedMessage(row)
    return True


def refold_late(
    session: Session,
    work: TicketWork,
    waiting: Mapping[int, Message],
    rulebook: Rulebook,
    now: datetime,
) -> tuple[LogAppend, list[MessageOutcome]]:
    """Fold all messages of a ticket with the late ones among them, and append the difference."""
    stored = StoredLife(session, work.row.id, work.row.number, rulebook)
    context = rulebook.context_for(work.row.policy_id)
    late = {row.id: waiting[row.id] for row in work.waiting}
    refolded = rules.refold_late(
        work.state, stored.log(work.row.end), stored.messages, stored.applied, late, context, now
    )
    outcomes = [
        MessageOutcome(row, refolded.conflicting[row.id], late[row.id], conflicting=True)
        for row in work.waiting
        if row.id in refolded.conflicting
    ]
    outcomes += [
        MessageOutcome(row, refolded.refused.get(row.id), refolded.messages[row.id])
        for row in work.waiting
        if row.id in refolded.messages
    ]
    # those that were refused before and no longer are, or the other way round
    outcomes += [
        MessageOutcome(row, refolded.refused.get(row.id), refolded.messages[row.id])
        for row in stored.rows
        if (row.state == REFUSED) != (row.id in refolded.refused)
    ]
    return _log_append(work, stored, refolded, waiting), outcomes


def refold_changed(
    session: Session,
    work: TicketWork,
    rulebook: Rulebook,
    former: Rulebook,
    now: datetime,
    why: LazyText,
    former_days: Mapping[date, bool],
) -> LogAppend | None:
    """Fold the same messages under a rulebook that has changed, and append the difference.

    `former` is the rulebook before, `former_days` say of the changed days whether they were
    working. None where something that people did would no longer be possible: that ticket stays as
    it is.
    """
    stored = StoredLife(session, work.row.id, work.row.number, rulebook)
    context = rulebook.context_for(work.row.policy_id)
    refolded = rules.refold_changed(
        work.state,
        stored.log(work.row.end),
        stored.messages,
        stored.applied,
        context,
        former.context_for(work.row.policy_id),
        now,
        why,
        former_days,
    )
    return None if refolded is None else _log_append(work, stored, refolded, {})


def _log_append(
    work: TicketWork, stored: StoredLife, refolded: Refolded, waiting: Mapping[int, Message]
) -> LogAppend:
    row, state = work.row, refolded.state
    ordered = sorted(refolded.messages.values(), key=lambda m: (m.at, m.arrival))
    amendments = [
        message.arrival
        for message in ordered
        if message.type == MessageType.TICKET_AMENDED and message.arrival not in refolded.refused
    ]
    first = next((m.arrival for m in ordered if isinstance(m.content, TicketReceived)), None)
    needed = {e.cause for e in refolded.appended if e.cause is not None and says_texts(e.data)}
    if amendments and first is not None:
        needed |= {first, *amendments}
    texts = stored.texts(needed - waiting.keys()) | {n: m.raw for n, m in waiting.items()}
    particulars = None
    if amendments and first is not None:
        particulars = read_particulars(texts[first], [texts[n] for n in amendments])
    return LogAppend(
        row,
        work.before,
        state,
        refolded.appended,
        row.policy_id,
        next_moment(state),
        past=refolded.past,
        refolded=True,
        particulars=particulars,
        texts=texts,
    )
