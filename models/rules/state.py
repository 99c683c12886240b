"""The state of a ticket, as its messages and the moments between them have left it."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from models.errors import UnreadableValue
from models.i18n import LazyText, PrivateText
from models.rules.calendar import Calendar
from models.rules.fields import Limit
from models.rules.packing import pack_state, unpack
from models.rules.policy import Policy
from models.rules.vocabulary import (
    Category,
    ClockName,
    ClockState,
    ContactPurpose,
    DenialAnswer,
    Emergency,
    Level,
    Rating,
    Recipient,
    Slot,
    Status,
)

EDITION = 2
"""The edition of the rules by which new tickets begin their logs.

Under the first one no duty named its holder, and the hotline had none.
"""


class RuleContext(msgspec.Struct, frozen=True):
    """The context of a decision: the policy in force, the calendar, and units' `parents` (1.3)."""

    policy: Policy
    calendar: Calendar
    parents: Mapping[str, str] = {}


class Clock(msgspec.Struct, frozen=True, omit_defaults=True):
    """One clock of a ticket: from its base to its due, and how it ended.

    It is a duty: owed by `holder`, a unit, `district_desk` or `city_hotline`, and the `ordinal`th
    of its key in the ticket. It is never changed but replaced, so that whoever holds the one before
    sees what is new.

    `unit` is set on an evidence clock and `purpose` on a proof clock, whose `concerns` is the
    ordinal of the contact that was denied. `answer` is how a denial of this contact ended.
    `failed` are the days and slots of vain attempts to contact. `why` says what made the clock run
    as it does, where its start alone does not.
    """

    name: ClockName
    base: datetime
    due: datetime
    provisional: bool = False
    holder: str = ""
    ordinal: int = 1
    state: ClockState = ClockState.RUNNING
    concerns: int = 0
    answer: DenialAnswer | None = None
    unit: str | None = None
    purpose: ContactPurpose | None = None
    ended_at: datetime | None = None
    failed: tuple[tuple[str, Slot], ...] = ()
    remind_at: datetime | None = None
    why: tuple[LazyText, ...] = ()

    @property
    def running(self) -> bool:
        """Return whether the clock still runs."""
        return self.state == ClockState.RUNNING


