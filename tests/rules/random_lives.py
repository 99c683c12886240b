"""Random lives of a ticket for Hypothesis: mostly sensible, sometimes nonsense."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st

from models.i18n import PrivateText, lazy
from models.rules.messages import FIELDS, HOTLINE, Message, Route, read_message, refuse_unknown
from models.rules.vocabulary import (
    Category,
    Code,
    ContactMethod,
    ContactOutcome,
    ContactPurpose,
    ContactWish,
    Decider,
    Disposal,
    Emergency,
    Ground,
    Rating,
    RestartCause,
    RevisitOutcome,
    WithdrawnTo,
)
from tests.rules.strategies import instants

TICKET = "HJ-1"
LEAD, OTHER, STRANGER = "城管局", "住建局", "火星局"
UNKNOWN = (STRANGER,)

DENIABLE = (ContactPurpose.FIRST, ContactPurpose.CLOSING)
PURPOSES = tuple(p for p in ContactPurpose if p.chinese)
OUTCOMES = tuple(o for o in ContactOutcome if o.chinese)

# The lead often: most of what comes in is sensible.
_units = st.sampled_from([LEAD] * 6 + [OTHER] * 3 + [HOTLINE, STRANGER])
_texts = st.sampled_from(["事实", "依据", "", "  "]) | st.text(max_size=3)
_flags = st.booleans()
_papers = st.sampled_from(
    [*["某部分"] * 6, "", None, ["附件"], "无", " ", [], [""], ["无", "\u3000"], ["", "照片.jpg"]]
)
_evidence = st.sampled_from([None, None, "录音.mp3", ["", "照片.jpg"], "", [""], "无", "否"])


def _one(*codes: Code) -> st.SearchStrategy[str]:
    return st.sampled_from([*(c.value for c in codes), *(c.chinese for c in codes)])


def _some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A body whose absent (None) fields are left out."""
    return st.fixed_dictionaries(fields).map(
        lambda body: {k: v for k, v in body.items() if v is not None}
    )


_limits = st.one_of(
    st.none(),
    st.none(),
    st.fixed_dictionaries({"workdays": st.integers(1, 20), "basis": st.just("某法")}),
    st.fixed_dictionaries({"hours": st.integers(1, 300), "basis": st.just("某法")}),
    st.fixed_dictionaries({"days": st.integers(1, 40), "basis": st.just("某法")}),
)

BODIES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "ticket.received": _some(
        category=_one(*Category),
        title=st.just("路灯不亮"),
        claimant=st.fixed_dictionaries({"contact": _one(*ContactWish)}),
        emergency=st.none() | _one(*Emergency),
        statutory_limit=_limits,
        unit=st.sampled_from([LEAD] * 12 + [OTHER, STRANGER, None]),
        declined=st.sampled_from([None] * 19 + [4]),
    ),
    "unit.accepted": _some(unit=_units),
    "unit.returned": _some(
        unit=_units, reason=_papers, basis=_papers, suggested_unit=_units, signed_by=_papers
    ),
    "return.reviewed": _some(approved=_flags, unit=st.none() | _units),
    "dispute.opened": _some(units=st.lists(_units, min_size=1, max_size=3)),
    "dispute.evidence": _some(unit=_units, documents=_papers),
    "dispute.decided": _some(unit=_units, by=_one(*Decider)),
    "site.arrived": _some(unit=_units),
    "progress.reported": _some(unit=_units, text=_texts),
    "contact.attempted": _some(
        unit=_units,
        purpose=_one(*PURPOSES),
        outcome=_one(*OUTCOMES),
        method=_one(*ContactMethod),
        evidence=_evidence,
    ),
    "contact.denied": _some(purpose=_one(*DENIABLE)),
    "contact.proof": _some(unit=_units, purpose=_one(*DENIABLE), evidence=_papers),
    "extension.requested": _some(
        unit=_units,
        facts=_papers,
        reasons=st.just("理由"),
        progress=st.just("进展"),
        next_steps=st.just("计划"),
        claimant_told=st.sampled_from([True, True, "是", "true", False, "否", "无", None]),
    ),
    "claimant.supplemented": _some(text=_texts),
    "claimant.withdrew": _some(to=_one(*WithdrawnTo)),
    "term.restarted": _some(cause=_one(*RestartCause), basis=_texts),
    "result.submitted": _some(
        unit=_units,
        facts=_papers,
        measures=st.just("措施"),
        remedies=st.just("救济"),
        basis=st.just("依据"),
        long_term=st.sampled_from([None, None, None, {"progress": "进展"}, "长期"]),
        disposal=_one(*Disposal),
        materials=_papers,
    ),
    "result.reviewed": _some(approved=_flags),
    "survey.rated": _some(rating=_one(*Rating)),
    "revisit.recorded": _some(outcome=_one(*RevisitOutcome), rating=st.none() | _one(*Rating)),
    "rework.requested": _some(
        unit=st.sampled_from([None, None, OTHER, STRANGER]),
        former_holder=st.sampled_from([None, None, LEAD]),
    ),
    "unit.joined": _some(unit=_units),
    "ticket.assigned": _some(unit=_units, by=st.just("值班员")),
    "screening.decided": _some(
        code=st.integers(1, 11), decline=st.sampled_from([False, False, True]), by=st.just("值班员")
    ),
    "unit.urged": _some(unit=_units, text=_texts, by=st.just("值班员")),
    "conduct.recorded": _some(unit=_units, ground=_one(*Ground)),
    "ticket.amended": st.fixed_dictionaries(
        {"by": st.just("值班员"), "why": st.just("登记有误")},
        optional={
            "category": _one(*Category),
            "emergency": st.none() | _one(*Emergency),
            "statutory_limit": _limits,
            "claimant": st.fixed_dictionaries({"contact": _one(*ContactWish)}),
            "address": _texts,
            "title": _texts,
        },
    ),
    "ticket.reassigned": _some(unit=_units, by=st.just("值班员"), why=st.just("派错单位")),
    "note.added": _some(text=_texts, by=st.just("值班员")),
}

