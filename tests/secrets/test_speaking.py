"""In whose name each role may send messages, on every way in."""

import ast
import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from models.database import Store
from models.i18n import render
from models.operations.inbox import AddedMessages, add_messages
from models.queries.failures import failures
from models.rules.messages import HOTLINE
from models.rules.speaking import OWN_SOURCES, senders_of
from models.rules.vocabulary import MessageType, Sender, UserRole
from models.security.roles import Actor
from models.tables.core import INBOX
from tests.scripts.hotline_in_process import InProcessHotline
from tests.store.factories import advance_tickets, at, letter, log_of, message, prepared_store

NOW = at("2026-11-20T09:00")
FEEDER = Actor("gateway", UserRole.FEEDER)
OPERATOR = Actor("wang", UserRole.OPERATOR)
SUPERVISOR = Actor("chen", UserRole.SUPERVISOR)
AUDITOR = Actor("li", UserRole.AUDITOR)
NOBODY = Actor("guest", "")
OWNER = Actor("root", UserRole.SUPERVISOR, is_owner=True)

CITY = (
    "ticket.received",
    "ticket.amended",
    "return.reviewed",
    "result.reviewed",
    "survey.rated",
    "revisit.recorded",
    "rework.requested",
    "contact.denied",
    "claimant.supplemented",
    "claimant.withdrew",
    "term.restarted",
    "dispute.opened",
)
UNITS = (
    "unit.accepted",
    "unit.returned",
    "unit.joined",
    "dispute.evidence",
    "site.arrived",
    "progress.reported",
    "contact.attempted",
    "contact.proof",
    "extension.requested",
    "result.submitted",
)
DESK = (
    "ticket.assigned",
    "ticket.reassigned",
    "screening.decided",
    "unit.urged",
    "dispute.opened",
    "dispute.decided",
    "conduct.recorded",
    "note.added",
    "term.restarted",
    "ticket.amended",
)
"""As the contract says it ("Who speaks"), and decision 35 for amendments."""


def send(store: Store, sender: Actor | None, *messages: dict[str, Any]) -> AddedMessages:
    """Put messages into the inbox."""
    with store.writing() as session:
        return add_messages(session, "city", messages, NOW, sender=sender)


def reasons(result: AddedMessages) -> list[str]:
    """Why messages were refused."""
    return [render(why) for _index, why in result.refused]


def inbox(store: Store) -> Sequence[tuple[str, str, bool]]:
    """The inbox: the messages' ids, states, and whether they are the current ones."""
    with store.reading() as session:
        rows = session.execute(
            select(INBOX.c.message_id, INBOX.c.state, INBOX.c.current).order_by(INBOX.c.id)
        )
        return [tuple(row) for row in rows]


def test_every_message_has_those_who_may_send_it() -> None:
    """The table of the contract, whole."""
    for kind in MessageType:
        expected = {
            sender
            for sender, kinds in ((Sender.CITY, CITY), (Sender.UNITS, UNITS), (Sender.DESK, DESK))
            if kind in kinds
        }
        assert senders_of(kind, {"unit": "城管局"}) == expected, kind
    assert senders_of(MessageType.CONTACT_ATTEMPTED, {"unit": HOTLINE}) == {Sender.CITY}


@pytest.mark.parametrize(
    ("sender", "may"),
    [
        (FEEDER, {*CITY, *UNITS}),
        (Actor("g", UserRole.FEEDER, frozenset({Sender.UNITS})), {*UNITS}),
        (Actor("h", UserRole.FEEDER, frozenset({Sender.DESK})), set()),
        (OPERATOR, {*DESK}),
        (SUPERVISOR, {*CITY, *UNITS, *DESK}),
        (AUDITOR, set()),
        (NOBODY, set()),
        (OWNER, {*MessageType}),
    ],
    ids=lambda value: value.name if isinstance(value, Actor) else "",
)
def test_each_role_speaks_for_whom_it_may(store: Store, sender: Actor, may: set[str]) -> None:
    """Every type of message by every role; the owner of a store without roles sends all."""
    messages = [message("T1", kind, "2026-11-02T10:00") for kind in MessageType]
    result = send(store, sender, *messages)
    refused = {messages[index]["type"] for index, _why in result.refused}
    assert {*MessageType} - refused == may
    states = {message_id.split("-")[1]: state for message_id, state, _current in inbox(store)}
    assert {kind for kind, state in states.items() if state == "refused"} == refused
    assert len(states) == len(MessageType), "what is refused is kept"


