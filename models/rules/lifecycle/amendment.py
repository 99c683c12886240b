"""Corrections of what was received: decisions 35 and 43."""

from msgspec import UNSET, UnsetType

from models.i18n import PrivateText, lazy
from models.rules import events, messages
from models.rules.lifecycle.decision import Decision, wrong_status
from models.rules.lifecycle.handling import (
    start_emergency_clock,
    start_first_contact,
    term_with_extensions,
)
from models.rules.messages import Message, Refusal, named_topic
from models.rules.vocabulary import (
    EMERGENCY_CLOCKS,
    OPEN,
    ClockName,
    ClockState,
    ContactWish,
    NoticeKind,
    Status,
)

AMENDABLE = (
    "category",
    "emergency",
    "statutory_limit",
    "claimant",
    "title",
    "address",
    "street",
    "topic",
)
TOPIC_ALONE = ("topic",)


def amended(decision: Decision, content: messages.TicketAmended) -> Refusal | None:
    """Correct what was received, and recompute the clocks that depend on it.

    The topic alone may be corrected whatever the status, and nobody is told: it is nobody's duty.
    """
    state = decision.state
    assert decision.message is not None
    changes = amended_fields(content)
    if state.status not in (*OPEN, Status.COMPLETED) and changes != TOPIC_ALONE:
        return wrong_status(decision)
    if not changes:
        names = ", ".join(AMENDABLE)
        return Refusal(lazy("nothing is amended: give one of {names}", names=names))
    decision.emit(
        events.TicketAmended(
            fields=changes,
            by=content.by,
            category=content.category,
            emergency=content.emergency,
            topic=_known_topic(decision.message, content),
            changes=tuple(map(PrivateText, changes)),
            why=content.why,
        )
    )
    if content.topic is not UNSET:
        state.topic = named_topic(decision.message, content.topic)
    if content.category is not UNSET or content.statutory_limit is not UNSET:
        if content.category is not UNSET:
            state.category = content.category
        if content.statutory_limit is not UNSET:
            state.limit = content.statutory_limit
        _recompute_handling(decision)
    if content.emergency is not UNSET:
        before, state.emergency = state.emergency, content.emergency
        if before is None and state.emergency is not None:
            _begin_emergency(decision)
        elif state.emergency is None:
            decision.cancel_clocks(*EMERGENCY_CLOCKS)
    if content.claimant is not UNSET and content.claimant.contact is not None:
        _change_wish(decision, content.claimant.contact)
    if changes != TOPIC_ALONE:
        decision.notify_unit(NoticeKind.AMENDED, state.unit)
    return None


def amended_fields(content: messages.TicketAmended) -> tuple[str, ...]:
    """Return the fields that a correction changes."""
    return tuple(name for name in AMENDABLE if getattr(content, name) is not UNSET)


def _known_topic(message: Message, content: messages.TicketAmended) -> str | UnsetType | None:
    return None if content.topic is None else message.topic or UNSET


def _recompute_handling(decision: Decision) -> None:
    """Count the running term anew from its base: a new run if its expiry moves, else the same."""
    clock = decision.running_clock(ClockName.HANDLING)
    if clock is None:
        return
    due = term_with_extensions(decision, clock.base)
    if due != clock.due:
        decision.begin_run()
        why = lazy("category or limit amended")
        decision.move_clock(ClockName.HANDLING, clock.base, due, why)


def _begin_emergency(decision: Decision) -> None:
    """Run an emergency's terms from this moment; none once a result has come."""
    state = decision.state
    if state.unit is None or state.has_result:
        return
    for name in EMERGENCY_CLOCKS:
        clock = state.clocks.get(name)
        there = name == ClockName.ON_SITE and state.unit in state.on_site
        if not there and (clock is None or clock.state != ClockState.MET):
            start_emergency_clock(decision, name)


def _change_wish(decision: Decision, wish: ContactWish) -> None:
    """End the contacts that are no longer wanted, or begin the first where it is wanted again."""
    state = decision.state
    wanted = wish == ContactWish.WANTED
    if wanted == state.contact_wanted:
        return
    state.contact_wanted = wanted
    if not wanted:
        decision.cancel_clocks(ClockName.FIRST_CONTACT, ClockName.CLOSING_CONTACT)
    elif (
        state.status == Status.HANDLING
        and not state.reworked
        and state.unit not in state.reached
        and decision.running_clock(ClockName.FIRST_CONTACT) is None
    ):
        start_first_contact(decision, decision.at)
