"""The claimant's withdrawal of a ticket: Regulation 3.6."""

from models.rules import events, messages
from models.rules.lifecycle.decision import Decision, wrong_status
from models.rules.messages import Refusal
from models.rules.vocabulary import (
    OPEN,
    ContactPurpose,
    NoticeKind,
    Recipient,
    Status,
    WithdrawnTo,
)


def withdrew(decision: Decision, content: messages.ClaimantWithdrew) -> Refusal | None:
    """Archive a ticket withdrawn at the hotline; guide a claimant who withdrew at a unit (3.6)."""
    state = decision.state
    if state.status not in OPEN:
        return wrong_status(decision)
    if content.to == WithdrawnTo.UNIT:
        if state.unit is None:
            return wrong_status(decision)
        decision.emit(events.ContactRecorded(purpose=ContactPurpose.WITHDRAWAL, unit=state.unit))
        decision.notify(NoticeKind.WITHDRAWAL_GUIDANCE, Recipient.CLAIMANT)
        return None
    decision.emit(events.TicketWithdrawn(to=content.to))
    decision.cancel_clocks()
    state.status = Status.ARCHIVED
    decision.emit(events.TicketArchived())
    decision.notify_unit(NoticeKind.WITHDRAWN, state.unit)
    for unit in (*state.parties, *state.co_units):
        if unit != state.unit:
            decision.notify_unit(NoticeKind.WITHDRAWN, unit)
    return None