def test_an_id_of_another_message_is_no_duplicate(store: Store) -> None:
    """It is refused with the reason, in one batch as in two; the same message again is known."""
    units = Actor("fay", UserRole.FEEDER, frozenset({Sender.UNITS}))
    accepted = message("R1", "unit.accepted", "2026-11-02T10:00") | {"id": "c100"}
    received = letter("C100", "2026-11-02T10:00") | {"id": "c100"}
    same_ticket = message("R1", "unit.returned", "2026-11-02T10:00", why="x") | {"id": "c100"}
    assert send(store, units, accepted).enqueued == 1
    why = "the id is another message's: ticket R1, unit.accepted; send it with an id of its own"
    for other in (received, same_ticket):
        result = send(store, FEEDER, other)
        assert (result.enqueued, result.duplicate, reasons(result)) == (0, 0, [why])
    result = send(store, FEEDER, accepted)
    assert (result.enqueued, result.duplicate, result.refused) == (0, 1, [])


def test_one_batch_with_an_id_twice(store: Store) -> None:
    """The first of two messages has it; the same one again is known."""
    first = letter("C1", "2026-11-02T10:00") | {"id": "c1"}
    second = letter("C2", "2026-11-02T10:00") | {"id": "c1"}
    result = send(store, FEEDER, first, second, first)
    assert (result.enqueued, result.known, [i for i, _why in result.refused]) == (1, [2], [1])


@pytest.mark.parametrize("source", OWN_SOURCES)
def test_the_service_has_its_sources_to_itself(store: Store, source: str) -> None:
    """No feeder takes ids that operators' messages or a change of the units will have."""
    accepted = message("R1", "unit.accepted", "2026-11-02T10:00")
    with store.writing() as session:
        result = add_messages(session, source, [accepted], NOW, sender=FEEDER)
    assert reasons(result) == [f"the source {source} is the service's own; give another"]
    assert inbox(store) == []
    with store.writing() as session:
        assert add_messages(session, source, [accepted], NOW, sender=SUPERVISOR).enqueued == 1


def test_only_the_units_command_sends_a_succession(store: Store) -> None:
    succeeded = message("R1", "unit.succeeded", "2026-11-02T10:00")
    assert reasons(send(store, FEEDER, succeeded)) == [
        "only a change of the units sends unit.succeeded (`hotline units`)"
    ]


def test_what_is_refused_is_sent_again_by_somebody_who_may(store: Store) -> None:
    """With its reason, the same content, and once."""
    send(store, None, letter("T1", "2026-11-02T09:00"))
    urged = message("T1", "unit.urged", "2026-11-02T10:00", text="请抓紧")
    (why,) = reasons(send(store, FEEDER, urged))
    assert why == "gateway (feeder) may not speak for: district desk; let somebody send it who may"
    assert reasons(send(store, FEEDER, urged)) == [why], "again, and it is kept once"
    with store.reading() as session:
        (failure,) = failures(session).rows
    assert (failure.ticket, failure.why) == ("T1", why)
    assert send(store, SUPERVISOR, urged).enqueued == 1
    assert send(store, SUPERVISOR, urged).duplicate == 1
    assert reasons(send(store, FEEDER, urged)) == [why], "and he undoes nothing"
    advance_tickets(store, ["T1"], NOW)
    assert [row[1:] for row in inbox(store)[1:]] == [("refused", False), ("applied", True)]
    assert [e.name for e in log_of(store, "T1")].count("unit.urged") == 1


def test_by_is_the_senders_own_name(store: Store) -> None:
    """Set where it is absent, refused where the desk would speak in another's name."""
    note = {"text": "已电话告知"}
    send(store, None, letter("T1", "2026-11-02T09:00"))
    forged = message("T1", "note.added", "2026-11-02T10:00", by="chen", **note)
    (why,) = reasons(send(store, OPERATOR, forged))
    assert why == "`by` must be the sender's own name, wang, or absent"
    absent = message("T1", "note.added", "2026-11-02T11:00", **note)
    signed_note = message("T1", "note.added", "2026-11-02T12:00", by="wang", **note)
    amended = message(
        "T1", "ticket.amended", "2026-11-02T13:00", by="市热线王", why="更正", title="路灯"
    )
    assert send(store, OPERATOR, absent, signed_note).enqueued == 2
    assert send(store, FEEDER, amended).enqueued == 1
    with store.reading() as session:
        rows = session.execute(
            select(INBOX).where(INBOX.c.state == "waiting").order_by(INBOX.c.id)
        ).all()
        signed = [body.get("by") for body in session.decrypt_all(INBOX.c.body, rows)[1:]]
    assert signed == ["wang", "wang", "市热线王 (gateway)"]


