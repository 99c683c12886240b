"""The result and what becomes of it: format and review 3.7, second handling 3.8 and 3.9."""

from models.i18n import lazy
from models.rules.lifecycle.acceptance import accept
from models.rules.lifecycle.decision import Decision, filled, wrong_status
from models.rules.lifecycle.handling import join, term_from
from models.rules.messages import Message, Refusal
from models.rules.vocabulary import DISSATISFIED, ClockName, Status

RESULT_PARTS = ("facts", "measures", "remedies", "basis")
LONG_TERM_PARTS = ("progress", "next_steps")


def submitted(decision: Decision, message: Message) -> Refusal | None:
    """The unit hands in its result; its format is checked first (3.7). Acting is accepting."""
    state, body = decision.state, message.body
    if state.status not in (Status.DISPATCHED, Status.HANDLING):
        return wrong_status(decision)
    if lacking := _lacking_in_result(message):
        return Refusal(lazy("the result lacks: {names}", names=", ".join(lacking)), lacking)
    if state.status == Status.DISPATCHED:
        accept(decision)
    parts = {p: body[p] for p in (*RESULT_PARTS, "long_term") if p in body}
    decision.emit("result.submitted", parts, unit=state.unit, disposal=body["disposal"])
    decision.stop(ClockName.HANDLING)
    decision.stop(ClockName.EMERGENCY_REPORT)
    state.rating_before, state.revisit_before = state.rating, state.revisit
    decision.emit("survey.opened")
    decision.start(
        ClockName.SURVEY,
        decision.at,
        decision.due(decision.at, decision.context.policy.terms.survey),
    )
    if body["disposal"] == "ordinary":
        state.status = Status.SUBMITTED
        decision.notify("result_submitted", "city_hotline")
    else:
        _complete(decision)
    return None


def _lacking_in_result(message: Message) -> tuple[str, ...]:
    body = message.body
    if body["disposal"] != "ordinary":
        return () if filled(body.get("materials")) else ("materials",)
    lacking = [p for p in RESULT_PARTS if not filled(body.get(p))]
    if "long_term" in body:
        given = body["long_term"] if isinstance(body["long_term"], dict) else {}
        lacking += [f"long_term.{p}" for p in LONG_TERM_PARTS if not filled(given.get(p))]
    return tuple(lacking)


def _complete(decision: Decision) -> None:
    state = decision.state
    state.status = Status.COMPLETED
    state.completed_at = decision.at
    decision.emit("ticket.completed")
    decision.settled(decision.at)
    decision.cancel(ClockName.ON_SITE, ClockName.EMERGENCY_REPORT)
    if state.contact_wanted:
        decision.start(
            ClockName.CLOSING_CONTACT,
            decision.at,
            decision.due(decision.at, decision.context.policy.terms.closing_contact),
        )


def reviewed(decision: Decision, message: Message) -> Refusal | None:
    """The city agrees: completed; or not: the term counts from the first receipt (3.7)."""
    state = decision.state
    if state.status != Status.SUBMITTED:
        return wrong_status(decision)
    if message.body["approved"]:
        _complete(decision)
        return None
    decision.emit("result.refused", {"why": message.body.get("why", "")})
    decision.cancel(ClockName.SURVEY)
    # what the claimant thought of a refused result does not count
    state.rating, state.revisit = state.rating_before, state.revisit_before
    state.status = Status.HANDLING
    assert state.unit is not None
    why = lazy("the city refused the result: counted from the latest restart (Regulation 3.7)")
    if (base := state.restarted_at) is None:
        base = state.receipts[state.unit]
        why = lazy("the city refused the result: counted from the first receipt (Regulation 3.7)")
    due = term_from(decision, base)
    for _ in range(state.extensions_since):
        due = term_from(decision, due)
    decision.start(ClockName.HANDLING, base, due, why=why)
    if n := state.extensions_since:
        again = lazy("extensions granted since then, added: {n} (Regulation 3.5)", n=n)
        state.clocks[ClockName.HANDLING].why.append(again)
    decision.notify("result_refused", "unit_contact", unit=state.unit)
    return None


def rework_requested(decision: Decision, message: Message) -> Refusal | None:
    """A second handling, once, for a dissatisfied claimant; same term, no extension (3.9)."""
    state = decision.state
    why = None
    if state.status != Status.COMPLETED:
        why = wrong_status(decision).why
    elif state.reworked:
        why = lazy("a second handling is allowed once (Regulation 3.9)")
    elif state.rating not in DISSATISFIED:
        why = lazy("a second handling needs a rating of dissatisfied (Regulation 3.8)")
    if why is not None:
        decision.emit("rework.refused", why=why)
        return None
    before = state.unit
    unit = message.body.get("unit") or before
    state.reworked = True
    state.unit = unit
    state.status = Status.HANDLING
    state.restarted_at = decision.at
    state.extensions_since = 0
    if unit in state.co_units:
        state.co_units.remove(unit)
    decision.emit("rework.opened", unit=unit)
    decision.cancel(ClockName.CLOSING_CONTACT, ClockName.SURVEY)
    decision.new_run()
    why = lazy("second handling, same term as the first (Regulation 3.9)")
    decision.start(ClockName.HANDLING, decision.at, term_from(decision, decision.at), why=why)
    decision.notify("rework", "unit_contact", unit=unit)
    if holder := message.body.get("former_holder"):
        join(decision, holder)
    return None
