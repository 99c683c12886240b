"""A second, slow and obvious reading of a ticket's life, to hold the rules against.

Written from the words of the regulation's clauses, not from the code that it checks: one plain
object walks from moment to moment, looks each time at everything that could come next, and counts
days one after the other. It knows the district's own policy only, whose numbers stand here again.
It is one long file on purpose: somebody who doubts a clause reads it here from top to bottom.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any

from models.rules.messages import Message
from models.rules.vocabulary import (
    Category,
    Code,
    ContactOutcome,
    ContactPurpose,
    ContactWish,
    Decider,
    Disposal,
    Rating,
    RevisitOutcome,
    WithdrawnTo,
)
from tests.rules import slow_calendar
from tests.rules.facts import Fact

HOTLINE = "hotline"
WORKDAYS = {"consultation": 1, "suggestion": 2, "help": 3, "complaint": 7}
OPENING, CLOSING = time(8, 30), time(17, 30)
BEFORE_ACCEPTANCE = ("dispatched", "returned", "disputed")
BEFORE_COMPLETION = ("received", "manual", *BEFORE_ACCEPTANCE, "handling", "submitted")
BAD = ("dissatisfied", "very_dissatisfied")
LADDER = {"prewarning": -1, "yellow": 1, "red": 2}
EXTENSION_PARTS = ("facts", "reasons", "progress", "next_steps")
JUDGED = ("extension.requested", "rework.requested")
RETURN_PARTS = ("reason", "basis", "suggested_unit", "signed_by")
RESULT_PARTS = ("facts", "measures", "remedies", "basis")
PLAIN_TEXTS = {
    "progress.reported": ("text",),
    "claimant.supplemented": ("text",),
    "term.restarted": ("basis",),
    "unit.urged": ("text",),
}


def _labels(codes: Iterable[Code]) -> dict[str, str]:
    return {code.value: code.chinese for code in codes if code.chinese}


TABLES = {
    "category": _labels(Category),
    "contact": _labels(ContactWish),
    "purpose": _labels(ContactPurpose),
    "outcome": _labels(ContactOutcome) | _labels(RevisitOutcome),
    "rating": _labels(Rating),
    "to": _labels(WithdrawnTo),
    "by": _labels(Decider),
    "disposal": _labels(Disposal),
}
Key = tuple[str, str | None]
"""A clock's name, with the unit of an evidence clock and the purpose of a proof."""


@cache
def works(day: date) -> bool:
    """Return whether a day counts."""
    return slow_calendar.counts(day, {})


@cache
def workday(day: date, n: int) -> date:
    """The n-th working day after `day`, or before it."""
    step = timedelta(days=1 if n > 0 else -1)
    for _ in range(abs(n)):
        day += step
        while not works(day):
            day += step
    return day


def workdays(base: datetime, n: int) -> datetime:
    """N working days from `base` (time.md, Terms)."""
    return datetime.combine(workday(base.date(), n), CLOSING, base.tzinfo)


def half_day(base: datetime) -> datetime:
    """Half a working day from `base`: the first working half-day that begins strictly after it."""
    return slow_calendar.expiry(base, 1, "halfdays", {})


def slot(at: datetime) -> str:
    """The period of the day in which somebody called."""
    return "morning" if at.hour < 12 else "afternoon" if at.hour < 18 else "evening"


def there(value: Any) -> bool:
    """Return whether a part of a paper has been given."""
    return bool(value.strip() if isinstance(value, str) else value)


@dataclass
class Clock:
    """A running clock; `failed` are the vain calls while it ran."""

    base: datetime
    due: datetime
    failed: list[tuple[date, str]] = field(default_factory=list)


class No(Exception):
    """The message cannot be applied."""


