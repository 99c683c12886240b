"""The words of the screen for the store's codes, shorter than a code in English would be.

In Chinese most are what the code itself is translated to (`models/words.py`), which is what the
commands print and what stands in the gaps of a kept text; a code without a word here is shown so.
"""

from models.labels import Said, _, say, told

BADGES = {"prewarning": say("PRE"), "yellow": say("YEL"), "red": say("RED")}
"""A level in as few cells as can be read without its colour."""

EMERGENCY = say("URG")

CLOCKS = {
    "accept": say("acceptance"),
    "evidence": say("evidence in the dispute"),
    "handling": say("handling term"),
    "on_site": say("on site"),
    "emergency_report": say("emergency report"),
    "first_contact": say("first contact"),
    "closing_contact": say("closing contact"),
    "survey": say("survey"),
    "proof": say("proof of contact"),
}
OUTCOMES = {
    "running": say("running"),
    "met": say("in time"),
    "late": say("late"),
    "cancelled": say("cancelled"),
    "expired": say("expired"),
}
CONTACTS = {
    "running": say("to do"),
    "met": say("done"),
    "late": say("done late"),
    "expired": say("missed"),
}
"""How a contact that is owed stands, in the list."""
STATUSES = {
    "received": say("received"),
    "manual": say("manual queue"),
    "dispatched": say("to be accepted"),
    "returned": say("returned"),
    "disputed": say("disputed"),
    "handling": say("in hand"),
    "submitted": say("under review"),
    "completed": say("completed"),
    "archived": say("archived"),
    "declined": say("declined"),
}
CATEGORIES = {
    "consultation": say("consultation"),
    "suggestion": say("suggestion"),
    "help": say("help"),
    "complaint": say("complaint"),
}
LEVELS = {
    "prewarning": say("pre-warning"),
    "yellow": say("yellow card"),
    "red": say("red card"),
}
EMERGENCIES = {
    "disaster": say("disaster"),
    "vulnerable": say("people in need"),
    "public_health": say("public health"),
    "utilities": say("utilities"),
}
ROLES = {
    "unit_contact": say("unit's contact"),
    "deputy_leader": say("deputy leader"),
    "principal_leader": say("principal leader"),
    "district_desk": say("district desk"),
    "city_hotline": say("city hotline"),
    "claimant": say("claimant"),
}
NOTICES = {"queued": say("queued"), "sent": say("sent"), "failed": say("failed")}
KINDS = {
    **LEVELS,
    "dispatched": say("dispatched to the unit"),
    "deemed_accepted": say("deemed accepted"),
    "expired": say("a clock has expired"),
    "returned": say("returned by the unit"),
    "return_refused": say("the return is refused"),
    "designated": say("designated"),
    "evidence_asked": say("evidence asked for"),
    "result_submitted": say("a result is in"),
    "result_refused": say("the result is refused"),
    "dissatisfied": say("the claimant is dissatisfied"),
    "revisited": say("revisited"),
    "second_handling_offered": say("second handling offered"),
    "rework": say("second handling"),
    "unreachable": say("claimant unreachable"),
    "contact_reminder": say("call again"),
    "proof_asked": say("proof of contact asked for"),
    "withdrawal_guidance": say("how to withdraw"),
    "withdrawn": say("withdrawn"),
    "joined": say("asked to help"),
    "urged": say("urged"),
    "declined": say("not taken"),
    "correction": say("correction"),
}
EVENTS = {
    "ticket.received": say("received"),
    "screening.proposed": say("screening proposes"),
    "screening.decided": say("screening decided"),
    "ticket.declined": say("not taken"),
    "ticket.unrouted": say("no unit found"),
    "ticket.routed": say("unit chosen"),
    "ticket.dispatched": say("sent to the unit"),
    "ticket.accepted": say("accepted"),
    "ticket.deemed_accepted": say("deemed accepted"),
    "ticket.returned": say("returned by the unit"),
    "return.approved": say("return approved"),
    "return.refused": say("return refused"),
    "dispute.opened": say("dispute opened"),
    "dispute.evidence": say("evidence handed in"),
    "dispute.decided": say("dispute decided"),
    "unit.joined": say("another unit helps"),
    "site.arrived": say("arrived on site"),
    "progress.reported": say("progress reported"),
    "clock.started": say("clock started"),
    "clock.moved": say("clock moved"),
    "clock.stopped": say("clock stopped"),
    "clock.expired": say("clock expired"),
    "alert.raised": say("level raised"),
    "alert.withdrawn": say("level taken back"),
    "decision.withdrawn": say("decision taken back"),
    "extension.granted": say("extension granted"),
    "extension.refused": say("extension refused"),
    "contact.recorded": say("contact recorded"),
    "contact.unreachable": say("claimant unreachable"),
    "contact.proof_asked": say("proof of contact asked for"),
    "contact.deemed_absent": say("deemed not contacted"),
    "ticket.supplemented": say("supplemented by the claimant"),
    "ticket.withdrawn": say("withdrawn"),
    "result.submitted": say("result submitted"),
    "result.refused": say("result refused"),
    "ticket.completed": say("completed"),
    "survey.opened": say("survey opened"),
    "survey.rated": say("rated"),
    "rating.corrected": say("rating corrected"),
    "revisit.opened": say("revisit opened"),
    "rework.opened": say("second handling opened"),
    "rework.refused": say("second handling refused"),
    "ticket.archived": say("archived"),
    "unit.urged": say("unit urged"),
    "conduct.recorded": say("conduct recorded"),
    "notice.queued": say("notice queued"),
    "notice.sent": say("notice sent"),
    "notice.failed": say("notice failed"),
    "message.refused": say("message refused"),
}
QUEUES = {
    "emergency": say("emergency"),
    "intake": say("intake"),
    "routing": say("routing"),
    "contact": say("contact"),
    "callback": say("callback"),
    "escalation": say("escalation"),
    "delivery": say("delivery"),
}
TRADES = {"worker": say("worker"), "timekeeper": say("timekeeper")}
RATINGS = {
    "very_satisfied": say("very satisfied"),
    "satisfied": say("satisfied"),
    "basically_satisfied": say("basically satisfied"),
    "dissatisfied": say("dissatisfied"),
    "very_dissatisfied": say("very dissatisfied"),
}
MESSAGES = {
    "ticket.received": say("a letter"),
    "unit.accepted": say("accepted"),
    "unit.returned": say("returned by the unit"),
    "return.reviewed": say("return reviewed"),
    "dispute.opened": say("dispute opened"),
    "dispute.evidence": say("evidence handed in"),
    "dispute.decided": say("dispute decided"),
    "site.arrived": say("arrived on site"),
    "progress.reported": say("progress reported"),
    "contact.attempted": say("contact"),
    "contact.denied": say("contact denied"),
    "contact.proof": say("proof of contact"),
    "extension.requested": say("extension requested"),
    "claimant.supplemented": say("supplemented by the claimant"),
    "claimant.withdrew": say("withdrawn"),
    "term.restarted": say("term restarted"),
    "result.submitted": say("result submitted"),
    "result.reviewed": say("result reviewed"),
    "survey.rated": say("rated"),
    "revisit.recorded": say("revisit"),
    "rework.requested": say("second handling asked for"),
    "unit.joined": say("another unit helps"),
    "ticket.assigned": say("unit chosen"),
    "screening.decided": say("screening decided"),
    "unit.urged": say("unit urged"),
    "conduct.recorded": say("conduct recorded"),
}
_CODES = (RATINGS, STATUSES, CATEGORIES, LEVELS, CLOCKS, OUTCOMES, ROLES, EMERGENCIES)


def word(table: dict[str, Said], code: str | None) -> str:
    """The word for a code; a code that nobody has a word for is shown as it is."""
    if not code:
        return ""
    said = table.get(code)
    return told(said) if said is not None else _(code)


PURPOSES = {
    "first": say("first contact"),
    "closing": say("closing contact"),
    "survey": say("survey"),
    "revisit": say("revisit"),
    "proof": say("proof of contact"),
}
_BY_FIELD = {"kind": KINDS, "purpose": PURPOSES, "of": PURPOSES, "clock": CLOCKS, "role": ROLES}
_BY_FIELD["queue"] = QUEUES
"""Fields whose codes mean something else elsewhere: `dispatched` is a status and a notice."""


def value(code: object, field: str = "") -> str:
    """A value of an event in words, as far as there are some; `field` is where it stands."""
    if isinstance(code, str):
        for table in (_BY_FIELD.get(field, {}), *_CODES):
            if code in table:
                return told(table[code])
    return str(code)
