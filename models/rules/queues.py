"""The queues of the broker, and the queue that each message waits in."""

EMERGENCY, INTAKE, ROUTING, CONTACT, CALLBACK, ESCALATION, DELIVERY = QUEUES = (
    "emergency",
    "intake",
    "routing",
    "contact",
    "callback",
    "escalation",
    "delivery",
)
MESSAGE_QUEUES = (EMERGENCY, INTAKE, ROUTING, CONTACT, CALLBACK)
"""The queues in which messages of the inbox are rung for."""

_QUEUE_OF = {
    "unit.accepted": ROUTING,
    "unit.returned": ROUTING,
    "return.reviewed": ROUTING,
    "dispute.opened": ROUTING,
    "dispute.evidence": ROUTING,
    "dispute.decided": ROUTING,
    "ticket.assigned": ROUTING,
    "screening.decided": ROUTING,
    "unit.joined": ROUTING,
    "site.arrived": CONTACT,
    "progress.reported": CONTACT,
    "contact.attempted": CONTACT,
    "contact.denied": CONTACT,
    "contact.proof": CONTACT,
    "survey.rated": CALLBACK,
    "revisit.recorded": CALLBACK,
    "rework.requested": CALLBACK,
}


def queue_for(kind: str, *, emergency: bool) -> str:
    """The queue of a message of this type; an emergency's messages go before all (3.4)."""
    return EMERGENCY if emergency else _QUEUE_OF.get(kind, INTAKE)
