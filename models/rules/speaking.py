"""In whose name a message speaks: the city hotline's, a unit's, or the district desk's.

Where roles are set up, each source may send only what those say for whom it speaks.
"""

from collections.abc import Mapping

from models.rules.messages import HOTLINE, RawMessage
from models.rules.vocabulary import MessageType, Sender

OPERATORS, UNITS, TOPICS = OWN_SOURCES = ("monitor", "units", "topics")
"""The sources of the service's own messages: its operators', and a change of units or topics."""

_CITY, _UNITS, _DESK = (frozenset({sender}) for sender in Sender)

_SENDERS: Mapping[MessageType, frozenset[Sender]] = {
    MessageType.TICKET_RECEIVED: _CITY,
    MessageType.TICKET_AMENDED: _CITY | _DESK,
    MessageType.RETURN_REVIEWED: _CITY,
    MessageType.RESULT_REVIEWED: _CITY,
    MessageType.SURVEY_RATED: _CITY,
    MessageType.REVISIT_RECORDED: _CITY,
    MessageType.REWORK_REQUESTED: _CITY,
    MessageType.CONTACT_DENIED: _CITY,
    MessageType.CLAIMANT_SUPPLEMENTED: _CITY,
    MessageType.CLAIMANT_WITHDREW: _CITY,
    MessageType.TERM_RESTARTED: _CITY | _DESK,
    MessageType.DISPUTE_OPENED: _CITY | _DESK,
    MessageType.UNIT_ACCEPTED: _UNITS,
    MessageType.UNIT_RETURNED: _UNITS,
    MessageType.UNIT_JOINED: _UNITS,
    MessageType.DISPUTE_EVIDENCE: _UNITS,
    MessageType.SITE_ARRIVED: _UNITS,
    MessageType.PROGRESS_REPORTED: _UNITS,
    MessageType.CONTACT_ATTEMPTED: _UNITS,
    MessageType.CONTACT_PROOF: _UNITS,
    MessageType.EXTENSION_REQUESTED: _UNITS,
    MessageType.RESULT_SUBMITTED: _UNITS,
    MessageType.TICKET_ASSIGNED: _DESK,
    MessageType.TICKET_REASSIGNED: _DESK,
    MessageType.SCREENING_DECIDED: _DESK,
    MessageType.UNIT_URGED: _DESK,
    MessageType.DISPUTE_DECIDED: _DESK,
    MessageType.CONDUCT_RECORDED: _DESK,
    MessageType.NOTE_ADDED: _DESK,
    # follows from a change of the units, and is sent by that alone
    MessageType.UNIT_SUCCEEDED: frozenset(),
}

NAMES_SENDER = frozenset(
    {
        MessageType.TICKET_AMENDED,
        MessageType.TICKET_ASSIGNED,
        MessageType.TICKET_REASSIGNED,
        MessageType.SCREENING_DECIDED,
        MessageType.UNIT_URGED,
        MessageType.NOTE_ADDED,
    }
)
"""The messages whose `by` names the person who sends them."""


def senders_of(kind: MessageType, raw: RawMessage) -> frozenset[Sender]:
    """Return those in whose name a message may be sent; the hotline's own calls are the city's."""
    if kind == MessageType.CONTACT_ATTEMPTED and raw.get("unit") == HOTLINE:
        return _CITY
    return _SENDERS[kind]
