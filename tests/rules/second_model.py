"""A second, slow and obvious reading of a ticket's life, to hold the rules against.

Written from the words of the regulation's clauses and of the page of edge cases, not from the code
that it checks: one plain object walks from moment to moment, looks each time at everything that
could come next, and counts days one after the other. It knows the district's own policy only,
whose numbers stand here again. It is one long file on purpose: somebody who doubts a clause reads
it here from top to bottom. Numbers in brackets, as in (25), are those of the edge cases.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from tests.rules.facts import Fact
from tests.rules.plain_days import PLAIN_DAYS, Days
from tests.rules.plain_messages import Line, codes_of, is_yes, says_something, wish_of

HOTLINE = "hotline"
WORKDAYS = {"consultation": 1, "suggestion": 2, "help": 3, "complaint": 7}
BEFORE_ACCEPTANCE = ("dispatched", "returned", "disputed")
BEFORE_COMPLETION = ("received", "manual", *BEFORE_ACCEPTANCE, "handling", "submitted")
BAD = ("dissatisfied", "very_dissatisfied")
LADDER = {"prewarning": -1, "yellow": 1, "red": 2}
EMERGENCY_HOURS = {"on_site": 2, "emergency_report": 24}
CLOCK_OF = {"first": "first_contact", "closing": "closing_contact", "survey": "survey"}
KEPT_FROM_ARCHIVE = ("closing_contact", "survey", "proof", "revisit")
EXTENSION_PARTS = ("facts", "reasons", "progress", "next_steps")
RETURN_PARTS = ("reason", "basis", "suggested_unit", "signed_by")
RESULT_PARTS = ("facts", "measures", "remedies", "basis")
REACHED = ("reached", "refused")
PLAIN_TEXTS = {
    "progress.reported": ("text",),
    "claimant.supplemented": ("text",),
    "term.restarted": ("basis",),
    "unit.urged": ("text",),
}
UNNUMBERED = (
    *("evidence", "proof", "designation"),
    *("assignment", "return_review", "result_review", "mediation", "revisit"),
)
"""Clocks of which no fact is told but what follows from them."""

HELD_BY = {
    "assignment": "district_desk",
    "mediation": "district_desk",
    "return_review": "city_hotline",
    "result_review": "city_hotline",
    "survey": "city_hotline",
    "revisit": "city_hotline",
}
"""Duties of the hotline itself (33)."""

SPOKEN_BY_HOTLINE = ("contact.attempted", "contact.proof")
"""Types in which the hotline itself may be the `unit`."""

ACTS = (
    *("unit.accepted", "contact.attempted", "site.arrived", "progress.reported"),
    *("extension.requested", "result.submitted", "contact.proof"),
)
"""What a designated unit may do to take the ticket up (30)."""

Key = tuple[str, str | None]
"""A clock's name, with the unit of an evidence clock and the purpose of a proof."""


def slot(at: datetime) -> str:
    """The period of the day in which somebody called."""
    return "morning" if at.hour < 12 else "afternoon" if at.hour < 18 else "evening"


