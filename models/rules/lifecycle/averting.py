"""The last acts that would have averted a card, each tried by folding the ticket with it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from models.i18n import PrivateText
from models.rules.lifecycle.decide import fold
from models.rules.lifecycle.outcome import RaisedLevel, outcome_of
from models.rules.messages import Content, ExtensionRequested, Message, ResultSubmitted
from models.rules.papers import EXTENSION_PARTS, RESULT_PARTS
from models.rules.state import EDITION, Clock, RuleContext, State
from models.rules.vocabulary import Disposal, MessageType

_SAID = PrivateText("assumed")
"""A part of a message that says something; what it says does not matter to the rules."""


class AvertingAct(NamedTuple):
    """An act by which a card would not have been raised, at the last moment at which it helps.

    `raises` are the levels of the same run that come all the same by the card's moment.
    """

    type: MessageType
    unit: str
    at: datetime
    raises: tuple[RaisedLevel, ...]


class CardCase(NamedTuple):
    """A card of a ticket, with the messages that the ticket is made of and the deadline missed."""

    ticket: str
    messages: Sequence[Message]
    days_kept: Mapping[str, bool]
    card: RaisedLevel
    due: datetime


def averting_acts(case: CardCase, context: RuleContext) -> Iterator[AvertingAct]:
    """Yield the acts of the unit that would have averted a card, the latest first (3.5, 3.7, 5).

    A message comes before what time alone brings about at the same moment: a result at the very
    moment of the card is still ahead of it. Each is tried by the rules, so that none is named that
    they would have refused. What came after the act is left out: the city may refuse a result.
    """
    unit = case.card.unit
    if unit is None:
        return
    closing = context.policy.hours.afternoon.ends
    ask_by = context.policy.extension.ask_by.of(case.due, context.calendar, closing)
    actions = (
        (MessageType.RESULT_SUBMITTED, case.card.at),
        (MessageType.RESULT_SUBMITTED, case.due),
        (MessageType.EXTENSION_REQUESTED, ask_by),
    )
    for kind, at in actions:
        if at <= case.card.at:
            levels = levels_with(case, kind, at, context)
            if not any(x.level == case.card.level and x.at == case.card.at for x in levels):
                run = tuple(x for x in levels if x.run >= case.card.run)
                yield AvertingAct(kind, unit, at, run)


def levels_with(
    case: CardCase, kind: MessageType, at: datetime, context: RuleContext
) -> tuple[RaisedLevel, ...]:
    """Return the levels of a ticket up to its card, had its unit done this at a moment."""
    content = _complete(kind, str(case.card.unit))
    earlier = [m for m in case.messages if m.at <= at]
    arrival = max((m.arrival for m in case.messages), default=0) + 1
    message = Message(kind, case.ticket, at, arrival, content, {})
    messages = sorted([*earlier, message], key=lambda m: (m.at, m.arrival))
    state, past = State(case.ticket, EDITION, days_kept=dict(case.days_kept)), list[Clock]()
    events = fold(state, messages, context, case.card.at, past=past)
    return outcome_of(state, past, [(e.data, e.cause) for e in events]).levels


def _complete(kind: MessageType, unit: str) -> Content:
    """Return a result or a request for more time that lacks nothing."""
    if kind == MessageType.EXTENSION_REQUESTED:
        parts = dict.fromkeys(EXTENSION_PARTS, _SAID)
        return ExtensionRequested(unit=unit, claimant_told=True, **parts)
    parts = dict.fromkeys(RESULT_PARTS, _SAID)
    return ResultSubmitted(unit=unit, disposal=Disposal.ORDINARY, **parts)