_PARTS = {"facts": "事实", "measures": "措施", "remedies": "救济", "basis": "依据"}
_RETURN = {
    "reason": "不属本单位",
    "basis": "三定方案",
    "suggested_unit": OTHER,
    "signed_by": "副局长",
}
_EXTENSION = {"facts": "事实", "reasons": "理由", "progress": "进展", "next_steps": "计划"}
_CALL = {"unit": LEAD, "purpose": "first", "method": "phone"}

Step = tuple[str, dict[str, Any]]
ACCEPTED: Step = ("unit.accepted", {"unit": LEAD})
RETURNED: Step = ("unit.returned", {"unit": LEAD, **_RETURN})
AGREED: Step = ("return.reviewed", {"approved": True})
NOT_AGREED: Step = ("return.reviewed", {"approved": False})
DISPUTE: Step = ("dispute.opened", {"units": [LEAD, OTHER]})
DECIDED: Step = ("dispute.decided", {"unit": LEAD, "by": "district"})
DESIGNATED: Step = ("dispute.decided", {"unit": OTHER, "by": "leader"})
NO_ANSWER: Step = ("contact.attempted", {**_CALL, "outcome": "no_answer"})
CLOSING: Step = ("contact.attempted", {**_CALL, "purpose": "closing", "outcome": "no_answer"})
DENIED: Step = ("contact.denied", {"purpose": "first"})
EXTENSION: Step = ("extension.requested", {"unit": LEAD, **_EXTENSION, "claimant_told": True})
SUPPLEMENT: Step = ("claimant.supplemented", {"text": "补充"})
TYPHOON: Step = ("term.restarted", {"cause": "force_majeure", "basis": "台风"})
RESULT: Step = ("result.submitted", {"unit": LEAD, **_PARTS, "disposal": "ordinary"})
REFUSED: Step = ("result.reviewed", {"approved": False})
APPROVED: Step = ("result.reviewed", {"approved": True})
BAD: Step = ("survey.rated", {"rating": "dissatisfied"})
REVISIT: Step = ("revisit.recorded", {"outcome": "confirmed"})
REWORK: Step = ("rework.requested", {})
CALLED: Step = ("contact.attempted", {**_CALL, "outcome": "no_answer", "evidence": ["录音.mp3"]})
PROOF: Step = ("contact.proof", {"unit": LEAD, "purpose": "first", "evidence": "录音.mp3"})
CLOSING_DENIED: Step = ("contact.denied", {"purpose": "closing"})
REASSIGNED: Step = ("ticket.reassigned", {"unit": OTHER, "by": "值班员", "why": "派错单位"})
UNWANTED: Step = ("ticket.amended", {"claimant": {"contact": "unwanted"}, "by": "甲", "why": "乙"})
WANTED: Step = ("ticket.amended", {"claimant": {"contact": "wanted"}, "by": "甲", "why": "乙"})
URGENT: Step = ("ticket.amended", {"emergency": "disaster", "by": "甲", "why": "乙"})
OTHERS_REWORK: Step = ("rework.requested", {"unit": OTHER})

