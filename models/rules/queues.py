"""The queues of the broker, and the queue that each message waits in."""

from models.rules.vocabulary import MessageType, Queue

EMERGENCY, INTAKE, ROUTING, CONTACT, CALLBACK, ESCALATION, DELIVERY = QUEUES = tuple(
    map(str, Queue)
)
"""The names of the queues, as plain text for the broker; the most urgent first."""

MESSAGE_QUEUES = (EMERGENCY, INTAKE, ROUTING, CONTACT, CALLBACK)
"""The queues of messages of the inbox."""

_QUEUE_OF = {
    MessageType.UNIT_ACCEPTED: ROUTING,
    MessageType.UNIT_RETURNED: ROUTING,
    MessageType.RETURN_REVIEWED: ROUTING,
    MessageType.DISPUTE_OPENED: ROUTING,
    MessageType.DISPUTE_EVIDENCE: ROUTING,
    MessageType.DISPUTE_DECIDED: ROUTING,
    MessageType.TICKET_ASSIGNED: ROUTING,
    MessageType.SCREENING_DECIDED: ROUTING,
    MessageType.UNIT_JOINED: ROUTING,
    MessageType.SITE_ARRIVED: CONTACT,
    MessageType.PROGRESS_REPORTED: CONTACT,
    MessageType.CONTACT_ATTEMPTED: CONTACT,
    MessageType.CONTACT_DENIED: CONTACT,
    MessageType.CONTACT_PROOF: CONTACT,
    MessageType.SURVEY_RATED: CALLBACK,
    MessageType.REVISIT_RECORDED: CALLBACK,
    MessageType.REWORK_REQUESTED: CALLBACK,
}


def queue_for(kind: MessageType, *, emergency: bool) -> str:
    """Return the queue of a message of this type; an emergency's messages go before all (3.4)."""
    return EMERGENCY if emergency else _QUEUE_OF.get(kind, INTAKE)
