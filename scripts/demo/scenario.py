"""The scenario of the demo: invented letters, and units that answer them, some of them late.

All of it is put into the inbox as messages that wait for their time, like any city's feed.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from typing import Any

import msgspec

from models.clock import DemoClock, system_clock
from models.database import Store
from models.operations.inbox import add_messages
from models.rulebook import Rulebook, load_rulebook
from models.rules.calendar import SHANGHAI
from models.rules.messages import HOTLINE, TicketReceived, read_content
from models.rules.state import RuleContext
from models.rules.terms import expiry
from models.rules.vocabulary import MessageType

START = datetime(2026, 11, 2, 8, 0, tzinfo=SHANGHAI)
"""A Monday; the two weeks that follow have no holidays."""

LENGTH = timedelta(days=11, hours=10)
REAL_SECONDS = 120.0

_SEED = 12345
_SLOW_UNITS = ("城市管理和综合执法局", "住房和城乡建设局", "生态环境分局", "达濠街道")
_LETTERS_UNTIL = timedelta(days=9)
_FIRST_LETTERS = 12
_SOURCE = "demo"

Body = dict[str, Any]


def load_demo(store: Store) -> DemoClock:
    """Put all messages of the demo into an empty store; returns the clock, which starts now.

    At the end of the two weeks it stands still: no further letter comes, and all would turn red.
    """
    with store.writing() as session:
        rulebook = load_rulebook(session)
        messages = sorted(demo_messages(rulebook), key=lambda m: str(m["at"]))
        add_messages(session, _SOURCE, messages, START)
    speed = LENGTH.total_seconds() / REAL_SECONDS
    return DemoClock(system_clock(), START, speed, START + LENGTH)


def demo_letters() -> list[Body]:
    """The letters of the demo, from the package."""
    text = (resources.files("scripts.demo") / "letters.jsonl").read_bytes()
    return [msgspec.json.decode(line) for line in text.splitlines() if line.strip()]


def letter_content(letter: Body) -> TicketReceived:
    """A letter as the rules read it."""
    content = read_content(MessageType.TICKET_RECEIVED, letter)
    assert isinstance(content, TicketReceived)
    return content


def demo_messages(rulebook: Rulebook) -> Iterator[Body]:
    """All messages of the demo, the same each time, ticket by ticket."""
    rng = random.Random(_SEED)
    letters = demo_letters()
    rng.shuffle(letters)
    context = rulebook.context_for(rulebook.policy_at(START))
    for number, letter in enumerate(letters, 1):
        at = _arrival(rng, number, len(letters))
        ticket = TicketScript(f"DEMO{number:04}", letter["category"], rng, context)
        yield ticket.message(MessageType.TICKET_RECEIVED, at, **letter)
        unit = rulebook.directory.route(letter_content(letter)).unit
        if unit is None:
            at = ticket.office(at + timedelta(hours=rng.uniform(0.5, 4)))
            unit = rng.choice(list(rulebook.directory.units))
            yield ticket.message(MessageType.TICKET_ASSIGNED, at, unit=unit, by="值班员")
        yield from ticket.messages_after(unit, at, emergency="emergency" in letter)


def _arrival(rng: random.Random, number: int, of: int) -> datetime:
    """The time of a letter: most by day, a few by night, the first dozen at the very beginning."""
    if number <= _FIRST_LETTERS:
        return START + timedelta(minutes=5 * number)
    day = timedelta(days=int(_LETTERS_UNTIL.days * (number / of) ** 1.2))
    return START + day + timedelta(hours=rng.triangular(0.5, 14, 3))


@dataclass
class TicketScript:
    """One ticket of the demo: what its unit, its claimant and the hotline do, by chance."""

    number: str
    category: str
    rng: random.Random
    context: RuleContext
    count: int = 0

    def message(self, kind: MessageType, at: datetime, **body: Any) -> Body:
        """One message about the ticket."""
        self.count += 1
        name = f"{self.number}-{self.count}"
        envelope = {"id": name, "at": at.isoformat(timespec="seconds"), "type": kind.value}
        return {**body, **envelope, "ticket": self.number}

    def chance(self, share: float) -> bool:
        """Return whether something happens that happens in this share of cases."""
        return self.rng.random() < share

    def office(self, at: datetime) -> datetime:
        """The same moment in office hours, else some time after their next beginning."""
        calendar, hours = self.context.calendar, self.context.policy.office
        day = at.date()
        if calendar.is_working(day) and at.time() < hours.closing:
            return max(at, datetime.combine(day, hours.opening, SHANGHAI))
        opening = calendar.instant(day, 1, hours.opening)
        return opening + timedelta(minutes=self.rng.uniform(1, 90))

    def later(self, at: datetime, low: float, high: float) -> datetime:
        """A moment in office hours, between `low` and `high` hours after `at`."""
        return self.office(at + timedelta(hours=self.rng.uniform(low, high)))

    def messages_after(self, unit: str, at: datetime, *, emergency: bool) -> Iterator[Body]:
        """The messages of unit, claimant and hotline after the ticket was dispatched."""
        slow = unit in _SLOW_UNITS
        if emergency:
            yield self.message(MessageType.SITE_ARRIVED, at + timedelta(hours=1.2), unit=unit)
            text = "已到场处置，险情受控。"
            reported_at = at + timedelta(hours=9)
            yield self.message(MessageType.PROGRESS_REPORTED, reported_at, unit=unit, text=text)
        if self.chance(0.04):
            returned_at = self.later(at, 1, 5)
            yield self.message(
                MessageType.UNIT_RETURNED, returned_at, unit=unit, reason="不属于本单位职责",
                basis="三定方案", suggested_unit="政务服务数据管理局", signed_by="分管副职",
            )  # fmt: skip
            reviewed_at = self.later(returned_at, 2, 6)
            yield self.message(MessageType.RETURN_REVIEWED, reviewed_at, approved=False)
            return
        policy, calendar = self.context.policy, self.context.calendar
        accepted_at = expiry(at, policy.terms.accept, calendar, policy.office)
        if not self.chance(0.5 if slow else 0.1):
            accepted_at = min(accepted_at, self.later(at, 0.3, 5))
            yield self.message(MessageType.UNIT_ACCEPTED, accepted_at, unit=unit)
        if not self.chance(0.3 if slow else 0.1):
            yield from self._calls(unit, "first", self.later(accepted_at, 0.5, 4))
        due = expiry(accepted_at, getattr(policy.terms, self.category), calendar, policy.office)
        if slow and self.chance(0.35):
            return
        share = self.rng.uniform(0.8, 1.9) if slow else self.rng.uniform(0.3, 0.95)
        yield from self._result(unit, self.office(accepted_at + (due - accepted_at) * share))

    def _calls(self, unit: str, purpose: str, at: datetime) -> Iterator[Body]:
        call = {"unit": unit, "purpose": purpose, "method": "phone"}
        if self.chance(0.2):
            yield self.message(MessageType.CONTACT_ATTEMPTED, at, outcome="no_answer", **call)
            at += timedelta(hours=5)
        yield self.message(MessageType.CONTACT_ATTEMPTED, at, outcome="reached", **call)

    def _result(self, unit: str, at: datetime, *, again: bool = False) -> Iterator[Body]:
        yield self.message(
            MessageType.RESULT_SUBMITTED, at, unit=unit, facts="经现场核查，反映情况属实。",
            measures="已安排人员处理并建立巡查机制。", remedies="如有异议可依法申请复核。",
            basis="相关法律法规及职责规定。", disposal="ordinary",
        )  # fmt: skip
        reviewed_at = self.later(at, 1, 5)
        if not again and self.chance(0.08):
            why = "未答复诉求人提出的问题。"
            yield self.message(MessageType.RESULT_REVIEWED, reviewed_at, approved=False, why=why)
            yield from self._result(unit, self.later(reviewed_at, 3, 9), again=True)
            return
        yield self.message(MessageType.RESULT_REVIEWED, reviewed_at, approved=True)
        yield from self._calls(unit, "closing", self.later(reviewed_at, 0.5, 5))
        ratings = ("very_satisfied", "satisfied", "basically_satisfied", "dissatisfied")
        rating = self.rng.choices(ratings, (30, 45, 15, 10))[0]
        rated_at = self.later(reviewed_at, 1, 8)
        yield self.message(MessageType.SURVEY_RATED, rated_at, rating=rating)
        if rating == "dissatisfied" and self.chance(0.7):
            revisited_at = self.later(rated_at, 1, 5)
            yield self.message(
                MessageType.CONTACT_ATTEMPTED, revisited_at, unit=HOTLINE, purpose="revisit",
                outcome="reached", method="phone",
            )  # fmt: skip
            yield self.message(MessageType.REVISIT_RECORDED, revisited_at, outcome="confirmed")
            yield self.message(MessageType.REWORK_REQUESTED, self.later(revisited_at, 0.5, 3))
