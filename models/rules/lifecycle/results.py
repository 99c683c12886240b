"""The result and what becomes of it: format and review 3.7, second handling 3.8 and 3.9."""

from models.labels import say
from models.rules.choices import DISSATISFIED
from models.rules.lifecycle.acceptance import accept
from models.rules.lifecycle.handling import join, term_from
from models.rules.lifecycle.life import Life, filled, wrong_state
from models.rules.messages import Message, Refusal
from models.rules.state import (
    CLOSING,
    COMPLETED,
    DISPATCHED,
    HANDLE,
    HANDLING,
    ON_SITE,
    REPORT,
    SUBMITTED,
    SURVEY,
)

RESULT_PARTS = ("facts", "measures", "remedies", "basis")
LONG_TERM_PARTS = ("progress", "next_steps")


def submitted(life: Life, message: Message) -> Refusal | None:
    """The unit hands in its result; its format is checked first (3.7). Acting is accepting."""
    state, body = life.state, message.body
    if state.status not in (DISPATCHED, HANDLING):
        return wrong_state(life)
    if lacking := _lacking_in_result(message):
        return Refusal(say("the result lacks: {names}", names=", ".join(lacking)), lacking)
    if state.status == DISPATCHED:
        accept(life)
    parts = {p: body[p] for p in (*RESULT_PARTS, "long_term") if p in body}
    life.emit("result.submitted", parts, unit=state.unit, disposal=body["disposal"])
    life.stop(HANDLE)
    life.stop(REPORT)
    state.rating_before, state.revisit_before = state.rating, state.revisit
    life.emit("survey.opened")
    life.start(SURVEY, life.at, life.due(life.at, life.stage.policy.terms.survey))
    if body["disposal"] == "ordinary":
        state.status = SUBMITTED
        life.notify("result_submitted", "city_hotline")
    else:
        _complete(life)
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


def _complete(life: Life) -> None:
    state = life.state
    state.status = COMPLETED
    state.completed_at = life.at
    life.emit("ticket.completed")
    life.settled(life.at)
    life.cancel(ON_SITE, REPORT)
    if state.contact_wanted:
        life.start(CLOSING, life.at, life.due(life.at, life.stage.policy.terms.closing_contact))


def reviewed(life: Life, message: Message) -> Refusal | None:
    """The city agrees: completed; or not: the term counts from the first receipt (3.7)."""
    state = life.state
    if state.status != SUBMITTED:
        return wrong_state(life)
    if message.body["approved"]:
        _complete(life)
        return None
    life.emit("result.refused", {"why": message.body.get("why", "")})
    life.cancel(SURVEY)
    # what the claimant thought of a refused result does not count
    state.rating, state.revisit = state.rating_before, state.revisit_before
    state.status = HANDLING
    assert state.unit is not None
    why = say("the city refused the result: counted from the latest restart (Regulation 3.7)")
    if (base := state.restarted_at) is None:
        base = state.receipts[state.unit]
        why = say("the city refused the result: counted from the first receipt (Regulation 3.7)")
    due = term_from(life, base)
    for _ in range(state.extensions_since):
        due = term_from(life, due)
    life.start(HANDLE, base, due, why=why)
    if n := state.extensions_since:
        again = say("extensions granted since then, added: {n} (Regulation 3.5)", n=n)
        state.clocks[HANDLE].why.append(again)
    life.notify("result_refused", "unit_contact", unit=state.unit)
    return None


def rework_requested(life: Life, message: Message) -> Refusal | None:
    """A second handling, once, for a dissatisfied claimant; same term, no extension (3.9)."""
    state = life.state
    why = None
    if state.status != COMPLETED:
        why = wrong_state(life).why
    elif state.reworked:
        why = say("a second handling is allowed once (Regulation 3.9)")
    elif state.rating not in DISSATISFIED:
        why = say("a second handling needs a rating of dissatisfied (Regulation 3.8)")
    if why is not None:
        life.emit("rework.refused", why=why)
        return None
    before = state.unit
    unit = message.body.get("unit") or before
    state.reworked = True
    state.unit = unit
    state.status = HANDLING
    state.restarted_at = life.at
    state.extensions_since = 0
    if unit in state.co_units:
        state.co_units.remove(unit)
    life.emit("rework.opened", unit=unit)
    life.cancel(CLOSING, SURVEY)
    life.new_run()
    why = say("second handling, same term as the first (Regulation 3.9)")
    life.start(HANDLE, life.at, term_from(life, life.at), why=why)
    life.notify("rework", "unit_contact", unit=unit)
    if holder := message.body.get("former_holder"):
        join(life, holder)
    return None