def test_the_name_that_is_added_makes_no_other_message(store: Store) -> None:
    """A message without an id has that of its content as it was sent."""
    note = message("T1", "note.added", "2026-11-02T10:00", text="已告知")
    del note["id"]
    assert send(store, OPERATOR, note).enqueued == 1
    assert send(store, SUPERVISOR, note).duplicate == 1


def test_a_token_of_a_unit_speaks_for_it_alone(store: Store) -> None:
    """By any of its names; nobody else's reply, and no letter."""
    token = Actor("城管局平台", UserRole.FEEDER, None, "城市管理和综合执法局")
    mine = message("T1", "unit.accepted", "2026-11-02T10:00")
    others = message("T1", "unit.accepted", "2026-11-02T11:00", unit="人社局")
    city = letter("T1", "2026-11-02T09:00")
    result = send(store, token, mine, others, city)
    assert result.enqueued == 1
    assert (
        reasons(result)
        == ["城管局平台 may speak for 城市管理和综合执法局 alone; let somebody send it who may"] * 2
    )


def test_a_desk_may_act_for_the_city_where_the_policy_says_so(store_url: str) -> None:
    """Then an operator records ratings and revisits, and still nothing of a unit's."""
    shipped = (resources.files("models") / "policy" / "haojiang.toml").read_text(encoding="utf-8")
    policy = shipped.replace("desk_acts_for_city = false", "desk_acts_for_city = true")
    assert policy != shipped
    rated = message("T1", "survey.rated", "2026-11-02T10:00", rating="satisfied")
    accepted = message("T1", "unit.accepted", "2026-11-02T10:00")
    with prepared_store(store_url, policy) as store:
        result = send(store, OPERATOR, rated, accepted)
        assert (result.enqueued, len(result.refused)) == (1, 1)
        assert len(send(store, Actor("x", UserRole.AUDITOR), rated).refused) == 1


def test_a_fed_file_keeps_to_the_role(
    tmp_path: Path,
    store_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By a file and by a watched folder: the rest of it is taken, and the exit code says so."""
    home, folder = tmp_path / "home", tmp_path / "inbox"
    home.mkdir(mode=0o700)
    folder.mkdir(mode=0o700)
    hotline = InProcessHotline(home, monkeypatch, capsys, DATABASE_URL=store_url)
    hotline("db", "upgrade")
    token = hotline("tokens", "issue", "gateway", "--role", "feeder").stdout.strip()
    lines = [
        letter("T1", "2026-11-02T09:00"),
        message("T1", "unit.urged", "2026-11-02T10:00", text="请抓紧", by="chen"),
    ]
    file = tmp_path / "messages.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    counts = hotline.json("feed", file, code=1, TOKEN=token)
    assert (counts["enqueued"], counts["refused"]) == (1, 1)
    row, kept = hotline.lines("refused")
    assert row["why"].startswith("gateway (feeder) may not speak for: district desk")
    assert kept["why"] == row["why"], "the message is kept in the store too"
    (folder / "more.jsonl").write_text(
        json.dumps(message("T1", "note.added", "2026-11-02T11:00", text="x")), "utf-8"
    )
    watched = ("feed", folder, "--watch", "--once", "--calm", "0")
    assert hotline.json(*watched, code=1, TOKEN=token)["refused"] == 1
    counts = hotline.json("feed", file)
    assert (counts["enqueued"], counts["duplicate"]) == (1, 1), "the owner may send all"


ROOT = Path(__file__).parents[2]
_NOBODYS = ("scripts/bench/", "scripts/demo/")
"""Parts that send messages of their own making."""


def test_every_way_in_says_who_sends() -> None:
    """A way that would forget its sender would be the service's own, which may send all."""
    calls = []
    for package in ("monitor", "scripts", "workers"):
        for path in sorted((ROOT / package).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if name.startswith(_NOBODYS):
                continue
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "add_messages":
                    calls.append((name, "sender" in ast.unparse(node)))
    assert calls
    assert [name for name, says in calls if not says] == []
