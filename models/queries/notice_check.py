"""Check the notices of a ticket against what its log says of them."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import UNSET
from sqlalchemy import Row

from models.i18n import lazy
from models.queries.row_check import Wrong
from models.rules import events as log_events
from models.rules.events import NoticeDropped, NoticeFailed, NoticeQueued, NoticeSent
from models.rules.vocabulary import EventName, NoticeState, Status
from models.security.chain import EventLine
from models.security.findings import Harm

_NAMES = (
    EventName.NOTICE_QUEUED,
    EventName.NOTICE_SENT,
    EventName.NOTICE_FAILED,
    EventName.NOTICE_DROPPED,
)


class _Logged:
    """The notices of a log: by the line that queued each, what came of it by channel."""

    def __init__(self, lines: Sequence[EventLine]) -> None:
        self.outcomes: dict[int, dict[str | None, NoticeState]] = {}
        self.queued: dict[int, tuple[str | None, ...]] = {}
        for line in lines:
            if line.name not in _NAMES:
                continue
            match log_events.decode(line.name, line.data.decode()):
                case NoticeQueued(again=again) if again is not UNSET:
                    self._queue_again(again)
                case NoticeQueued(kind=kind, role=role, unit=unit) as notice:
                    self.outcomes[line.seq] = {}
                    self.queued[line.seq] = kind, role, notice.recipient, unit or None
                case NoticeSent(of=of, channel=channel):
                    self._set(of, channel, NoticeState.SENT)
                case NoticeFailed(of=of, channel=channel):
                    self._set(of, channel, NoticeState.FAILED)
                case NoticeDropped(of=of):
                    self._set(of, None, NoticeState.DROPPED)

    def _set(self, of: int, channel: str | None, state: NoticeState) -> None:
        self.outcomes.setdefault(of, {})[channel] = state

    def _queue_again(self, of: int) -> None:
        outcomes = self.outcomes.setdefault(of, {})
        self.outcomes[of] = {
            channel: state for channel, state in outcomes.items() if state != NoticeState.FAILED
        }


def check_notices(
    status: str, rows: Sequence[Row[Any]], lines: Sequence[EventLine]
) -> Iterator[Wrong]:
    """Yield what is wrong with the notices of a ticket in this status, given its log.

    Those of archived tickets are removed in time, once they are sent or dropped.
    """
    in_log = _Logged(lines)
    outcomes = in_log.outcomes
    for row in rows:
        of = {"kind": row.kind, "seq": row.seq}
        if row.seq not in outcomes:
            yield Harm.ADDED, lazy("notice {kind} of line {seq}: the log did not queue it", **of)
            continue
        queued = in_log.queued.get(row.seq)
        if queued is not None and queued != (row.kind, row.role, row.recipient, row.unit):
            why = lazy("notice {kind} of line {seq} is not the one that the log queued", **of)
            yield Harm.ALTERED, why
            continue
        logged = outcomes[row.seq].get(None if row.state == NoticeState.DROPPED else row.channel)
        if (logged or NoticeState.QUEUED) != row.state:
            why = lazy(
                "notice {kind} of line {seq} is {stored}, by the log it is {logged}",
                **of,
                stored=row.state,
                logged=logged or NoticeState.QUEUED,
            )
            yield Harm.ALTERED, why
    there = {row.seq for row in rows}
    for seq, by_channel in outcomes.items():
        done = by_channel and NoticeState.FAILED not in by_channel.values()
        if seq not in there and not (done and status == Status.ARCHIVED):
            yield Harm.DELETED, lazy("the notice of line {seq} is gone", seq=seq)
