"""Random moves in a ticket's life: those that make sense where it stands, and any others."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any

import msgspec

from models.i18n import PrivateText, lazy
from models.rules.messages import (
    Message,
    Refusal,
    Route,
    read_envelope,
    read_message,
    refuse_unknown,
)
from tests.rules.plain_messages import SHANGHAI, TABLES, Line, instant_of
from tests.rules.random_lives import LEAD, OTHER, STRANGER, TICKET, UNKNOWN
from tests.rules.second_model import SecondModel

THIRD = "人社局"
UNITS = (LEAD, OTHER, THIRD)

Move = tuple[str, dict[str, Any]]
Raw = dict[str, Any]

_RESULT = {"facts": "事实", "measures": "措施", "remedies": "救济", "basis": "依据"}
_RETURN = {"reason": "理由", "basis": "三定方案", "suggested_unit": OTHER, "signed_by": "副局长"}
_EXTENSION = {"facts": "事实", "reasons": "理由", "progress": "进展", "next_steps": "计划"}
_DENIABLE = ("first", "closing")
_RATINGS = ("very_satisfied", "satisfied", "dissatisfied", "very_dissatisfied")
_DESK = {"by": "值班员", "why": "登记有误"}

BLANK: tuple[Any, ...] = (
    "",
    " ",
    "\u3000",
    "无",
    "否",
    "false",
    [],
    [""],
    ["无", " "],
    None,
    False,
)
"""Papers that say nothing."""
PAPER = ("录音.mp3", ["录音.mp3"], ["", "照片.jpg"], ["无", "立案决定书"], {"file": "照片.jpg"})
"""Papers that say something."""


def _accepted(unit: str) -> Move:
    return "unit.accepted", {"unit": unit}


def _called(unit: str, purpose: str, outcome: str, **other: Any) -> Move:
    call = {"unit": unit, "purpose": purpose, "outcome": outcome, "method": "phone"}
    return "contact.attempted", call | other


def _returned(unit: str, **other: Any) -> Move:
    return "unit.returned", {"unit": unit} | _RETURN | other


def _extension(unit: str, **other: Any) -> Move:
    return "extension.requested", {"unit": unit, "claimant_told": True} | _EXTENSION | other


def _result(unit: str, **other: Any) -> Move:
    return "result.submitted", {"unit": unit, "disposal": "ordinary"} | _RESULT | other


def _filed(unit: str, **other: Any) -> Move:
    return "result.submitted", {"unit": unit, "disposal": "administrative_case"} | other


def _amended(**fields: Any) -> Move:
    return "ticket.amended", fields | _DESK


def _proof(unit: str, purpose: str, evidence: Any = "录音") -> Move:
    return "contact.proof", {"unit": unit, "purpose": purpose, "evidence": evidence}


def received(**fields: Any) -> Move:
    """A new ticket; absent (None) fields are left out."""
    body = {"category": "complaint", "title": "路灯不亮", "unit": LEAD} | fields
    return "ticket.received", {k: v for k, v in body.items() if v is not None or k == "emergency"}


CATEGORIES = ("consultation", "suggestion", "help", "complaint")
EMERGENCIES = (None, None, "utilities")
CLAIMANTS = (None, {"contact": "wanted"}, {"contact": "wanted"}, {"contact": "unwanted"})
NAMED = (LEAD, LEAD, LEAD, LEAD, LEAD, LEAD, LEAD, STRANGER, None)
ITEMS = (None,) * 29 + (4,)
LIMITS: tuple[dict[str, Any] | None, ...] = (
    *(None,) * 8,
    *({"workdays": n, "basis": "某法"} for n in (1, 2, 5, 20)),
    *({"hours": n, "basis": "某法"} for n in (1, 5, 20, 48, 300)),
    *({"days": n, "basis": "某规定"} for n in (1, 3, 5, 10, 30)),
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
_JOINED: list[Move] = [("unit.joined", {"unit": unit}) for unit in UNITS]
_DENIED: list[Move] = [("contact.denied", {"purpose": purpose}) for purpose in ("first", "closing")]
_DISPUTED: list[Move] = [
    ("dispute.opened", {"units": units})
    for units in ([LEAD, OTHER], [OTHER, LEAD, OTHER], [OTHER], [THIRD, OTHER], [LEAD], [])
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
_RESULT_REVIEWS: list[Move] = [
    ("result.reviewed", {"approved": ok}) for ok in (True, True, True, False)
]
_RATED: list[Move] = [("survey.rated", {"rating": rating}) for rating in _RATINGS]
_REVISITED: list[Move] = [
    ("revisit.recorded", {"outcome": "confirmed"}),
    ("revisit.recorded", {"outcome": "corrected", "rating": "basically_satisfied"}),
    ("revisit.recorded", {"outcome": "corrected", "rating": "dissatisfied"}),
]
_REWORK: list[Move] = [
    ("rework.requested", {}),
    ("rework.requested", {"unit": OTHER}),
    ("rework.requested", {"unit": THIRD, "former_holder": LEAD}),
]
_WISHES: list[Move] = [_amended(claimant={"contact": wish}) for wish in ("wanted", "unwanted")]
_AMENDED: list[Move] = [
    *(_amended(category=category) for category in CATEGORIES),
    *(_amended(emergency=emergency) for emergency in ("disaster", "utilities", None)),
    *(_amended(statutory_limit=limit) for limit in (None, *LIMITS[8:])),
    *_WISHES * 3,
    _amended(claimant={"phone": "13800000000"}),
    _amended(title="路灯", address="某路", street="达濠街道"),
    _amended(category="help", emergency="disaster", statutory_limit={"days": 2, "basis": "某法"}),
]
_REASSIGNED: list[Move] = [("ticket.reassigned", {"unit": unit} | _DESK) for unit in UNITS]
_SUCCEEDED: list[Move] = [("unit.succeeded", {"unit": LEAD, "successor": "新城建局"})]
_CONDUCT: list[Move] = [
    ("conduct.recorded", {"unit": LEAD, "ground": "falsified", "grave": True}),
    ("conduct.recorded", {"unit": OTHER, "ground": "shirking"}),
]
_WRONG: list[Move] = [
    _returned(LEAD, signed_by=""),
    _returned(LEAD, basis=None),
    _returned(LEAD, suggested_unit=STRANGER),
    _extension(LEAD, claimant_told=False),
    _extension(LEAD, claimant_told="否"),
    _extension(LEAD, facts=" "),
    _result(LEAD, measures=""),
    _result(LEAD, long_term={"progress": "进展"}),
    _filed(LEAD),
    ("revisit.recorded", {"outcome": "corrected"}),
    ("progress.reported", {"unit": LEAD, "text": " "}),
    ("unit.urged", {"unit": LEAD, "text": " ", "by": "值班员"}),
    _accepted(STRANGER),
    ("return.reviewed", {"approved": True, "unit": STRANGER}),
    ("rework.requested", {"unit": STRANGER}),
    ("ticket.reassigned", {"unit": STRANGER} | _DESK),
    ("dispute.opened", {"units": [LEAD, STRANGER]}),
    _accepted("hotline"),
    _proof("hotline", "first"),
    received(),
]
_OF_THE_DESK: list[Move] = [
    ("unit.urged", {"unit": LEAD, "text": "请尽快", "by": "值班员"}),
    ("note.added", {"text": "已致电", "by": "值班员"}),
    ("screening.decided", {"code": "7", "decline": False, "by": "值班员"}),
]
_DECLINE: Move = ("screening.decided", {"code": "7", "decline": True, "by": "值班员"})
_ASSIGNED: list[Move] = [("ticket.assigned", {"unit": unit, "by": "值班员"}) for unit in UNITS]


Moves = list[Move]
"""Moves of one kind: a kind is chosen first, then one of its moves."""


def fitting(model: SecondModel) -> list[Moves]:
    """Return moves that fit a ticket where it stands, a likelier kind more often."""
    lead = model.unit or LEAD
    return [*_by_status(model.status, lead), *_by_duty(model, lead)]


def _by_status(status: str, lead: str) -> list[Moves]:
    long = {"progress": "进展", "next_steps": "下一步"}
    results = [_result(lead), _result(lead), _filed(lead, materials=["决定书"])]
    first = [_called(lead, "first", outcome) for outcome in (*_OUTCOMES, "no_answer")]
    proved = [_called(lead, purpose, "no_answer", evidence="录音") for purpose in _DENIABLE]
    closing = [_called(lead, "closing", outcome) for outcome in (*_OUTCOMES, "no_answer")]
    survey = [_called("hotline", "survey", outcome) for outcome in (*_OUTCOMES, "no_answer")]
    return {
        "received": [[received()]],
        "manual": [*[_ASSIGNED] * 4, [_SUPPLEMENT], _AMENDED, _REASSIGNED, _WITHDRAWN],
        "dispatched": [
            *[[_accepted(lead)]] * 6,
            *[[_returned(lead)]] * 4,
            *[_DISPUTED] * 3,
            *[first] * 2,
            *(results, _CALLS["first"], _SITE, _WITHDRAWN, _REASSIGNED, _AMENDED, _DENIED),
            [_SUPPLEMENT],
        ],
        "returned": [*[_RETURN_REVIEWS] * 5, _DISPUTED, _CALLS["first"], _SITE, _AMENDED],
        "disputed": [
            _SUCCEEDED,
            *[_DECIDED] * 4,
            *[_EVIDENCE] * 2,
            _CALLS["first"],
            _SITE,
            _AMENDED,
        ],
        "handling": [
            *[[_extension(lead)]] * 3,
            *[results] * 4,
            [_result(lead, long_term=long)],
            *[first] * 2,
            *[_DENIED] * 2,
            *[_AMENDED] * 2,
            *(proved, _CALLS["first"], _SITE, _JOINED, _REASSIGNED, _SUCCEEDED, _WITHDRAWN),
            *([_SUPPLEMENT], [_TYPHOON]),
        ],
        "submitted": [
            *[_RESULT_REVIEWS] * 6,
            *[_RATED] * 2,
            *[survey] * 2,
            *(_CALLS["survey"], _DENIED, _AMENDED, _SITE),
        ],
        "completed": [
            *[_RATED] * 3,
            *[closing] * 2,
            *[_REWORK] * 2,
            *[_DENIED] * 3,
            *(proved, survey, _CALLS["closing"], _AMENDED, _SUCCEEDED),
        ],
        "archived": [*[_CONDUCT] * 2, _DENIED, _REWORK, [_extension(lead), _extension(THIRD)]],
    }.get(status, [[_SUPPLEMENT], _REWORK, _CONDUCT])


def _by_duty(model: SecondModel, lead: str) -> list[Moves]:
    """Return moves that meet what is owed, or try to in vain."""
    moves: list[Moves] = []
    for name, purpose in model.running:
        if name == "proof" and purpose is not None:
            owing = model.asked[purpose].holder or lead
            moves += [
                *[[_proof(owing, purpose), _called(owing, purpose, "reached")]] * 4,
                [_called(owing, purpose, "no_answer", evidence="录音")],
                [_called(lead, purpose, outcome) for outcome in _OUTCOMES],
                [_proof(unit, purpose) for unit in (*UNITS, "hotline")],
                *[[("contact.denied", {"purpose": purpose})]] * 2,
            ]
        if name == "designation":
            moves += [*[[_called(lead, "first", "no_answer"), _extension(lead)]] * 2, _SITE]
        if name == "revisit":
            moves += [_REVISITED] * 3
    for purpose, duty in model.asked.items():
        if duty.denial in ("absent", "proved", ""):
            moves += [
                [_proof(duty.holder or lead, purpose), ("contact.denied", {"purpose": purpose})]
            ]
    if model.accepted in ("deemed", "late"):
        moves += [[_accepted(lead)]] * 2
    if model.rating in ("dissatisfied", "very_dissatisfied"):
        moves += [_REWORK] * 2
    if not model.wanted:
        moves += [_WISHES] * 2
    return moves


ANY: list[Moves] = [
    *[[move] for move in _WRONG],
    *[_OF_THE_DESK, _CONDUCT, _REASSIGNED, _AMENDED, _DENIED, _REWORK, _REVISITED, _RATED] * 2,
    [_DECLINE],
    [_proof(unit, purpose) for unit in (*UNITS, "hotline") for purpose in _DENIABLE],
    *_CALLS.values(),
    *(_by_status("dispatched", LEAD) + _by_status("returned", LEAD)),
    *(_by_status("handling", OTHER) + _by_status("completed", OTHER)),
]

_FAILED = ("no_answer", "wrong_number")


def failed_call(move: Move) -> bool:
    """Return whether nobody answered: then somebody will call again."""
    return move[1].get("outcome") in _FAILED


# ------------------------------------------------------------ as it is written

_OFFSETS = tuple(timezone(timedelta(hours=h)) for h in (0, 5.5, 9, -5, -12))
_PAPERS = {
    "unit.returned": ("reason", "basis", "signed_by"),
    "dispute.evidence": ("documents",),
    "progress.reported": ("text",),
    "contact.proof": ("evidence",),
    "contact.attempted": ("evidence",),
    "extension.requested": ("facts", "reasons", "progress", "next_steps"),
    "claimant.supplemented": ("text",),
    "term.restarted": ("basis",),
    "result.submitted": ("facts", "measures", "remedies", "basis", "long_term", "materials"),
}
_YES, _NO = (True, "是", "yes", "true"), (False, "否", "false", "无", "", None)


def written(move: Move, at: datetime, arrival: int, rng: Random, ticket: str = TICKET) -> Raw:
    """The move as its source writes it: by code or label, in any zone, its papers once blank."""
    kind, body = move
    body = {name: _labelled(name, value, rng) for name, value in body.items()}
    if kind in _PAPERS and rng.random() < 0.15:
        body[rng.choice(_PAPERS[kind])] = rng.choice((*BLANK, *PAPER))
    if body.get("claimant_told") is True:
        body["claimant_told"] = rng.choice(_YES)
    elif "claimant_told" in body:
        body["claimant_told"] = rng.choice(_NO)
    envelope = {"id": f"{ticket}-{arrival}", "at": _dated(at, rng), "type": kind, "ticket": ticket}
    return envelope | body


def _labelled(name: str, value: Any, rng: Random) -> Any:
    if isinstance(value, Mapping):
        return {key: _labelled(key, part, rng) for key, part in value.items()}
    if name in TABLES and isinstance(value, str) and rng.random() < 0.3:
        return TABLES[name].get(value, value)
    return value


def _dated(at: datetime, rng: Random) -> str:
    chance = rng.random()
    if chance < 0.15:
        return at.replace(tzinfo=None).isoformat()
    return at.astimezone(rng.choice(_OFFSETS) if chance < 0.4 else SHANGHAI).isoformat()


def for_rules(raw: Raw, arrival: int) -> Message:
    """The message as the rules read it; a new ticket goes to the unit that it names, if known."""
    envelope = read_envelope(raw)
    assert not isinstance(envelope, Refusal)
    route = None
    if envelope.type == "ticket.received":
        named = raw.get("unit")
        known = named is not None and named not in UNKNOWN
        why = lazy("named by the city") if known else lazy("no rule names a unit")
        unknown = PrivateText("unit") if named is not None and not known else None
        route = Route(named if known else None, why, named=unknown)
    message = read_message(envelope.type, envelope.ticket, envelope.at, arrival, raw)
    return msgspec.structs.replace(refuse_unknown(message, UNKNOWN), route=route)


def for_model(raw: Raw, arrival: int) -> Line:
    """The message as the second model reads it."""
    return Line(raw["type"], raw["ticket"], instant_of(raw["at"]), arrival, raw, UNKNOWN)


def message(move: Move, at: datetime, arrival: int) -> Message:
    """The move as a message for the rules, by codes and in Asia/Shanghai."""
    kind, body = move
    raw = {"id": f"{TICKET}-{arrival}", "at": at.isoformat(), "type": kind, "ticket": TICKET}
    return for_rules(raw | body, arrival)


# ------------------------------------------------------------ whole lives


def life(
    rng: Random, begin: datetime, length: int, ticket: str = TICKET
) -> tuple[list[Raw], SecondModel]:
    """A random life of `length` messages from `begin`, with the second model that has lived it."""
    model, raws, at = SecondModel(ticket), list[Raw](), begin
    move = received(
        category=rng.choice(CATEGORIES),
        emergency=rng.choice(EMERGENCIES),
        claimant=rng.choice(CLAIMANTS),
        unit=rng.choice(NAMED),
        statutory_limit=rng.choice(LIMITS),
        declined=rng.choice(ITEMS),
    )
    for arrival in range(1, length + 1):
        raws.append(written(move, at, arrival, rng, ticket))
        model.take(for_model(raws[-1], arrival))
        if failed_call(move) and rng.random() < 0.6:
            at += timedelta(minutes=rng.randint(60, 360))
            continue
        at = _later(rng, at, model)
        move = chosen(rng, ANY if rng.random() < 0.12 else fitting(model))
    return raws, model


def chosen(rng: Random, moves: Sequence[Moves]) -> Move:
    """One of the moves, of any kind."""
    return rng.choice(rng.choice(moves))


def _later(rng: Random, at: datetime, model: SecondModel) -> datetime:
    """Some hours or days later, at the same moment, or exactly when time itself has something."""
    chance = rng.random()
    if chance < 0.2 and (edge := model.next_at) is not None:
        return edge
    if chance < 0.25:
        return at
    return at + timedelta(minutes=rng.randint(0, 240 if chance < 0.55 else 2 * 24 * 60))


def delayed(raws: Sequence[Raw], rng: Random) -> list[tuple[datetime, Raw]]:
    """The same messages in the order in which they come, some of them days late."""
    delays = (0, 0, 0, 0, 1, 5, 24, 72, 200)
    came: list[tuple[datetime, int, Raw]] = []
    for number, raw in enumerate(raws):
        # what comes before its ticket waits for a week
        hours = rng.choice(delays if number else delays[:-1])
        came.append((instant_of(raw["at"]) + timedelta(hours=hours), number, raw))
    return [(arrived, raw) for arrived, _, raw in sorted(came, key=lambda entry: entry[:2])]