# Chance alone seldom gets a ticket far, so most lives have a backbone.
_WAYS: tuple[tuple[Step, ...], ...] = (
    (),
    (ACCEPTED, NO_ANSWER, NO_ANSWER, DENIED),
    (ACCEPTED, EXTENSION, EXTENSION, EXTENSION),
    (ACCEPTED, EXTENSION, TYPHOON, RESULT, REFUSED),
    (RESULT, APPROVED, BAD),
    (ACCEPTED, RESULT, REFUSED, RESULT, APPROVED, CLOSING, CLOSING, DENIED),
    (RETURNED, AGREED, RETURNED),
    (RETURNED, NOT_AGREED, RETURNED),
    (RETURNED, DISPUTE, DECIDED, RETURNED),
    (DISPUTE, DESIGNATED),
    (ACCEPTED, NO_ANSWER, NO_ANSWER, DENIED, PROOF, DENIED),
    (ACCEPTED, CALLED, DENIED, REASSIGNED, DENIED),
    (ACCEPTED, URGENT, UNWANTED, WANTED, NO_ANSWER),
    (ACCEPTED, RESULT, APPROVED, BAD, OTHERS_REWORK, CLOSING_DENIED, DENIED),
    (RESULT, BAD, REFUSED, SUPPLEMENT, RESULT, APPROVED),
    (RESULT, APPROVED, BAD, REWORK, EXTENSION, RESULT, BAD, REFUSED, RESULT, APPROVED, REVISIT),
)
_NONSENSE = st.sampled_from([None, "", 0, -1, True, 1.5, [], ["x"], {}, {"a": 1}, "无此选项"])


@st.composite
def _spoiled(draw: st.DrawFn, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """The body, once in a while with a field taken away or filled with nonsense."""
    if not FIELDS[kind] or draw(st.sampled_from([False] * 11 + [True])) is False:
        return body
    name = draw(st.sampled_from(sorted(FIELDS[kind])))
    if draw(_flags):
        return {k: v for k, v in body.items() if k != name}
    return body | {name: draw(_NONSENSE)}


_gaps = st.one_of(
    st.integers(0, 3 * 24 * 60).map(lambda n: timedelta(minutes=n)),
    st.integers(0, 3600).map(lambda n: timedelta(seconds=n)),
    st.just(timedelta()),
)


@st.composite
def lives(draw: st.DrawFn) -> list[Message]:
    """Messages of one ticket in the order of their effect, some of the same moment.

    The receipt comes first in most, in the middle or never in a few.
    """
    plan = list(draw(st.sampled_from(_WAYS)))
    for kind in draw(st.lists(st.sampled_from(sorted(BODIES)), max_size=7)):
        plan.insert(draw(st.integers(0, len(plan))), (kind, draw(BODIES[kind])))
    come = draw(st.sampled_from(["first"] * 18 + ["late", "never"])) if plan else "first"
    if come != "never":
        place = 0 if come == "first" else draw(st.integers(0, len(plan)))
        plan.insert(place, ("ticket.received", draw(BODIES["ticket.received"])))
    at, messages = draw(instants()), []
    for arrival, (kind, body) in enumerate(plan, 1):
        messages.append(_message(kind, draw(_spoiled(kind, body)), at, arrival))
        at = _next_moment(draw, at)
    return messages


def _next_moment(draw: st.DrawFn, at: datetime) -> datetime:
    """Some time later, or at an edge of the office hours of the same or the next day."""
    if draw(st.sampled_from([True, True, True, False])):
        return at + draw(_gaps)
    hour, minute = draw(st.sampled_from([(8, 30), (12, 0), (17, 30)]))
    edge = at.replace(hour=hour, minute=minute, second=0)
    return edge if edge >= at else edge + timedelta(days=1)


def _message(kind: str, raw: dict[str, Any], at: datetime, arrival: int) -> Message:
    route = None
    if kind == "ticket.received":
        unit = raw.get("unit")
        if unit in (LEAD, OTHER):
            route = Route(unit, lazy("named by the city"))
        else:
            named = PrivateText("unit") if unit else None
            route = Route(None, lazy("no rule names a unit"), named=named)
    message = refuse_unknown(read_message(kind, TICKET, at, arrival, raw), UNKNOWN)
    return msgspec.structs.replace(message, route=route)
