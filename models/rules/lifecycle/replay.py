"""Play one ticket in simulated time: its messages as they arrive, and the moments between them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, TypeAlias

import msgspec

from models.i18n import lazy
from models.rules.calendar import Calendar
from models.rules.events import Event, MessageRefused
from models.rules.lifecycle.decide import fold
from models.rules.lifecycle.difference import LoggedEvent
from models.rules.lifecycle.outcome import TicketOutcome, outcome_of
from models.rules.lifecycle.refold import refold_late, refusals
from models.rules.messages import Finding, Message, RawMessage, Refusal, TicketReceived
from models.rules.policy import Policy, in_force
from models.rules.state import EDITION, Clock, RuleContext, State
from models.rules.vocabulary import MessageType

Screening: TypeAlias = Callable[[Message, Policy], tuple[Finding, ...]]
"""Looks into the message that a ticket begins with (2.2)."""


class ReplayRules(NamedTuple):
    """The rules of a replay: policies, the calendar, the screening, and units' parents."""

    policies: Sequence[Policy]
    calendar: Calendar
    screen: Screening
    parents: Mapping[str, str] = {}


class _Arrived:
    """A message that has arrived, and what became of it.

    It waits until its ticket begins. `replaced`: its source sent it again, mended, under the same
    id. `conflicting`: it came late, and is no part of the ticket.
    """

    __slots__ = ("arrived_at", "conflicting", "message", "refusal", "replaced", "waiting")

    def __init__(self, message: Message, arrived_at: datetime) -> None:
        self.message = message
        self.arrived_at = arrived_at
        self.waiting = True
        self.refusal: Refusal | None = None
        self.replaced = False
        self.conflicting = False

    def settle(self, refusal: Refusal | None) -> None:
        """Note that the message is applied, or refused."""
        self.waiting = False
        self.refusal = refusal


