"""The words of the screen for the store's codes, shorter than a code in English would be.

In Chinese most are what the code itself is translated to (`models/words.py`), which is what the
commands print and what stands in the gaps of a kept text; a code without a word here is shown so.
"""

from models.i18n import LazyText, _, lazy, render

BADGES = {"prewarning": lazy("PRE"), "yellow": lazy("YEL"), "red": lazy("RED")}
"""A level in as few cells as can be read without its colour."""

EMERGENCY = lazy("URG")

CLOCKS = {
    "accept": lazy("acceptance"),
    "evidence": lazy("evidence in the dispute"),
    "handling": lazy("handling term"),
    "on_site": lazy("on site"),
    "emergency_report": lazy("emergency report"),
    "first_contact": lazy("first contact"),
    "closing_contact": lazy("closing contact"),
    "survey": lazy("survey"),
    "proof": lazy("proof of contact"),
}
OUTCOMES = {
    "running": lazy("running"),
    "met": lazy("in time"),
    "late": lazy("late"),
    "cancelled": lazy("cancelled"),
    "expired": lazy("expired"),
}
CONTACTS = {
    "running": lazy("to do"),
    "met": lazy("done"),
    "late": lazy("done late"),
    "expired": lazy("missed"),
}
"""How a contact that is owed stands, in the list."""
STATUSES = {
    "received": lazy("received"),
    "manual": lazy("manual queue"),
    "dispatched": lazy("to be accepted"),
    "returned": lazy("returned"),
    "disputed": lazy("disputed"),
    "handling": lazy("in hand"),
    "submitted": lazy("under review"),
    "completed": lazy("completed"),
    "archived": lazy("archived"),
    "declined": lazy("declined"),
}
CATEGORIES = {
    "consultation": lazy("consultation"),
    "suggestion": lazy("suggestion"),
    "help": lazy("help"),
    "complaint": lazy("complaint"),
}
LEVELS = {
    "prewarning": lazy("pre-warning"),
    "yellow": lazy("yellow card"),
    "red": lazy("red card"),
}
EMERGENCIES = {
    "disaster": lazy("disaster"),
    "vulnerable": lazy("people in need"),
    "public_health": lazy("public health"),
    "utilities": lazy("utilities"),
}
ROLES = {
    "unit_contact": lazy("unit's contact"),
    "deputy_leader": lazy("deputy leader"),
    "principal_leader": lazy("principal leader"),
    "district_desk": lazy("district desk"),
    "city_hotline": lazy("city hotline"),
    "claimant": lazy("claimant"),
}
NOTICES = {"queued": lazy("queued"), "sent": lazy("sent"), "failed": lazy("failed")}
KINDS = {
    **LEVELS,
    "dispatched": lazy("dispatched to the unit"),
    "deemed_accepted": lazy("deemed accepted"),
    "expired": lazy("a clock has expired"),
    "returned": lazy("returned by the unit"),
    "return_refused": lazy("the return is refused"),
    "designated": lazy("designated"),
    "evidence_asked": lazy("evidence asked for"),
    "result_submitted": lazy("a result is in"),
    "result_refused": lazy("the result is refused"),
    "dissatisfied": lazy("the claimant is dissatisfied"),
    "revisited": lazy("revisited"),
    "second_handling_offered": lazy("second handling offered"),
    "rework": lazy("second handling"),
    "unreachable": lazy("claimant unreachable"),
    "contact_reminder": lazy("call again"),
    "proof_asked": lazy("proof of contact asked for"),
    "withdrawal_guidance": lazy("how to withdraw"),
    "withdrawn": lazy("withdrawn"),
    "joined": lazy("asked to help"),
    "urged": lazy("urged"),
    "declined": lazy("not taken"),
    "correction": lazy("correction"),
}
EVENTS = {
    "ticket.received": lazy("received"),
    "screening.proposed": lazy("screening proposes"),
    "screening.decided": lazy("screening decided"),
    "ticket.declined": lazy("not taken"),
    "ticket.unrouted": lazy("no unit found"),
    "ticket.routed": lazy("unit chosen"),
    "ticket.dispatched": lazy("sent to the unit"),
    "ticket.accepted": lazy("accepted"),
    "ticket.deemed_accepted": lazy("deemed accepted"),
    "ticket.returned": lazy("returned by the unit"),
    "return.approved": lazy("return approved"),
    "return.refused": lazy("return refused"),
    "dispute.opened": lazy("dispute opened"),
    "dispute.evidence": lazy("evidence handed in"),
    "dispute.decided": lazy("dispute decided"),
    "unit.joined": lazy("another unit helps"),
    "site.arrived": lazy("arrived on site"),
    "progress.reported": lazy("progress reported"),
    "clock.started": lazy("clock started"),
    "clock.moved": lazy("clock moved"),
    "clock.stopped": lazy("clock stopped"),
    "clock.expired": lazy("clock expired"),
    "alert.raised": lazy("level raised"),
    "alert.withdrawn": lazy("level taken back"),
    "decision.withdrawn": lazy("decision taken back"),
    "extension.granted": lazy("extension granted"),
    "extension.refused": lazy("extension refused"),
    "contact.recorded": lazy("contact recorded"),
    "contact.unreachable": lazy("claimant unreachable"),
    "contact.proof_asked": lazy("proof of contact asked for"),
    "contact.deemed_absent": lazy("deemed not contacted"),
    "ticket.supplemented": lazy("supplemented by the claimant"),
    "ticket.withdrawn": lazy("withdrawn"),
    "result.submitted": lazy("result submitted"),
    "result.refused": lazy("result refused"),
    "ticket.completed": lazy("completed"),
    "survey.opened": lazy("survey opened"),
    "survey.rated": lazy("rated"),
    "rating.corrected": lazy("rating corrected"),
    "revisit.opened": lazy("revisit opened"),
    "rework.opened": lazy("second handling opened"),
    "rework.refused": lazy("second handling refused"),
    "ticket.archived": lazy("archived"),
    "unit.urged": lazy("unit urged"),
    "conduct.recorded": lazy("conduct recorded"),
    "notice.queued": lazy("notice queued"),
    "notice.sent": lazy("notice sent"),
    "notice.failed": lazy("notice failed"),
    "message.refused": lazy("message refused"),
}
QUEUES = {
    "emergency": lazy("emergency"),
    "intake": lazy("intake"),
    "routing": lazy("routing"),
    "contact": lazy("contact"),
    "callback": lazy("callback"),
    "escalation": lazy("escalation"),
    "delivery": lazy("delivery"),
}
PROCESS_ROLES = {"worker": lazy("worker"), "timekeeper": lazy("timekeeper")}
RATINGS = {
    "very_satisfied": lazy("very satisfied"),
    "satisfied": lazy("satisfied"),
    "basically_satisfied": lazy("basically satisfied"),
    "dissatisfied": lazy("dissatisfied"),
    "very_dissatisfied": lazy("very dissatisfied"),
}
MESSAGES = {
    "ticket.received": lazy("a letter"),
    "unit.accepted": lazy("accepted"),
    "unit.returned": lazy("returned by the unit"),
    "return.reviewed": lazy("return reviewed"),
    "dispute.opened": lazy("dispute opened"),
    "dispute.evidence": lazy("evidence handed in"),
    "dispute.decided": lazy("dispute decided"),
    "site.arrived": lazy("arrived on site"),
    "progress.reported": lazy("progress reported"),
    "contact.attempted": lazy("contact"),
    "contact.denied": lazy("contact denied"),
    "contact.proof": lazy("proof of contact"),
    "extension.requested": lazy("extension requested"),
    "claimant.supplemented": lazy("supplemented by the claimant"),
    "claimant.withdrew": lazy("withdrawn"),
    "term.restarted": lazy("term restarted"),
    "result.submitted": lazy("result submitted"),
    "result.reviewed": lazy("result reviewed"),
    "survey.rated": lazy("rated"),
    "revisit.recorded": lazy("revisit"),
    "rework.requested": lazy("second handling asked for"),
    "unit.joined": lazy("another unit helps"),
    "ticket.assigned": lazy("unit chosen"),
    "screening.decided": lazy("screening decided"),
    "unit.urged": lazy("unit urged"),
    "conduct.recorded": lazy("conduct recorded"),
}
_CODES = (RATINGS, STATUSES, CATEGORIES, LEVELS, CLOCKS, OUTCOMES, ROLES, EMERGENCIES)


def word(table: dict[str, LazyText], code: str | None) -> str:
    """The word for a code; a code that nobody has a word for is shown as it is."""
    if not code:
        return ""
    said = table.get(code)
    return render(said) if said is not None else _(code)


PURPOSES = {
    "first": lazy("first contact"),
    "closing": lazy("closing contact"),
    "survey": lazy("survey"),
    "revisit": lazy("revisit"),
    "proof": lazy("proof of contact"),
}
_BY_FIELD = {"kind": KINDS, "purpose": PURPOSES, "of": PURPOSES, "clock": CLOCKS, "role": ROLES}
_BY_FIELD["queue"] = QUEUES
"""Fields whose codes mean something else elsewhere: `dispatched` is a status and a notice."""


def value(code: object, field: str = "") -> str:
    """A value of an event in words, as far as there are some; `field` is where it stands."""
    if isinstance(code, str):
        for table in (_BY_FIELD.get(field, {}), *_CODES):
            if code in table:
                return render(table[code])
    return str(code)