@dataclass
class Clock:
    """A duty: its holder owes something from `base` to `due`.

    `failed` are the vain calls while it ran, `denial` says what became of the claimant's word that
    nobody called.
    """

    base: datetime
    due: datetime
    holder: str | None
    ended: str = ""
    denial: str = ""
    failed: list[tuple[date, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Call:
    """An attempt that was taken down."""

    at: datetime
    unit: str
    purpose: str
    reached: bool
    evidence: bool


class No(Exception):
    """The message cannot be applied."""


@dataclass
class SecondModel:
    """One ticket. Instants in Asia/Shanghai; `answers` by the arrival of each message."""

    ticket: str
    days: Days = PLAIN_DAYS
    status: str = "received"
    known: bool = False
    category: str = ""
    emergency: bool = False
    limit: dict[str, Any] | None = None
    wanted: bool = True
    unit: str | None = None
    others: set[str | None] = field(default_factory=set)
    receipts: dict[str, datetime] = field(default_factory=dict)
    suggested: str = ""
    strangers: Sequence[str] = ()
    successors: dict[str, str] = field(default_factory=dict)
    disputing: set[str] = field(default_factory=set)
    designated: bool = False
    may_not_return: set[str] = field(default_factory=set)
    accepted: str = ""
    calls: list[Call] = field(default_factory=list)
    calls_before: dict[str, int] = field(default_factory=dict)
    calls_before_completion: int = 0
    running: dict[Key, Clock] = field(default_factory=dict)
    contacts: dict[str, list[Clock]] = field(default_factory=dict)
    asked: dict[str, Clock] = field(default_factory=dict)
    met: set[str] = field(default_factory=set)
    on_site: set[str] = field(default_factory=set)
    raised: list[str] = field(default_factory=list)
    restarted_at: datetime | None = None
    extensions: int = 0
    extensions_since: int = 0
    results: int = 0
    result_in_holding: bool = False
    rating: str | None = None
    rating_before: str | None = None
    revisit: int = 0
    reworked: bool = False
    settled_at: datetime | None = None
    facts: list[Fact] = field(default_factory=list)
    answers: dict[int, str] = field(default_factory=dict)
    counted: Counter[str] = field(default_factory=Counter)

    # ------------------------------------------------------------ what is asked

    @property
    def level(self) -> str | None:
        """The highest level of the present run; a unit that is released takes its own with it."""
        return self.raised[-1] if self.raised else None

    @property
    def dues(self) -> dict[Key, datetime]:
        """The running clocks with their expiries."""
        return {key: clock.due for key, clock in self.running.items()}

    @property
    def next_at(self) -> datetime | None:
        """Return when time alone will next do something."""
        following = self._following()
        return following[0] if following else None

    # ------------------------------------------------------------ time

    def go_to(self, until: datetime, *, inclusive: bool) -> None:
        """Let pass what time alone brings, one moment after the other."""
        while (following := self._following()) is not None:
            moment, what, key = following
            if moment > until or (moment == until and not inclusive):
                return
            self._happen(moment, what, key)

    def _following(self) -> tuple[datetime, str, Key] | None:
        moments = [(c.due, "expiry", k) for k, c in self.running.items() if k[0] != "handling"]
        if (handling := self.running.get(("handling", None))) is not None:
            left = [level for level in LADDER if level not in self.raised]
            if left:
                moments.append((self._level_at(handling, left[0]), "level", (left[0], None)))
        if (archive := self._archive_at()) is not None:
            moments.append((archive, "archive", ("", None)))
        return min(moments, key=lambda entry: entry[0], default=None)

    def _level_at(self, clock: Clock, level: str) -> datetime:
        return self.days.opening(clock.due.date(), LADDER[level], clock.base)

    def _archive_at(self) -> datetime | None:
        open_things = set(KEPT_FROM_ARCHIVE) & {name for name, _ in self.running}
        if self.status != "completed" or open_things or self.revisit:
            return None
        assert self.settled_at is not None
        return self.days.workdays(self.settled_at, 5)

    def _happen(self, moment: datetime, what: str, key: Key) -> None:
        if what == "level":
            self.raised.append(key[0])
            self._fact("level", self._nth("level"), key[0], moment)
        elif what == "archive":
            self._close("archived")
        else:
            self._expire(key, moment)

    def _expire(self, key: Key, moment: datetime) -> None:
        name, of = key
        holder = self.running[key].holder
        self._end(name, moment, "expired", of)
        if name == "accept":
            self.accepted = "deemed"
            self._fact("deemed", moment)
            self._begin_handling(moment)
        elif name == "proof":
            assert of is not None
            duty = self.asked[of]
            duty.denial = "absent"
            self._fact("absent", of, holder, moment)
        elif name == "designation":
            self._fact("proposed", "refused_assignment", moment)
        elif name not in UNNUMBERED:
            self._fact("expired", name, moment)

    # ------------------------------------------------------------ messages

    def take(self, message: Line) -> None:
        """Apply a message at its `at`, after what came before it and with what it puts there."""
        self.go_to(message.at, inclusive=False)
        try:
            body = self._read(message)
            self._apply(message.type, body, message.at)
            self.answers.setdefault(message.arrival, "applied")
            if message.type in ACTS and body["unit"] == self._designee():
                self._meet("designation", message.at)
        except No:
            self.answers[message.arrival] = "message.refused"
        self.go_to(message.at, inclusive=False)

    def _read(self, message: Line) -> dict[str, Any]:
        """The body with codes for labels; what names an unknown unit or lacks a text is refused."""
        body, self.strangers = codes_of(message.raw), message.unknown
        if message.type != "unit.succeeded":
            self._put_successors(body)
        names = [body.get("unit"), body.get("former_holder"), *body.get("units", ())]
        first = message.type == "ticket.received"
        self._check(first != self.known)
        if self.status == "archived":
            self._check(message.type in ("extension.requested", "rework.requested", CONDUCT))
        if not first:
            self._check(all(name not in message.unknown for name in names))
            self._check(message.type in SPOKEN_BY_HOTLINE or HOTLINE not in names)
        elif body.get("unit") in message.unknown:
            body["unit"] = None
        self._check(
            all(says_something(body.get(name)) for name in PLAIN_TEXTS.get(message.type, ()))
        )
        return body | {"arrival": message.arrival}

    def _put_successors(self, body: dict[str, Any]) -> None:
        """Let a name that was given up speak for the unit that has taken over."""
        for name in ("unit", "former_holder"):
            if isinstance(body.get(name), str):
                body[name] = self._successor(body[name])
        if "units" in body:
            body["units"] = [self._successor(unit) for unit in body["units"]]

    def _successor(self, unit: str) -> str:
        while unit in self.successors:
            unit = self.successors[unit]
        return unit

    def _owing(self, duty: Clock) -> str:
        """The unit that answers for a contact now."""
        assert duty.holder is not None
        return self._successor(duty.holder)

    def _check(self, fits: bool) -> None:
        if not fits:
            raise No

    def _lead_only(self, body: dict[str, Any]) -> None:
        self._check(body["unit"] == self.unit)

    def _lead(self, unit: str | None) -> None:
        self.unit = unit
        self.others -= {unit}

    def _held(self) -> bool:
        return self.status in (*BEFORE_ACCEPTANCE, "handling")

    def _with_a_unit(self) -> bool:
        return self.unit is not None and self.status != "declined"

    def _ours(self, body: dict[str, Any]) -> None:
        self._check(body["unit"] == self.unit or body["unit"] in self.others)

    def _designee(self) -> str | None:
        clock = self.running.get(("designation", None))
        return clock.holder if clock else None

    def _apply(self, kind: str, body: dict[str, Any], at: datetime) -> None:
        """One message; every check stands before the first change."""
        match kind:
            case "ticket.received":
                self._receive(body, at)
            case "ticket.amended":
                self._amend(body, at)
            case "ticket.reassigned":
                self._reassign(body["unit"], at)
            case "screening.decided":
                self._check(self.status in BEFORE_COMPLETION)
                if body["decline"]:
                    self._close("declined")
            case "ticket.assigned":
                self._check(self.status == "manual")
                self._stop("assignment", "met")
                self._dispatch(body["unit"], at)
            case "unit.accepted":
                self._lead_only(body)
                self._accept(at)
            case "unit.returned":
                self._lead_only(body)
                self._check(self.status == "dispatched" and self.unit not in self.may_not_return)
                self._check(all(says_something(body.get(part)) for part in RETURN_PARTS))
                self._stop("accept")
                self.status, self.suggested = "returned", body["suggested_unit"]
                self._start("return_review", at, self.days.workdays(at, 1))
            case "return.reviewed":
                self._check(self.status == "returned")
                self._review_return(body, at)
            case "dispute.opened":
                self._dispute(body, at)
            case "dispute.evidence":
                self._check(self.status == "disputed" and body["unit"] in self.disputing)
                self._check(says_something(body["documents"]))
                self._stop("evidence", "met", body["unit"])
            case "dispute.decided":
                self._check(self.status == "disputed")
                self._decide(body, at)
            case "site.arrived":
                self._ours(body)
                self._check(self.status in BEFORE_COMPLETION)
                self.on_site |= {body["unit"], str(self.unit)}
                self._meet("on_site", at)
            case "progress.reported":
                self._ours(body)
                self._check(self.status in BEFORE_COMPLETION)
                self._meet("emergency_report", at)
            case "contact.attempted":
                self._contact(body, at)
            case "contact.denied":
                self._deny(body["purpose"], at)
            case "contact.proof":
                self._prove(body, at)
            case "extension.requested":
                self._lead_only(body)
                self._extend(body, at)
            case "claimant.supplemented":
                self._check(self.status in BEFORE_COMPLETION)
                if self.status == "handling":
                    self._restart(at)
            case "claimant.withdrew":
                self._check(self.status in BEFORE_COMPLETION)
                self._check(body["to"] == "hotline" or self._with_a_unit())
                if body["to"] == "hotline":
                    self._fact("archived_withdrawn", at)
                    self._close("archived")
            case "term.restarted":
                self._check(self.status == "handling")
                self._restart(at)
            case "result.submitted":
                self._lead_only(body)
                self._submit(body, at)
            case "result.reviewed":
                self._check(self.status == "submitted")
                self._stop("result_review", "met")
                self._review_result(body["approved"], at)
            case "survey.rated":
                self._check(self.status in ("submitted", "completed"))
                self._meet("survey", at)
                self._rate(body["rating"], at)
            case "revisit.recorded":
                self._check(self.revisit > 0)
                self._check(body["outcome"] == "confirmed" or "rating" in body)
                if body["outcome"] == "corrected":
                    self.rating = body["rating"]
                    if self.revisit < self.results:
                        self.rating_before = self.rating
                self._end_revisit(at)
            case "rework.requested":
                self._rework(body, at)
            case "unit.joined":
                self._check(self.status in BEFORE_COMPLETION and self._with_a_unit())
                self._check(body["unit"] != self.unit and body["unit"] not in self.others)
                self.others.add(body["unit"])
            case "unit.succeeded":
                self._check(body["unit"] != body["successor"])
                self._succeed(body["unit"], body["successor"])
            case "unit.urged":
                self._check(self.status in BEFORE_COMPLETION)

    # ------------------------------------------------------------ up to the acceptance

    def _receive(self, body: dict[str, Any], at: datetime) -> None:
        self.known = True
        self.category, self.limit = body["category"], body.get("statutory_limit")
        self.emergency = body.get("emergency") is not None
        self.wanted = wish_of(body.get("claimant")) != "unwanted"
        if body.get("declined") is not None:
            self.status = "declined"
        elif body.get("unit"):
            self._dispatch(body["unit"], at)
        else:
            self.status = "manual"
            self._start("assignment", at, self.days.half_day(at))

    def _dispatch(self, unit: str, at: datetime) -> None:
        self._receipt(unit, at)
        self._hold(unit, at)

    def _receipt(self, unit: str, at: datetime) -> None:
        self.receipts[unit], self.calls_before[unit] = at, len(self.calls)

    def _hold(self, unit: str, at: datetime) -> None:
        """A unit gets the ticket: its acceptance term counts from its first receipt (3.1-3.3)."""
        another = unit != self.unit
        self._lead(unit)
        self.status, self.accepted, self.result_in_holding = "dispatched", "", False
        if self.emergency and another:
            self._start_emergency(at, {name for name in EMERGENCY_HOURS if name not in self.met})
        receipt = self.receipts[unit]
        self._start("accept", receipt, self.days.workdays(receipt, 1))

    def _start_emergency(self, at: datetime, names: set[str]) -> None:
        for name, hours in EMERGENCY_HOURS.items():
            if name in names:
                self._start(name, at, at + timedelta(hours=hours))

    def _accept(self, at: datetime) -> None:
        if self.status == "handling" and self.accepted == "deemed":
            self._check(not self.reworked and not self.result_in_holding)
            self.accepted = "late"
            self._fact("late_accept", at)
            return
        self._check(self.status == "dispatched")
        self.accepted = "expressly"
        self._stop("accept", "met")
        self._begin_handling(at)

    def _review_return(self, body: dict[str, Any], at: datetime) -> None:
        if not body["approved"]:
            assert self.unit is not None
            self._stop("return_review", "met")
            self.may_not_return.add(self.unit)
            self._hold(self.unit, at)
            return
        unit = body.get("unit") or self.suggested
        self._check(unit not in self.strangers and unit != HOTLINE)
        self._stop("return_review", "met")
        self._dispatch(unit, at)

    def _dispute(self, body: dict[str, Any], at: datetime) -> None:
        self._check(self.status in ("dispatched", "returned") and not self.designated)
        assert self.unit is not None
        parties = dict.fromkeys([*body["units"], self.unit])
        self._check(len(parties) > 1)
        self._stop("accept")
        self._stop("return_review")
        self.status, self.disputing = "disputed", set(parties)
        for unit in parties:
            self._start("evidence", at, self.days.half_day(at), unit)
            self.running["evidence", unit].holder = unit
        self._start("mediation", at, self.days.workdays(self.days.half_day(at), 1))

    def _decide(self, body: dict[str, Any], at: datetime) -> None:
        unit = body["unit"]
        for party in self.disputing:
            self._stop("evidence", "cancelled", party)
        self._stop("mediation", "met")
        if unit not in self.receipts:
            self._receipt(unit, at)
        self._hold(unit, at)
        self.may_not_return.add(unit)
        if body["by"] == "leader":
            self.designated = True
            self._start("designation", at, self.days.workdays(at, 1))

    def _reassign(self, unit: str, at: datetime) -> None:
        self._check(self.status in ("dispatched", "handling") and not self.reworked)
        self._check(unit != self.unit and not self.designated)
        for name in ("accept", "handling", "first_contact", *EMERGENCY_HOURS):
            self._stop(name)
        self._dispatch(unit, at)

    def _begin_handling(self, at: datetime) -> None:
        self.status = "handling"
        self.raised, self.restarted_at, self.extensions_since = [], None, 0
        self._start("handling", at, self._term(at))
        if self.wanted:
            self._start_contact("first", at)
            self._meet_by_early_call(at)

    def _meet_by_early_call(self, at: datetime) -> None:
        """A contact reached before the acceptance counts if made by the first contact's due."""
        assert self.unit is not None
        calls = self._calls_of("first", self.calls_before[self.unit])
        due = self.running["first_contact", None].due
        if any(call.reached and call.at <= due for call in calls):
            self._stop("first_contact", "met")

    def _calls_of(self, purpose: str, since: int) -> list[Call]:
        return [call for call in self.calls[since:] if call.purpose == purpose]

    # ------------------------------------------------------------ units

    def _succeed(self, unit: str, successor: str) -> None:
        """Another unit takes over all that this one is and owes in the ticket."""
        self.successors.pop(successor, None)
        self.successors[unit] = successor

        def renamed(names: Iterable[str | None]) -> set[Any]:
            return {successor if name == unit else name for name in names}

        leads = self.unit == unit
        if leads:
            self.unit = successor
        self.others = renamed(self.others) - {self.unit}
        self.disputing, self.on_site = renamed(self.disputing), renamed(self.on_site)
        self.may_not_return = renamed(self.may_not_return)
        self.calls = [replace(c, unit=successor) if c.unit == unit else c for c in self.calls]
        if self.suggested == unit:
            self.suggested = successor
        if unit in self.receipts and (leads or successor not in self.receipts):
            self.receipts[successor] = self.receipts[unit]
            self.calls_before[successor] = self.calls_before[unit]
        self.receipts.pop(unit, None)
        self.calls_before.pop(unit, None)
        evidence = self._stop("evidence", "cancelled", unit)
        if evidence is not None and ("evidence", successor) not in self.running:
            self._start("evidence", evidence.base, evidence.due, successor)
            self.running["evidence", successor].holder = successor
        for clock in self.running.values():
            if clock.holder == unit:
                clock.holder = successor

    # ------------------------------------------------------------ corrections

    def _amend(self, body: dict[str, Any], at: datetime) -> None:
        self._check(self.status != "declined")
        self.category = body.get("category", self.category)
        self.limit = body.get("statutory_limit", self.limit)
        clock = self.running.get(("handling", None))
        if clock is not None and {"category", "statutory_limit"} & body.keys():
            due = self._term_with_extensions(clock.base)
            if due != clock.due:
                self.raised = []
                self._start("handling", clock.base, due)
        if "emergency" in body:
            self._amend_emergency(body["emergency"] is not None, at)
        wish = wish_of(body.get("claimant"))
        if wish == "unwanted":
            self.wanted = False
            self._stop("first_contact")
            self._end("closing_contact", at, "cancelled")
        elif wish == "wanted" and not self.wanted:
            self.wanted = True
            if self.status == "handling" and not self.reworked and not self._reached_first():
                self._start_contact("first", at)

    def _reached_first(self) -> bool:
        """Return whether the claimant was reached in the present holding."""
        assert self.unit is not None
        return any(c.reached for c in self._calls_of("first", self.calls_before[self.unit]))

    def _amend_emergency(self, emergency: bool, at: datetime) -> None:
        before, self.emergency = self.emergency, emergency
        if before and not emergency:
            for name in EMERGENCY_HOURS:
                self._stop(name)
        elif emergency and not before and self.results == 0 and self._held():
            been = {"on_site"} if self.unit in self.on_site else set()
            self._start_emergency(at, EMERGENCY_HOURS.keys() - been - self.met)

    # ------------------------------------------------------------ the term

    def _term(self, start: datetime) -> datetime:
        """The category's term or the law's, whichever ends first (3.4)."""
        ends = [self.days.workdays(start, WORKDAYS[self.category])]
        limit = self.limit or {}
        if limit.get("workdays"):
            ends.append(self.days.workdays(start, limit["workdays"]))
        if limit.get("days"):
            ends.append(self.days.calendar_days(start, limit["days"]))
        if limit.get("hours"):
            ends.append(start + timedelta(hours=limit["hours"]))
        return min(ends)

    def _term_with_extensions(self, base: datetime) -> datetime:
        due = self._term(base)
        for _ in range(self.extensions_since):
            due = self._term(due)
        return due

    def _restart(self, at: datetime) -> None:
        self.restarted_at, self.extensions_since, self.raised = at, 0, []
        self._start("handling", at, self._term(at))

    def _extend(self, body: dict[str, Any], at: datetime) -> None:
        clock = self.running.get(("handling", None))
        granted = (
            clock is not None
            and not self.reworked
            and self.extensions < 2
            and all(says_something(body.get(part)) for part in EXTENSION_PARTS)
            and is_yes(body.get("claimant_told"))
            and at <= self.days.closing(clock.due.date(), -1, at)
        )
        if not granted or clock is None:
            self._fact("ext_refused", at)
            self.answers[body["arrival"]] = "extension.refused"
            return
        self.extensions += 1
        self.extensions_since += 1
        self.raised = []
        due = self._term(clock.due)
        self._fact("ext", self.extensions, due)
        self.answers[body["arrival"]] = "extension.granted"
        self._start("handling", clock.base, due)

    # ------------------------------------------------------------ result, rework

    def _submit(self, body: dict[str, Any], at: datetime) -> None:
        self._check(self.status in ("dispatched", "handling"))
        filed = body["disposal"] != "ordinary"
        if filed:
            self._check(says_something(body.get("materials")))
        else:
            self._check(all(says_something(body.get(part)) for part in RESULT_PARTS))
            if (long := body.get("long_term")) is not None:
                self._check(isinstance(long, dict))
                self._check(says_something(long.get("progress")))
                self._check(says_something(long.get("next_steps")))
        if self.status == "dispatched":
            self._accept(at)
        clock = self._stop("handling", "met")
        assert clock is not None
        outcome = "met" if at <= clock.due else "late"
        self._fact("stopped", "handling", self._nth("stopped"), outcome)
        self._meet("emergency_report", at)
        self.status, self.result_in_holding = "submitted", True
        self.results += 1
        self.rating_before = self.rating
        self._start("survey", at, self.days.workdays(at, 1))
        if filed:
            self._complete(at)
        else:
            self._start("result_review", at, self.days.workdays(at, 1))

    def _review_result(self, approved: bool, at: datetime) -> None:
        if approved:
            self._complete(at)
            return
        assert self.unit is not None
        self._stop("survey")
        self.rating = self.rating_before
        if self.revisit == self.results:
            self.revisit = 0
            self._stop("revisit")
        base = self.restarted_at or self.receipts[self.unit]
        self.status = "handling"
        self._start("handling", base, self._term_with_extensions(base))

    def _complete(self, at: datetime) -> None:
        self.status = "completed"
        self.settled_at, self.calls_before_completion = at, len(self.calls)
        self._fact("completed", at)
        for name in EMERGENCY_HOURS:
            self._stop(name)
        if self.wanted:
            self._start_contact("closing", at)

    def _rework(self, body: dict[str, Any], at: datetime) -> None:
        if self.status != "completed" or self.reworked or self.rating not in BAD:
            self._fact("rework_refused", at)
            self.answers[body["arrival"]] = "rework.refused"
            return
        self._fact("rework", at)
        self.answers[body["arrival"]] = "rework.opened"
        self.reworked = True
        self._stop("closing_contact")
        self._stop("survey")
        unit = body.get("unit") or self.unit
        if unit != self.unit:
            self._stop("first_contact")
        self._lead(unit)
        if body.get("former_holder"):
            self.others.add(body["former_holder"])
        self.status = "handling"
        self._restart(at)

    # ------------------------------------------------------------ contacts, ratings

    def _start_contact(self, purpose: str, at: datetime) -> None:
        name = CLOCK_OF[purpose]
        assert self.unit is not None
        self._start(name, at, self.days.workdays(at, 1))
        self.contacts.setdefault(purpose, []).append(self.running[name, None])

    def _contact(self, body: dict[str, Any], at: datetime) -> None:
        by_hotline = body["unit"] == HOTLINE
        if not by_hotline:
            self._ours(body)
        purpose, reached = body["purpose"], body["outcome"] in REACHED
        evidence = says_something(body.get("evidence"))
        if by_hotline != (purpose == "survey"):
            return  # the hotline's own calls meet no clock of the unit, nor the other way round
        self.calls.append(Call(at, body["unit"], purpose, reached, evidence))
        self._answer_denial(self.calls[-1])
        name = CLOCK_OF.get(purpose, "")
        clock = self.running.get((name, None))
        if clock is None:
            return
        if reached:
            self._meet(name, at)
        elif self.days.works(at.date()):
            clock.failed.append((at.date(), slot(at)))
            if len({s for day, s in clock.failed if day == at.date()}) > 1:
                self._fact("unreachable", purpose, at)
                self._meet(name, at)

    def _answer_denial(self, call: Call) -> None:
        """The owing unit's call while proof is asked may be the proof, or the contact itself."""
        if ("proof", call.purpose) not in self.running:
            return
        duty = self.asked[call.purpose]
        if call.unit != self.running["proof", call.purpose].holder:
            return
        if call.evidence:
            self._proved(call.purpose, call.at)
        elif call.reached and call.at <= duty.due:
            duty.denial = ""
            self._end("proof", call.at, "cancelled", call.purpose)

    def _deny(self, purpose: str, at: datetime) -> None:
        self._check(self.status != "declined")
        duties = self.contacts.get(purpose, [])
        self._check(bool(duties))
        duty = duties[-1]
        self._check(duty.ended != "cancelled" and duty.denial not in ("proved", "absent"))
        self._check(("proof", purpose) not in self.running)
        self.asked[purpose] = duty
        owing = self._owing(duty)
        since = self.calls_before_completion
        if purpose == "first":
            since = self.calls_before.get(owing, 0)
        if any(c.evidence and c.unit == owing for c in self._calls_of(purpose, since)):
            duty.denial = "proved"
            self._fact("proved", purpose, owing)
            return
        duty.denial = "asked"
        self._start("proof", at, self.days.workdays(at, 1), purpose)
        self.running["proof", purpose].holder = owing

    def _prove(self, body: dict[str, Any], at: datetime) -> None:
        purpose = body["purpose"]
        duty = self.asked.get(purpose)
        self._check(duty is not None and duty.denial in ("asked", "absent"))
        assert duty is not None
        proof = self.running.get(("proof", purpose))
        self._check(proof is not None or duty.denial == "absent")
        asked = self._owing(duty) if proof is None else proof.holder
        self._check(body["unit"] in (asked, HOTLINE))
        self._check(says_something(body["evidence"]))
        if duty.denial == "asked":
            self._proved(purpose, at)

    def _proved(self, purpose: str, at: datetime) -> None:
        duty = self.asked[purpose]
        duty.denial = "proved"
        self._fact("proved", purpose, self.running["proof", purpose].holder)
        self._meet("proof", at, purpose)

    def _rate(self, rating: str, at: datetime) -> None:
        self.rating = rating
        if rating in BAD and not self.revisit:
            self.revisit = self.results
            self._start("revisit", at, self.days.workdays(at, 1))

    def _end_revisit(self, at: datetime) -> None:
        self.revisit = 0
        self._stop("revisit", "met")
        self._settle(("revisit", None), at)

    # ------------------------------------------------------------ clocks and facts

    def _start(self, name: str, base: datetime, due: datetime, of: str | None = None) -> None:
        holder = HELD_BY.get(name, self.unit)
        self.running[name, of] = Clock(base, due, holder)
        if name not in UNNUMBERED:
            self._fact("due", name, self._nth(f"due {name}"), due)

    def _stop(self, name: str, ended: str = "cancelled", of: str | None = None) -> Clock | None:
        clock = self.running.pop((name, of), None)
        if clock is not None:
            clock.ended = ended
            if name == "handling" and ended == "cancelled":
                self.raised = []
        return clock

    def _end(self, name: str, at: datetime, ended: str, of: str | None = None) -> None:
        """End a clock at a moment that the five days to the archive may count from."""
        if self._stop(name, ended, of) is not None:
            self._settle((name, of), at)

    def _meet(self, name: str, at: datetime, of: str | None = None) -> None:
        if (name, of) in self.running:
            self.met.add(name)
        self._end(name, at, "met", of)

    def _settle(self, key: Key, at: datetime) -> None:
        """Remember when the last thing ended that keeps a completed ticket from the archive."""
        if key[0] in KEPT_FROM_ARCHIVE:
            self.settled_at = max(at, self.settled_at or at)

    def _close(self, status: str) -> None:
        self.status = status
        for name, of in list(self.running):
            self._stop(name, "cancelled", of)

    def _nth(self, what: str) -> int:
        self.counted[what] += 1
        return self.counted[what]

    def _fact(self, name: str, *values: Any) -> None:
        texts = [v.isoformat(timespec="seconds") if isinstance(v, datetime) else v for v in values]
        self.facts.append((name, self.ticket, *texts))


CONDUCT = "conduct.recorded"
