"""Random moves in a ticket's life: those that make sense in its status, and any others."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec

from models.i18n import lazy
from models.rules.messages import Message, Route, read_message
from tests.rules.random_lives import LEAD, OTHER, STRANGER, TICKET, UNKNOWN
from tests.rules.second_model import SecondModel

THIRD = "人社局"
UNITS = (LEAD, OTHER, THIRD)

Move = tuple[str, dict[str, Any]]

_RESULT = {"facts": "事实", "measures": "措施", "remedies": "救济", "basis": "依据"}
_RETURN = {"reason": "理由", "basis": "三定方案", "suggested_unit": OTHER, "signed_by": "副局长"}
_EXTENSION = {"facts": "事实", "reasons": "理由", "progress": "进展", "next_steps": "计划"}
_RATINGS = ("very_satisfied", "不满意", "very_dissatisfied")


def _accepted(unit: str) -> Move:
    return "unit.accepted", {"unit": unit}


def _called(unit: str, purpose: str, outcome: str) -> Move:
    call = {"unit": unit, "purpose": purpose, "outcome": outcome, "method": "phone"}
    return "contact.attempted", call


def _returned(unit: str, **other: Any) -> Move:
    return "unit.returned", {"unit": unit} | _RETURN | other


def _extension(unit: str, **other: Any) -> Move:
    return "extension.requested", {"unit": unit, "claimant_told": True} | _EXTENSION | other


def _result(unit: str, **other: Any) -> Move:
    return "result.submitted", {"unit": unit, "disposal": "ordinary"} | _RESULT | other


def _filed(unit: str, **other: Any) -> Move:
    return "result.submitted", {"unit": unit, "disposal": "administrative_case"} | other


def received(**fields: Any) -> Move:
    """A new ticket; absent (None) fields are left out."""
    body = {"category": "complaint", "title": "路灯不亮", "unit": LEAD} | fields
    return "ticket.received", {k: v for k, v in body.items() if v is not None}


CATEGORIES = ("consultation", "suggestion", "help", "投诉举报")
EMERGENCIES = (None, None, "utilities")
CLAIMANTS = (None, {"contact": "wanted"}, {"contact": "wanted"}, {"contact": "unwanted"})
NAMED = (LEAD, LEAD, LEAD, LEAD, LEAD, LEAD, LEAD, STRANGER, None)
ITEMS = (None,) * 29 + (4,)
LIMITS: tuple[dict[str, Any] | None, ...] = (
    *(None,) * 6,
    *({"workdays": n, "basis": "某法"} for n in (1, 2, 5, 20)),
    *({"hours": n, "basis": "某法"} for n in (1, 5, 20, 48, 300)),
    *({"days": n, "basis": "某法"} for n in (1, 3, 7, 30)),
)

_OUTCOMES = ("reached", "no_answer", "wrong_number", "refused")
_CALLS = {
    purpose: [
        _called(unit, purpose, outcome)
        for unit in (*UNITS, "hotline")
        for outcome in (*_OUTCOMES, "no_answer")
    ]
    for purpose in ("first", "closing", "survey", "revisit", "proof")
}
_SUPPLEMENT: Move = ("claimant.supplemented", {"text": "补充"})
_TYPHOON: Move = ("term.restarted", {"cause": "force_majeure", "basis": "台风"})
_WITHDRAWN: list[Move] = [("claimant.withdrew", {"to": to}) for to in ("hotline", "unit")]
_SITE: list[Move] = [
    *(("site.arrived", {"unit": unit}) for unit in UNITS),
    *(("progress.reported", {"unit": unit, "text": "进展"}) for unit in UNITS),
]
_JOINED: list[Move] = [("unit.joined", {"unit": unit}) for unit in (OTHER, THIRD)]
_DENIED: list[Move] = [("contact.denied", {"purpose": purpose}) for purpose in ("first", "closing")]
_PROOFS: list[Move] = [
    ("contact.proof", {"unit": unit, "purpose": purpose, "evidence": "录音"})
    for unit in (LEAD, OTHER)
    for purpose in ("first", "closing")
]
_DISPUTED: list[Move] = [
    ("dispute.opened", {"units": [LEAD, OTHER]}),
    ("dispute.opened", {"units": [OTHER, LEAD, OTHER]}),
]
_EVIDENCE: list[Move] = [
    ("dispute.evidence", {"unit": unit, "documents": ["清单"]}) for unit in UNITS
]
_DECIDED: list[Move] = [
    ("dispute.decided", {"unit": unit, "by": by}) for unit in UNITS for by in ("district", "leader")
]
_RETURN_REVIEWS: list[Move] = [
    ("return.reviewed", {"approved": True}),
    ("return.reviewed", {"approved": True, "unit": THIRD}),
    ("return.reviewed", {"approved": True, "unit": LEAD}),
    *[("return.reviewed", {"approved": False})] * 3,
]
_RESULT_REVIEWS: list[Move] = [("result.reviewed", {"approved": ok}) for ok in (True, False)]
_RATED: list[Move] = [("survey.rated", {"rating": rating}) for rating in _RATINGS]
_REVISITED: list[Move] = [
    ("revisit.recorded", {"outcome": "confirmed"}),
    ("revisit.recorded", {"outcome": "更正", "rating": "基本满意"}),
    ("revisit.recorded", {"outcome": "corrected", "rating": "dissatisfied"}),
]
_REWORK: list[Move] = [
    ("rework.requested", {}),
    ("rework.requested", {"unit": OTHER}),
    ("rework.requested", {"unit": THIRD, "former_holder": LEAD}),
]
_WRONG: list[Move] = [
    _returned(LEAD, signed_by=""),
    _returned(LEAD, basis=None),
    _returned(LEAD, suggested_unit=STRANGER),
    _extension(LEAD, claimant_told=False),
    _extension(LEAD, facts=" "),
    _result(LEAD, measures=""),
    _result(LEAD, long_term={"progress": "进展"}),
    _filed(LEAD),
    ("revisit.recorded", {"outcome": "corrected"}),
    ("progress.reported", {"unit": LEAD, "text": " "}),
    _accepted(STRANGER),
    ("return.reviewed", {"approved": True, "unit": STRANGER}),
    ("rework.requested", {"unit": STRANGER}),
    ("dispute.opened", {"units": [LEAD, STRANGER]}),
    received(),
]
_DESK: list[Move] = [
    ("unit.urged", {"unit": LEAD, "text": "请尽快", "by": "值班员"}),
    ("conduct.recorded", {"unit": LEAD, "ground": "shirking"}),
    ("screening.decided", {"code": "7", "decline": False, "by": "值班员"}),
]
_DECLINE: Move = ("screening.decided", {"code": "7", "decline": True, "by": "值班员"})
_ASSIGNED: list[Move] = [("ticket.assigned", {"unit": unit, "by": "值班员"}) for unit in UNITS]


def fitting(status: str, unit: str | None) -> list[Move]:
    """Return moves that fit a ticket of this status, likelier ones more often."""
    lead = unit or LEAD
    long = {"progress": "进展", "next_steps": "下一步"}
    return {
        "received": [received()],
        "manual": [*_ASSIGNED, _SUPPLEMENT],
        "dispatched": [
            *[_accepted(lead)] * 10,
            *[_returned(lead)] * 8,
            *[_result(lead)] * 2,
            *_DISPUTED * 3,
            *_CALLS["first"],
            *_SITE,
            *_WITHDRAWN,
            _SUPPLEMENT,
        ],
        "returned": [*_RETURN_REVIEWS * 4, *_DISPUTED, *_CALLS["first"], *_SITE, _SUPPLEMENT],
        "disputed": [*_DECIDED * 2, *_EVIDENCE, *_CALLS["first"], *_SITE],
        "handling": [
            *[_extension(lead)] * 10,
            *[_result(lead)] * 12,
            *[_filed(lead, materials=["决定书"])] * 2,
            _result(lead, long_term=long),
            *[_called(lead, "first", "no_answer")] * 8,
            *[_SUPPLEMENT, _TYPHOON] * 3,
            *_CALLS["first"],
            *_SITE,
            *_JOINED,
            *_DENIED,
            *_PROOFS,
            *_WITHDRAWN,
        ],
        "submitted": [
            *_RESULT_REVIEWS * 10,
            *_RATED * 3,
            *[_called("hotline", "survey", "wrong_number")] * 6,
            *_REVISITED,
            *_CALLS["survey"],
            *_DENIED,
            *_SITE,
        ],
        "completed": [
            *_RATED * 5,
            *[_called(lead, "closing", "no_answer")] * 8,
            *_REWORK * 6,
            *_REVISITED * 4,
            *_CALLS["closing"],
            *_CALLS["survey"],
            *_DENIED * 2,
            *_PROOFS * 2,
        ],
    }.get(status, [_SUPPLEMENT, *_REWORK])


ANY: list[Move] = [
    *_WRONG * 3,
    *_DESK * 2,
    _DECLINE,
    *(move for status in ("manual", "dispatched", "returned", "disputed", "handling")
      for move in fitting(status, LEAD)),
    *(move for status in ("submitted", "completed") for move in fitting(status, OTHER)),
    *(move for moves in _CALLS.values() for move in moves),
]  # fmt: skip

_FAILED = ("no_answer", "wrong_number")


def failed_call(move: Move) -> bool:
    """Return whether nobody answered: then somebody will call again."""
    return move[1].get("outcome") in _FAILED


def message(move: Move, at: datetime, arrival: int) -> Message:
    """The move as a message; a new ticket goes to the unit that it names, if that is known."""
    kind, body = move
    route = None
    if kind == "ticket.received":
        named = body.get("unit")
        known = named is not None and named not in UNKNOWN
        why = lazy("named by the city") if known else lazy("no rule names a unit")
        route = Route(named if known else None, why, named=None if known else named)
    read = read_message(kind, TICKET, at, arrival, body)
    return msgspec.structs.replace(read, unknown=UNKNOWN, route=route)


def life(rng: Random, begin: datetime, length: int) -> tuple[list[Message], SecondModel]:
    """A random life of `length` messages from `begin`, with the second model that has lived it."""
    model, messages, at = SecondModel(TICKET), list[Message](), begin
    move = received(
        category=rng.choice(CATEGORIES),
        emergency=rng.choice(EMERGENCIES),
        claimant=rng.choice(CLAIMANTS),
        unit=rng.choice(NAMED),
        statutory_limit=rng.choice(LIMITS),
        declined=rng.choice(ITEMS),
    )
    for arrival in range(1, length + 1):
        messages.append(message(move, at, arrival))
        model.take(messages[-1])
        if failed_call(move) and rng.random() < 0.6:
            at += timedelta(minutes=rng.randint(60, 360))
            continue
        at = _later(rng, at, model)
        any_move = rng.random() < 0.15
        move = rng.choice(ANY if any_move else fitting(model.status, model.unit))
    return messages, model


def _later(rng: Random, at: datetime, model: SecondModel) -> datetime:
    """Some hours or days later, at the same moment, or exactly when time itself has something."""
    chance = rng.random()
    if chance < 0.2 and (edge := model.next_at) is not None:
        return edge
    if chance < 0.25:
        return at
    return at + timedelta(minutes=rng.randint(0, 240 if chance < 0.5 else 3 * 24 * 60))
