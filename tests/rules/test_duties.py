"""Every clock is somebody's duty: its holder is told of it, and nobody is charged for another's.

Read from the log alone, and from who sent which message.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from random import Random
from typing import NamedTuple

import msgspec
from hypothesis import event as note
from hypothesis import given, settings
from hypothesis import strategies as st

from models.rules import events
from models.rules.events import Event
from models.rules.lifecycle.decide import fold
from models.rules.lifecycle.replay import ReplayRules, TicketReplay
from models.rules.messages import HOTLINE, Message
from models.rules.state import EDITION, RuleContext, State
from models.rules.vocabulary import ClockName, ClockState, MessageType, Recipient
from tests.examples import examples
from tests.rules.district import CALENDAR, POLICY
from tests.rules.moves import THIRD, UNITS, delayed, for_rules, life
from tests.rules.random_lives import LEAD, OTHER, TICKET, lives
from tests.rules.strategies import instants

CONTEXT = RuleContext(POLICY, CALENDAR)
AFTERWARDS = timedelta(days=30)
RENAMED = "新城管局"

Key = tuple[ClockName, str | None]
"""A clock, and the unit or purpose that it is about where a ticket may have several."""


class Duty(NamedTuple):
    """A duty as the log shows it."""

    holder: str
    due: datetime
    started_in: int


class Occasion(NamedTuple):
    """What a message, or a moment that time alone brings about, put into the log."""

    message: Message | None
    events: list[Event]


# who speaks by which message (interface.md): where either may, nobody is taken to know
_CITY = {
    *("ticket.received", "ticket.amended", "return.reviewed", "result.reviewed"),
    *("survey.rated", "revisit.recorded", "rework.requested", "contact.denied"),
    *("claimant.supplemented", "claimant.withdrew"),
}
_DESK = {
    *("ticket.assigned", "ticket.reassigned", "screening.decided", "unit.urged"),
    *("dispute.decided", "conduct.recorded", "note.added"),
}
_BEGINNINGS = (
    events.ClockExpired,
    events.TicketDeemedAccepted,
    events.AlertRaised,
    events.TicketArchived,
)
"""The events that each begin an occasion of time alone, as does a reminder."""


def occasions(log: Iterable[Event], messages: Iterable[Message]) -> Iterator[Occasion]:
    """Split a log into its occasions."""
    by_arrival = {message.arrival: message for message in messages}
    for cause, group in groupby(log, key=lambda event: event.cause):
        together = list(group)
        if cause is not None:
            yield Occasion(by_arrival[cause], together)
            continue
        part: list[Event] = []
        for event in together:
            if part and _begins(event):
                yield Occasion(None, part)
                part = []
            part.append(event)
        yield Occasion(None, part)


def _begins(event: Event) -> bool:
    reminds = isinstance(event.data, events.NoticeQueued) and event.data.kind == "contact_reminder"
    return reminds or isinstance(event.data, _BEGINNINGS)


def actor(message: Message | None, successors: Mapping[str, str]) -> str | None:
    """Return the holder whose own act an occasion is, if the log tells it."""
    if message is None:
        return None
    if message.type in _CITY:
        return Recipient.CITY_HOTLINE
    if message.type in _DESK:
        return Recipient.DISTRICT_DESK
    if message.type in ("dispute.opened", "term.restarted"):
        return None
    named: str | None = getattr(message.content, "unit", None)
    if named == HOTLINE:
        return Recipient.CITY_HOTLINE
    if message.type == "unit.succeeded":
        return named
    while named is not None and named in successors:
        named = successors[named]
    return named


def _key(
    data: events.ClockStarted | events.ClockMoved | events.ClockStopped | events.ClockExpired,
) -> Key:
    return data.clock, data.unit or data.purpose or None


class Ledger:
    """The duties that run, as the log shows them, and whose an occasion has changed."""

    def __init__(self) -> None:
        self.running: dict[Key, Duty] = {}
        self.successors: dict[str, str] = {}
        self._occasion = 0

    def take(self, occasion: Occasion) -> dict[str, set[Key]]:
        """Take an occasion; return the duties that it changed, by holder."""
        self._occasion += 1
        changed: dict[str, set[Key]] = {}

        def change(key: Key) -> None:
            changed.setdefault(self.running[key].holder, set()).add(key)

        for event in occasion.events:
            match event.data:
                case events.ClockStarted() as data:
                    assert isinstance(data.holder, str), "every duty has a holder"
                    self.running[_key(data)] = Duty(data.holder, data.due, self._occasion)
                    change(_key(data))
                case events.ClockMoved() as data:
                    key = (data.clock, None)
                    self.running[key] = self.running[key]._replace(due=data.due)
                    change(key)
                case events.ClockStopped() as data:
                    change(_key(data))
                    duty = self.running.pop(_key(data))
                    brief = duty.started_in == self._occasion
                    if brief and data.outcome == ClockState.CANCELLED:
                        changed[duty.holder].discard(_key(data))
                case events.ClockExpired() as data:
                    change(_key(data))
                    self._charge_for_absence(occasion, self.running.pop(_key(data)), data)
                case events.TicketDeemedAccepted() as data:
                    change((ClockName.ACCEPT, None))
                    assert self.running.pop((ClockName.ACCEPT, None)).holder == data.unit
                case events.AlertRaised() as data:
                    assert self.running[ClockName.HANDLING, None].holder == data.unit
                case events.UnitSucceeded() as data:
                    self._pass_on(data, change)
        return {holder: keys for holder, keys in changed.items() if keys}

    def _charge_for_absence(
        self, occasion: Occasion, duty: Duty, expired: events.ClockExpired
    ) -> None:
        for event in occasion.events:
            match event.data:
                case events.ContactDeemedAbsent() as data:
                    assert (expired.clock, data.unit) == (ClockName.PROOF, duty.holder)
                case events.ConductProposed() as data:
                    assert (expired.clock, data.unit) == (ClockName.DESIGNATION, duty.holder)

    def _pass_on(self, data: events.UnitSucceeded, change: Callable[[Key], None]) -> None:
        self.successors.pop(data.successor, None)
        self.successors[data.unit] = data.successor
        for key, duty in self.running.items():
            # evidence goes by its unit's name: it is stopped and started
            if duty.holder == data.unit and key[0] != ClockName.EVIDENCE:
                self.running[key] = duty._replace(holder=data.successor)
                change(key)


def notices(occasion: Occasion, holder: str) -> list[events.NoticeQueued]:
    """The notices of an occasion to the holder of a duty."""
    of_hotline = holder in (Recipient.DISTRICT_DESK, Recipient.CITY_HOTLINE)
    return [
        event.data
        for event in occasion.events
        if isinstance(event.data, events.NoticeQueued)
        and (
            event.data.role == holder
            if of_hotline
            else (event.data.role, event.data.unit) == (Recipient.UNIT_CONTACT, holder)
        )
    ]


@st.composite
def any_lives(draw: st.DrawFn) -> list[Message]:
    """Lives by chance and lives that make sense, in some of which a unit is renamed or merged."""
    if draw(st.booleans()):
        messages = draw(lives())
    else:
        rng = Random(draw(st.integers(0, 10**6)))
        raws, _ = life(rng, draw(instants()), draw(st.integers(2, 24)))
        messages = [for_rules(raw, arrival) for arrival, raw in enumerate(raws, 1)]
    if draw(st.sampled_from([False, False, True])):
        unit = draw(st.sampled_from(UNITS))
        successor = draw(st.sampled_from([RENAMED, OTHER, LEAD, THIRD]))
        at = draw(st.sampled_from(messages)).at
        raw = {"at": at.isoformat(), "type": "unit.succeeded", "ticket": TICKET}
        passed_on = for_rules(raw | {"unit": unit, "successor": successor}, len(messages) + 1)
        messages = sorted([*messages, passed_on], key=lambda m: (m.at, m.arrival))
    return messages


def log_of(messages: list[Message]) -> list[Event]:
    """The log of a life, each moment looked at when it comes."""
    state = State(TICKET, EDITION)
    return fold(state, messages, CONTEXT, messages[-1].at + AFTERWARDS, played=True)


@given(messages=any_lives())
@settings(max_examples=examples(300))
def test_no_duty_changes_by_anothers_act_without_a_notice_to_its_holder(
    messages: list[Message],
) -> None:
    """Nor is anybody charged for a duty that he did not hold (decision 32)."""
    ledger = Ledger()
    for occasion in occasions(log_of(messages), messages):
        changed = ledger.take(occasion)
        acting = actor(occasion.message, ledger.successors)
        for holder, keys in changed.items():
            queued = notices(occasion, holder)
            if holder == acting:
                continue
            expired = any(isinstance(e.data, events.ClockExpired) for e in occasion.events)
            if expired and holder in (Recipient.DISTRICT_DESK, Recipient.CITY_HOTLINE):
                # the hotline's own expiries go to the desk (decision 33)
                queued = notices(occasion, Recipient.DISTRICT_DESK)
                assert [each.kind for each in queued] == ["expired"]
                continue
            note(f"told: {occasion.message.type if occasion.message else 'time alone'}")
            assert queued, f"{holder} is not told of {sorted(map(str, keys))}: {occasion}"
            if not expired:
                listed = {duty.clock for each in queued if each.duties for duty in each.duties}
                # its kind says that the acceptance term has ended
                if any(each.kind == "deemed_accepted" for each in queued):
                    listed.add(ClockName.ACCEPT)
                assert listed == {clock for clock, _ in keys}, f"{holder}: {occasion}"


@given(messages=any_lives())
@settings(max_examples=examples(200))
def test_one_notice_of_an_occasion_lists_the_duties_of_its_holder(
    messages: list[Message],
) -> None:
    for occasion in occasions(log_of(messages), messages):
        listing = [
            (event.data.role, event.data.unit)
            for event in occasion.events
            if isinstance(event.data, events.NoticeQueued) and event.data.duties
        ]
        assert len(listing) == len(set(listing)), occasion
        notices_after = False
        for event in occasion.events:
            queued = isinstance(event.data, events.NoticeQueued)
            assert queued or not notices_after, "the notices of an occasion end it"
            notices_after = queued


@given(messages=any_lives(), days=st.integers(0, 20))
@settings(max_examples=examples(100))
def test_nobody_is_told_of_history(messages: list[Message], days: int) -> None:
    """Of what lies before `quiet_before`; everything else is as it would be (decision 34)."""
    loud = log_of(messages)
    quiet_before = messages[0].at + timedelta(days=days)
    imported = [msgspec.structs.replace(message, quiet_before=quiet_before) for message in messages]
    begun = any(message.type == MessageType.TICKET_RECEIVED for message in messages)
    expected = [
        event
        for event in loud
        if not (isinstance(event.data, events.NoticeQueued) and event.moment < quiet_before)
    ]
    assert log_of(imported) == (expected if begun else loud)


def _running(log: Iterable[Event]) -> dict[Key, tuple[str, datetime]]:
    """The duties that run by a log in which decisions may have been taken back."""
    running: dict[Key, tuple[str, datetime]] = {}
    ended: dict[int, tuple[Key, tuple[str, datetime]]] = {}
    for seq, event in enumerate(log, 1):
        match event.data:
            case events.ClockStarted() as data:
                running[_key(data)] = str(data.holder), data.due
            case events.UnitSucceeded() as data:
                for key, (holder, due) in running.items():
                    if holder == data.unit:
                        running[key] = data.successor, due
            case events.ClockMoved() as data:
                running[_key(data)] = running[_key(data)][0], data.due
            case events.ClockStopped() | events.ClockExpired() as data:
                ended[seq] = _key(data), running.pop(_key(data))
            case events.TicketDeemedAccepted():
                accept: Key = (ClockName.ACCEPT, None)
                ended[seq] = accept, running.pop(accept)
            case events.DecisionWithdrawn() as data if data.of in ended:
                key, duty = ended[data.of]
                running[key] = duty
    return running


@given(seed=st.integers(0, 10**6), begin=instants(), length=st.integers(4, 20))
@settings(max_examples=examples(100))
def test_a_late_message_tells_those_whose_duties_it_changes(
    seed: int, begin: datetime, length: int
) -> None:
    """Of all that a late message takes back and adds, nobody learns from the log alone."""
    rng = Random(seed)
    raws, _ = life(rng, begin, length)
    replay = TicketReplay(TICKET, ReplayRules([POLICY], CALENDAR, lambda _message, _policy: ()))
    now = begin
    for arrival, (arrived, raw) in enumerate(delayed(raws, rng), 1):
        message = for_rules(raw, arrival)
        now = max(now, arrived)
        replay.advance_to(now)
        before = len(replay.log)
        in_order = all(message.at >= event.moment for event in replay.log)
        was = _running(replay.log)
        replay.take(message, now)
        if in_order or not before:
            continue
        runs = _running(replay.log)
        appended = Occasion(message, replay.log[before:])
        succeeded = (e.data for e in replay.log if isinstance(e.data, events.UnitSucceeded))
        acting = actor(message, {data.unit: data.successor for data in succeeded})
        for key in was.keys() | runs.keys():
            if was.get(key) != runs.get(key):
                holders = {duty[0] for duty in (was.get(key), runs.get(key)) if duty}
                for holder in holders - {acting}:
                    hotline_expired = holder == Recipient.CITY_HOTLINE and notices(
                        appended, Recipient.DISTRICT_DESK
                    )
                    assert notices(appended, holder) or hotline_expired, (key, holder)