@dataclass
class SecondModel:
    """One ticket. Instants in Asia/Shanghai; `answers` by the arrival of each message."""

    ticket: str
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
    strangers: tuple[str, ...] = ()
    disputing: set[str] = field(default_factory=set)
    may_return: bool = True
    reached_early: bool = False
    running: dict[Key, Clock] = field(default_factory=dict)
    met: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    raised: list[str] = field(default_factory=list)
    restarted_at: datetime | None = None
    extensions: int = 0
    extensions_since: int = 0
    rating: str | None = None
    rating_before: str | None = None
    revisit: bool = False
    revisit_before: bool = False
    reworked: bool = False
    settled_at: datetime | None = None
    facts: list[Fact] = field(default_factory=list)
    answers: dict[int, str] = field(default_factory=dict)
    counted: Counter[str] = field(default_factory=Counter)

    # ------------------------------------------------------------ what is asked

    @property
    def level(self) -> str | None:
        """The highest level of the present run."""
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
        day = workday(clock.due.date(), LADDER[level])
        return max(clock.base, datetime.combine(day, OPENING, clock.base.tzinfo))

    def _archive_at(self) -> datetime | None:
        open_things = {"closing_contact", "survey", "proof"} & {name for name, _ in self.running}
        if self.status != "completed" or open_things or self.revisit:
            return None
        assert self.settled_at is not None
        return workdays(self.settled_at, 5)

    def _happen(self, moment: datetime, what: str, key: Key) -> None:
        if what == "level":
            self.raised.append(key[0])
            self._fact("level", self._nth("level"), key[0], moment)
        elif what == "archive":
            self.status = "archived"
            self.running.clear()
        elif key == ("accept", None):
            del self.running[key]
            self._fact("deemed", moment)
            self._begin_handling(moment)
        else:
            del self.running[key]
            self._settle(key, moment)
            if key[0] not in ("evidence", "proof"):
                self._fact("expired", key[0], moment)

    # ------------------------------------------------------------ messages

    def take(self, message: Message) -> None:
        """Apply a message at its `at`, after what came before it and with what it puts there."""
        self.go_to(message.at, inclusive=False)
        try:
            body = self._read(message)
            self._apply(message.type, body, message.at)
            self.answers.setdefault(message.arrival, "applied")
        except No:
            self.answers[message.arrival] = "message.refused"
        self.go_to(message.at, inclusive=False)

    def _read(self, message: Message) -> dict[str, Any]:
        """The body with codes for labels; what names an unknown unit or lacks a text is refused."""
        body, self.strangers = dict(message.raw), message.unknown
        for name, table in TABLES.items():
            codes = {label: code for code, label in table.items()}
            if isinstance(body.get(name), str):
                body[name] = codes.get(body[name], body[name])
        names = [body.get("unit"), body.get("former_holder"), *body.get("units", ())]
        first = message.type == "ticket.received"
        self._check(first != self.known)
        self._check(self.status != "archived" or message.type in JUDGED)
        if not first:
            self._check(all(name not in message.unknown for name in names))
            self._check(message.type == "contact.attempted" or HOTLINE not in names)
        elif body.get("unit") in message.unknown:
            body["unit"] = None
        self._check(all(there(body.get(name)) for name in PLAIN_TEXTS.get(message.type, ())))
        return body | {"arrival": message.arrival}

    def _check(self, fits: bool) -> None:
        if not fits:
            raise No

    def _lead_only(self, body: dict[str, Any]) -> None:
        self._check(body["unit"] == self.unit)

    def _lead(self, unit: str | None) -> None:
        self.unit = unit
        self.others -= {unit}

    def _with_a_unit(self) -> bool:
        return self.unit is not None and self.status != "declined"

    def _ours(self, body: dict[str, Any]) -> None:
        self._check(body["unit"] == self.unit or body["unit"] in self.others)

    def _apply(self, kind: str, body: dict[str, Any], at: datetime) -> None:
        """One message; every check stands before the first change."""
        match kind:
            case "ticket.received":
                self._receive(body, at)
            case "screening.decided":
                self._check(self.status in BEFORE_COMPLETION)
                if body["decline"]:
                    self._close("declined")
            case "ticket.assigned":
                self._check(self.status == "manual")
                self._dispatch(body["unit"], at)
            case "unit.accepted":
                self._lead_only(body)
                self._check(self.status == "dispatched")
                self._stop("accept")
                self._begin_handling(at)
            case "unit.returned":
                self._lead_only(body)
                self._check(self.status == "dispatched" and self.may_return)
                self._check(all(there(body.get(part)) for part in RETURN_PARTS))
                self._stop("accept")
                self.status, self.suggested = "returned", body["suggested_unit"]
            case "return.reviewed":
                self._check(self.status == "returned")
                self._review_return(body, at)
            case "dispute.opened":
                self._check(self.status in ("dispatched", "returned"))
                self._stop("accept")
                self.status, self.disputing = "disputed", set(body["units"])
                for unit in dict.fromkeys(body["units"]):
                    self.running["evidence", unit] = Clock(at, half_day(at))
            case "dispute.evidence":
                self._check(self.status == "disputed" and body["unit"] in self.disputing)
                self._stop("evidence", body["unit"])
            case "dispute.decided":
                self._check(self.status == "disputed")
                self._decide(body["unit"], at)
            case "site.arrived":
                self._ours(body)
                self._check(self.status in BEFORE_COMPLETION)
                self._meet("on_site", at)
            case "progress.reported":
                self._ours(body)
                self._check(self.status in BEFORE_COMPLETION)
                self._meet("emergency_report", at)
            case "contact.attempted":
                self._contact(body, at)
            case "contact.denied":
                self._check(self.wanted and self._with_a_unit())
                self._check(("proof", body["purpose"]) not in self.running)
                self.asked.add(body["purpose"])
                self.running["proof", body["purpose"]] = Clock(at, workdays(at, 1))
            case "contact.proof":
                self._ours(body)
                self._check(body["purpose"] in self.asked and there(body["evidence"]))
                self._meet("proof", at, body["purpose"])
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
                self._review_result(body["approved"], at)
            case "survey.rated":
                self._check(self.status in ("submitted", "completed"))
                self._meet("survey", at)
                self._rate(body["rating"], at)
            case "revisit.recorded":
                self._check(self.revisit)
                self._check(body["outcome"] == "confirmed" or "rating" in body)
                self.revisit = False
                self._settle(("revisit", None), at)
                if body["outcome"] == "corrected":
                    self.rating = body["rating"]
            case "rework.requested":
                self._rework(body, at)
            case "unit.joined":
                self._check(self.status in BEFORE_COMPLETION and self._with_a_unit())
                self.others.add(body["unit"])
            case "unit.urged":
                self._check(self.status in BEFORE_COMPLETION)

    # ------------------------------------------------------------ up to the acceptance

    def _receive(self, body: dict[str, Any], at: datetime) -> None:
        self.known = True
        self.category, self.limit = body["category"], body.get("statutory_limit")
        self.emergency = body.get("emergency") is not None
        contact = (body.get("claimant") or {}).get("contact") or "wanted"
        self.wanted = contact in ("wanted", ContactWish.WANTED.chinese)
        if body.get("declined") is not None:
            self.status = "declined"
        elif body.get("unit"):
            self._dispatch(body["unit"], at)
        else:
            self.status = "manual"

    def _dispatch(self, unit: str, at: datetime) -> None:
        self.receipts[unit] = at
        self._hold(unit, at)

    def _hold(self, unit: str, at: datetime) -> None:
        """A unit gets the ticket: its acceptance term counts from its first receipt (3.1-3.3)."""
        if unit != self.unit:
            self.reached_early = False
        if self.emergency and unit != self.unit:
            for name, hours in (("on_site", 2), ("emergency_report", 24)):
                if name not in self.met:
                    self._start(name, at, at + timedelta(hours=hours))
        self._lead(unit)
        self.status = "dispatched"
        receipt = self.receipts[unit]
        self._start("accept", receipt, workdays(receipt, 1))

    def _review_return(self, body: dict[str, Any], at: datetime) -> None:
        if not body["approved"]:
            assert self.unit is not None
            self.may_return = False
            self._hold(self.unit, at)
            return
        unit = body.get("unit") or self.suggested
        self._check(unit not in self.strangers and unit != HOTLINE)
        self._dispatch(unit, at)

    def _decide(self, unit: str, at: datetime) -> None:
        for key in [key for key in self.running if key[0] == "evidence"]:
            del self.running[key]
        self.receipts.setdefault(unit, at)
        self.may_return = False
        self._hold(unit, at)

    def _begin_handling(self, at: datetime) -> None:
        self.status = "handling"
        self.raised = []
        self._start("handling", at, self._term(at))
        if self.wanted:
            self._start("first_contact", at, workdays(at, 1))
            if self.reached_early:
                self._stop("first_contact")

    # ------------------------------------------------------------ the term

    def _term(self, start: datetime) -> datetime:
        """The category's term or the law's, whichever ends first (3.4)."""
        ends = [workdays(start, WORKDAYS[self.category])]
        if self.limit and self.limit.get("workdays"):
            ends.append(workdays(start, self.limit["workdays"]))
        if self.limit and self.limit.get("days"):
            day = start.date() + timedelta(self.limit["days"])
            while not works(day):
                day += timedelta(1)
            ends.append(datetime.combine(day, CLOSING, start.tzinfo))
        if self.limit and self.limit.get("hours"):
            ends.append(start + timedelta(hours=self.limit["hours"]))
        return min(ends)

    def _restart(self, at: datetime) -> None:
        self.restarted_at, self.extensions_since, self.raised = at, 0, []
        self._start("handling", at, self._term(at))

    def _extend(self, body: dict[str, Any], at: datetime) -> None:
        clock = self.running.get(("handling", None))
        granted = (
            clock is not None
            and not self.reworked
            and self.extensions < 2
            and all(there(body.get(part)) for part in EXTENSION_PARTS)
            and body.get("claimant_told") is True
            and at <= datetime.combine(workday(clock.due.date(), -1), CLOSING, at.tzinfo)
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
        self._start("handling", clock.base, due)

    # ------------------------------------------------------------ result, rework

    def _submit(self, body: dict[str, Any], at: datetime) -> None:
        self._check(self.status in ("dispatched", "handling"))
        filed = body["disposal"] != "ordinary"
        if filed:
            self._check(there(body.get("materials")))
        else:
            self._check(all(there(body.get(part)) for part in RESULT_PARTS))
            if (long := body.get("long_term")) is not None:
                self._check(isinstance(long, dict))
                self._check(there(long.get("progress")) and there(long.get("next_steps")))
        if self.status == "dispatched":
            self._stop("accept")
            self._begin_handling(at)
        clock = self.running.pop(("handling", None))
        outcome = "met" if at <= clock.due else "late"
        self._fact("stopped", "handling", self._nth("stopped"), outcome)
        self._meet("emergency_report", at)
        self.status = "submitted"
        self.rating_before, self.revisit_before = self.rating, self.revisit
        self._start("survey", at, workdays(at, 1))
        if filed:
            self._complete(at)

    def _review_result(self, approved: bool, at: datetime) -> None:
        if approved:
            self._complete(at)
            return
        assert self.unit is not None
        self._stop("survey")
        self.rating, self.revisit = self.rating_before, self.revisit_before
        base = self.restarted_at or self.receipts[self.unit]
        due = self._term(base)
        for _ in range(self.extensions_since):
            due = self._term(due)
        self.status = "handling"
        self._start("handling", base, due)

    def _complete(self, at: datetime) -> None:
        self.status = "completed"
        self.settled_at = at
        self._fact("completed", at)
        self._stop("on_site")
        self._stop("emergency_report")
        if self.wanted:
            self._start("closing_contact", at, workdays(at, 1))

    def _rework(self, body: dict[str, Any], at: datetime) -> None:
        if self.status != "completed" or self.reworked or self.rating not in BAD:
            self._fact("rework_refused", at)
            self.answers[body["arrival"]] = "rework.refused"
            return
        self._fact("rework", at)
        self.reworked = True
        self._stop("closing_contact")
        self._stop("survey")
        self._lead(body.get("unit") or self.unit)
        if body.get("former_holder"):
            self.others.add(body["former_holder"])
        self.status = "handling"
        self._restart(at)

    # ------------------------------------------------------------ contacts, ratings

    def _contact(self, body: dict[str, Any], at: datetime) -> None:
        by_hotline = body["unit"] == HOTLINE
        if not by_hotline:
            self._ours(body)
        purpose, reached = body["purpose"], body["outcome"] in ("reached", "refused")
        name = {"first": "first_contact", "closing": "closing_contact"}.get(purpose, purpose)
        if by_hotline != (purpose == "survey"):
            return  # the hotline's own calls meet no clock of the unit, nor the other way round
        if purpose == "first" and self.status in BEFORE_ACCEPTANCE and reached:
            self.reached_early = True
        clock = self.running.get((name, None))
        if clock is None or purpose not in ("first", "closing", "survey"):
            return
        if reached:
            self._meet(name, at)
        elif works(at.date()):
            clock.failed.append((at.date(), slot(at)))
            if len({s for day, s in clock.failed if day == at.date()}) > 1:
                self._fact("unreachable", purpose, at)
                self._meet(name, at)

    def _rate(self, rating: str, at: datetime) -> None:
        self.rating = rating
        if rating in BAD:
            self.revisit = True
        elif self.revisit:
            self.revisit = False
            self._settle(("revisit", None), at)

    # ------------------------------------------------------------ clocks and facts

    def _start(self, name: str, base: datetime, due: datetime) -> None:
        self.running[name, None] = Clock(base, due)
        self._fact("due", name, self._nth(f"due {name}"), due)

    def _stop(self, name: str, of: str | None = None) -> None:
        self.running.pop((name, of), None)

    def _meet(self, name: str, at: datetime, of: str | None = None) -> None:
        if self.running.pop((name, of), None) is not None:
            self.met.add(name)
            self._settle((name, of), at)

    def _settle(self, key: Key, at: datetime) -> None:
        """Remember when the last thing ended that keeps a completed ticket from the archive."""
        if key[0] in ("closing_contact", "survey", "proof", "revisit"):
            self.settled_at = max(at, self.settled_at or at)

    def _close(self, status: str) -> None:
        self.status = status
        self.running.clear()

    def _nth(self, what: str) -> int:
        self.counted[what] += 1
        return self.counted[what]

    def _fact(self, name: str, *values: Any) -> None:
        texts = [v.isoformat(timespec="seconds") if isinstance(v, datetime) else v for v in values]
        self.facts.append((name, self.ticket, *texts))