class TicketReplay:
    """One ticket in simulated time, with the log that the service would write.

    What time alone brings about is dated by its moment. `first` is the message that the ticket
    began with, at `begun_at`; both are None until then. `texts` are all messages as they came, by
    arrival number: the log refers to them.
    """

    __slots__ = (
        "_arrived",
        "_context",
        "_number",
        "_past",
        "_rules",
        "_state",
        "begun_at",
        "first",
        "log",
        "texts",
    )

    def __init__(self, number: str, rules: ReplayRules) -> None:
        self.log: list[Event] = []
        self.first: Message | None = None
        self.begun_at: datetime | None = None
        self.texts: dict[int, RawMessage] = {}
        self._number = number
        self._rules = rules
        self._state: State | None = None
        self._context: RuleContext | None = None
        self._past: list[Clock] = []
        self._arrived: dict[int, _Arrived] = {}

    def play_in_order(self, messages: Sequence[Message], end: datetime) -> None:
        """Play a whole ticket whose messages arrived when they happened, a receipt first."""
        self._begin(messages[0], messages[0].at)
        assert self._state is not None and self._context is not None and self.first is not None
        ordered = [self.first, *messages[1:]]
        self.texts = {message.arrival: message.raw for message in ordered}
        self.log = fold(self._state, ordered, self._context, end, played=True, past=self._past)

    @property
    def outcome(self) -> TicketOutcome | None:
        """The outcome of the ticket by now; None while it has not begun.

        Its policy is named by the first day on which that holds.
        """
        if self._state is None or self._context is None:
            return None
        log = [(event.data, event.cause) for event in self.log]
        policy = self._context.policy.valid_from.isoformat()
        return outcome_of(self._state, self._past, log, policy)

    def advance_to(self, now: datetime) -> None:
        """Let happen what time brings about before a message that arrives at `now`."""
        self._pass_time(now, inclusive=False)

    def finish(self, end: datetime) -> None:
        """Let happen what time brings about up to the replay's end."""
        self._pass_time(end, inclusive=True)

    def take(self, message: Message, now: datetime) -> None:
        """Take a message that arrives at `now`, to which the ticket has been advanced."""
        self._arrived[message.arrival] = _Arrived(message, now)
        self.texts[message.arrival] = message.raw
        if self._state is None:
            self._take_first(now)
        elif self._state.received_at is not None and self._state.late_for(message.at):
            self._refold(message, now)
        else:
            self._fold([message], now)

    def is_refused(self, arrival: int) -> bool:
        """Return whether a message that has arrived is refused by now."""
        return self._arrived[arrival].refusal is not None

    def replace(self, arrival: int) -> None:
        """Let a refused message be replaced by one that its source sends under the same id."""
        self._arrived[arrival].replaced = True

    def refused_outside_log(self) -> Iterator[tuple[Message, Refusal]]:
        """Yield the refused messages that the log does not tell of, as the ticket had not begun."""
        logged = {e.cause for e in self.log if isinstance(e.data, MessageRefused)}
        for arrival, arrived in self._arrived.items():
            if arrived.refusal is not None and arrival not in logged:
                yield arrived.message, arrived.refusal

    def _pass_time(self, now: datetime, *, inclusive: bool) -> None:
        if self._state is None:
            self._lose_patience(now)
            return
        assert self._context is not None
        self.log += fold(
            self._state,
            (),
            self._context,
            now,
            inclusive=inclusive,
            played=True,
            past=self._past,
        )

    def _take_first(self, now: datetime) -> None:
        """Begin the ticket if a receipt that can be read has come; the others wait for it."""
        for arrived in self._waiting():
            content = arrived.message.content
            if arrived.message.type == MessageType.TICKET_RECEIVED and isinstance(content, Refusal):
                arrived.settle(content)
        waiting = self._waiting()
        receipt = next((a for a in waiting if isinstance(a.message.content, TicketReceived)), None)
        if receipt is None:
            self._lose_patience(now)
            return
        self._begin(receipt.message, now)
        assert self.first is not None
        receipt.message = self.first
        self._fold([arrived.message for arrived in waiting], now)

    def _waiting(self) -> list[_Arrived]:
        waiting = [arrived for arrived in self._arrived.values() if arrived.waiting]
        return sorted(waiting, key=lambda arrived: (arrived.message.at, arrived.message.arrival))

    def _begin(self, receipt: Message, now: datetime) -> None:
        policy = in_force(self._rules.policies, receipt.at)
        findings = self._rules.screen(receipt, policy)
        self.first = msgspec.structs.replace(receipt, findings=findings)
        self.begun_at = now
        self._context = RuleContext(policy, self._rules.calendar, self._rules.parents)
        self._state = State(self._number, EDITION)

    def _lose_patience(self, now: datetime) -> None:
        """Refuse what has waited for its ticket for too long."""
        for arrived in self._waiting():
            policy = in_force(self._rules.policies, arrived.message.at)
            patience = policy.intake.wait_for_receipt.span
            if arrived.arrived_at + patience <= now:
                text = lazy(
                    "ticket {ticket} was never received; send it first", ticket=self._number
                )
                arrived.settle(Refusal(text))

    def _fold(self, messages: Sequence[Message], now: datetime) -> None:
        assert self._state is not None and self._context is not None
        # what a message puts into the past is found together, as by the service
        events = fold(self._state, messages, self._context, now, inclusive=False, past=self._past)
        refused = refusals(events)
        for message in messages:
            self._arrived[message.arrival].settle(refused.get(message.arrival))
        self.log += events

    def _refold(self, late: Message, now: datetime) -> None:
        assert self._state is not None and self._context is not None
        dealt = {
            arrival: arrived
            for arrival, arrived in self._arrived.items()
            if not (arrived.waiting or arrived.replaced or arrived.conflicting)
        }
        refolded = refold_late(
            self._state,
            [LoggedEvent(seq, e.data, e.moment, e.cause) for seq, e in enumerate(self.log, 1)],
            {arrival: arrived.message for arrival, arrived in dealt.items()},
            {arrival for arrival, arrived in dealt.items() if arrived.refusal is None},
            {late.arrival: late},
            self._context,
            now,
            inclusive=False,
        )
        for arrival in refolded.messages:
            self._arrived[arrival].settle(refolded.refused.get(arrival))
        for arrival, refusal in refolded.conflicting.items():
            self._arrived[arrival].settle(refusal)
            self._arrived[arrival].conflicting = True
        self._state, self._past = refolded.state, refolded.past
        self.log += refolded.appended
