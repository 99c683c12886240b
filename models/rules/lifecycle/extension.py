"""A unit's request for more time: Regulation 3.5."""

from msgspec import UNSET

from models.i18n import N_, lazy
from models.rules import events, messages
from models.rules.calendar import SHANGHAI
from models.rules.lifecycle.decision import Decision, lacks, wrong_status
from models.rules.lifecycle.handling import term_from
from models.rules.messages import Refusal
from models.rules.vocabulary import ClockName, NoticeKind


def extension_requested(decision: Decision, content: messages.ExtensionRequested) -> Refusal | None:
    """Grant or refuse an extension; the regulation itself decides, no person (3.5)."""
    state = decision.state
    refusal = _why_not_extend(decision, content)
    if refusal is not None:
        decision.emit(events.ExtensionRefused(why=refusal.why, missing=refusal.missing or UNSET))
        decision.notify_unit(NoticeKind.EXTENSION_REFUSED, state.unit)
        return None
    old = state.clocks[ClockName.HANDLING]
    state.extensions += 1
    state.extensions_since += 1
    number, due = state.extensions, term_from(decision, old.due)
    decision.emit(events.ExtensionGranted(number=number, due=due))
    decision.begin_run()
    why = lazy("extension {n} (Regulation 3.5)", n=number)
    decision.move_clock(ClockName.HANDLING, old.base, due, why)
    decision.notify_unit(NoticeKind.EXTENSION_GRANTED, state.unit)
    return None


def _why_not_extend(decision: Decision, content: messages.ExtensionRequested) -> Refusal | None:
    state, policy = decision.state, decision.context.policy
    clock = decision.running_clock(ClockName.HANDLING)
    if clock is None:
        return wrong_status(decision)
    if state.reworked:
        return Refusal(lazy("a second handling is not extended (Regulation 3.9)"))
    if state.extensions >= policy.extension.most:
        most = policy.extension.most
        return Refusal(lazy("only {n} extensions are allowed (Regulation 3.5)", n=most))
    closing = policy.hours.afternoon.ends
    last = policy.extension.ask_by.of(clock.due, decision.context.calendar, closing)
    if decision.at > last:
        until = f"{last.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
        return Refusal(lazy("too late: to be asked by {until} (Regulation 3.5)", until=until))
    return lacks(content, N_("the request lacks: {names}"))