class State(msgspec.Struct, omit_defaults=True):
    """One ticket. All instants are aware.

    `topic` is the code of the ticket's topic, `UNKNOWN_TOPIC` where its source names another text.
    `edition` is that of the rules by which its log was begun. `may_not_return` says that the unit
    in charge is one of the `barred`, which never return the ticket again. `parties` are the units
    of the present dispute. `deemed` says that the unit in charge was silent until its acceptance
    term ended, and has not taken the ticket on since; `has_result` that any result ever came. By
    unit: `receipts` are its first receipts, `reached` when the claimant was first reached since
    then, `on_site` the units that have been there, `evidenced` those that gave evidence of a
    contact, by its purpose. `successors` are units that others have taken over from.

    `days_kept` are days that count for this ticket as they did before they were declared otherwise,
    since what people did here would no longer fit (decision 29). Of what lies before `quiet_before`
    nobody is told.

    `run` counts the runs of the handling clock and `raised` the levels of the present one;
    `restarted_at` is the latest restart of the term, `extensions_since` the extensions since it.
    `settled_at` is when the last thing ended that keeps a completed ticket from the archive.
    `emergency_line` is the number that belongs to the matter (Regulation 2.2.4).
    `seen_at` is the latest message, `fired_at` the latest moment that time alone brought about;
    `folds` counts how often a late message had the whole life folded again.
    """

    ticket: str
    edition: int = 1
    status: Status = Status.RECEIVED
    category: Category | None = None
    emergency: Emergency | None = None
    topic: str | None = None
    emergency_line: str | None = None
    limit: Limit | None = None
    contact_wanted: bool = True
    received_at: datetime | None = None
    unit: str | None = None
    co_units: tuple[str, ...] = ()
    receipts: dict[str, datetime] = {}
    may_not_return: bool = False
    barred: tuple[str, ...] = ()
    designated: bool = False
    suggested_unit: str | None = None
    suggested_known: bool = True
    parties: tuple[str, ...] = ()
    deemed: bool = False
    has_result: bool = False
    reached: dict[str, datetime] = {}
    on_site: tuple[str, ...] = ()
    evidenced: dict[str, tuple[str, ...]] = {}
    successors: dict[str, str] = {}
    days_kept: dict[str, bool] = {}
    quiet_before: datetime | None = None

    clocks: dict[str, Clock] = {}
    ladder: tuple[tuple[Level, datetime], ...] = ()
    run: int = 0
    raised: tuple[Level, ...] = ()
    restarted_at: datetime | None = None
    extensions: int = 0
    extensions_since: int = 0

    completed_at: datetime | None = None
    reworked: bool = False
    rating: Rating | None = None
    rating_before: Rating | None = None
    revisit: bool = False
    revisit_before: bool = False
    settled_at: datetime | None = None
    archive_at: datetime | None = None

    seen_at: datetime | None = None
    fired_at: datetime | None = None
    folds: int = 0

    @property
    def level(self) -> Level | None:
        """The highest level raised in the present run.

        None once the handling was cancelled: the unit that it was raised on is released, and its
        card is not the next one's.
        """
        handling = self.clocks.get(ClockName.HANDLING)
        released = handling is None or handling.state == ClockState.CANCELLED
        return None if released or not self.raised else self.raised[-1]

    @property
    def due(self) -> datetime | None:
        """The nearest expiry of `accept` or `handling`; None under review."""
        clocks = (self.clocks.get(n) for n in (ClockName.ACCEPT, ClockName.HANDLING))
        return min((c.due for c in clocks if c and c.running), default=None)

    def with_texts(self, texts: Mapping[str, str]) -> "State":
        """Return the state with the texts that its reasons refer to, by field: to be shown."""
        clocks = {
            key: msgspec.structs.replace(
                clock, why=tuple(reason.with_texts(texts) for reason in clock.why)
            )
            for key, clock in self.clocks.items()
        }
        limit = self.limit
        if limit is not None and isinstance(limit.basis, PrivateText):
            limit = msgspec.structs.replace(limit, basis=texts.get(limit.basis.field, ""))
        return msgspec.structs.replace(self, clocks=clocks, limit=limit)

    def successor_of(self, unit: str) -> str:
        """Return the unit that has taken over from `unit`, or `unit` itself."""
        while unit in self.successors:
            unit = self.successors[unit]
        return unit

    def late_for(self, at: datetime) -> bool:
        """Return whether a message of this moment comes after something that it should precede."""
        return (self.seen_at is not None and at < self.seen_at) or (
            self.fired_at is not None and at <= self.fired_at
        )


def stored_state(state: State) -> str:
    """Return a state as a ticket's row holds it: JSON, packed once the ticket is archived."""
    plain = msgspec.json.encode(state)
    return pack_state(plain) if state.status == Status.ARCHIVED else plain.decode()


def read_state(number: str, stored: str) -> State:
    """Read the state of a ticket as its row holds it; an empty one is of a ticket not begun.

    Clocks of the first edition name no holder: each was put down to whoever had the ticket. Raises
    UnreadableValue.
    """
    if not stored:
        return State(number)
    try:
        state = msgspec.json.decode(unpack(stored), type=State)
    except (msgspec.DecodeError, TypeError) as error:
        raise UnreadableValue from error
    if state.edition < EDITION:
        for key, clock in state.clocks.items():
            if not clock.holder:
                of_hotline = clock.name == ClockName.SURVEY
                holder = Recipient.CITY_HOTLINE if of_hotline else clock.unit or state.unit or ""
                state.clocks[key] = msgspec.structs.replace(clock, holder=holder)
    return state
