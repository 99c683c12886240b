"""Texts are erased for good, and everything else of the ticket stays, and stays verifiable."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy import event as listening

from models.database import Store
from models.operations.access import find, reveal
from models.operations.erasure import HeldBack, RequestMissing, erase_texts
from models.operations.pruning import prune
from models.operations.shift_notes import write_shift_note
from models.queries.detail import ticket_detail
from models.queries.erasable_texts import erasable
from models.queries.failures import failures, refused_message
from models.queries.shift_notes import shift_notes
from models.queries.verification import verify
from models.rulebook import load_rulebook
from models.rules.policy import Keep, Policy
from models.rules.terms import Term
from models.rules.vocabulary import ErasureGround, UserRole
from models.security.findings import Harm
from models.security.roles import Actor, NotAllowed
from models.tables.core import ACCESS, BLIND_INDEX, EVENT, SALT, TICKET
from tests.scripts.hotline_in_process import InProcessHotline
from tests.store.factories import (
    RESULT,
    advance_tickets,
    at,
    feed,
    letter,
    log_of,
    message,
    row_of,
    ticket_state,
)
from tests.store.test_erased_texts import LIFE

NOW = at("2026-12-20T10:00")
WHO = Actor("wang", UserRole.SUPERVISOR)
GROUND = ErasureGround.CONSENT_WITHDRAWN
END = [
    message("E1", "result.submitted", "2026-11-04T09:30:00+08:00", **RESULT),
    message("E1", "claimant.withdrew", "2026-11-04T10:30:00+08:00", to="hotline", evidence="录音"),
]
LATE = message("E1", "contact.attempted", "2026-11-02T11:00:00+08:00", purpose="first",
               outcome="reached", method="phone", evidence="录音一份")  # fmt: skip


def _fill(store: Store) -> None:
    feed(store, [*LIFE, *END, letter("E2", "2026-12-19T09:00")], at("2026-11-05T09:00"))
    for moment in ("2026-11-05T09:00", "2026-12-01T09:00", "2026-12-20T09:00"):
        advance_tickets(store, ["E1", "E2"], at(moment))


pytestmark = pytest.mark.store(fill=_fill)


def _policy(store: Store, **keep: Any) -> Policy:
    with store.reading() as session:
        policy = next(iter(load_rulebook(session).policies.values()))
    return policy.model_copy(update={"keep": Keep(**keep)})


def _erase(store: Store, number: str = "E1", asked_by: str = "本人来信", **keep: Any) -> None:
    policy = _policy(store, **keep)
    with store.writing() as session:
        erase_texts(session, WHO, number, GROUND, asked_by, policy, NOW)


def test_nothing_is_left_and_all_is_whole(store: Store, tmp_path: Path) -> None:
    """No text, no number to find it by; state and log as before but for the line that says so."""
    before = ticket_state(store, "E1")
    with store.reading() as session:
        old_salt = session.scalar(select(SALT.c.salt).where(SALT.c.ticket == "E1"))
        lines = [e.seq for e in log_of(store, "E1") if e.private is not None]
        (looked,) = erasable(session, ["E1"], _policy(store), NOW)
    assert lines and looked.lines == lines and looked.messages == len(LIFE) + len(END)
    assert looked.held is None
    _erase(store)
    assert verify(store).findings == []
    last = log_of(store, "E1")[-1]
    assert last.name == "texts.erased"
    assert last.data == {"ground": GROUND, "by": "wang", "lines": lines}
    assert ticket_state(store, "E1") == before
    row = row_of(store, "E1")
    assert (row.title, row.claimant, row.facts, row.status) == ("", None, None, "archived")
    with store.writing() as session:
        assert session.scalar(select(SALT.c.salt).where(SALT.c.ticket == "E1")) != old_salt
        indexed = select(func.count()).select_from(BLIND_INDEX)
        assert session.scalar(indexed.where(BLIND_INDEX.c.ticket_id == row.id)) == 0
        assert "E1" not in find(session, WHO, "phone", "13900001111", NOW)
        revealed = reveal(session, WHO, "E1", ["name", "title", "content", "log"], NOW, "checking")
        assert not revealed["name"] and not any(revealed["log"].values())
        detail = ticket_detail(session, "E1")
        assert (detail.title, detail.content) == ("(erased)", "(erased)")
        assert "还有一盏" not in str(detail)
        entry = session.execute(select(ACCESS).where(ACCESS.c.act == "erase")).one()
        assert entry.ticket == "E1" and session.decrypt(ACCESS.c.reason, entry) == "本人来信"
    # once more there is nothing to erase, and nothing is done
    _erase(store)
    assert log_of(store, "E1")[-1].data["lines"] == lines
    assert verify(store).findings == []


def test_an_erased_ticket_goes_on(store: Store) -> None:
    """What comes later has texts of its own, and is folded with what was erased."""
    _erase(store)
    assert feed(store, [LATE], NOW).enqueued == 1
    assert advance_tickets(store, ["E1"], NOW).applied == 1
    assert verify(store).findings == []
    with store.reading() as session:
        detail = ticket_detail(session, "E1")
    assert "录音一份" in str(detail.log)
    assert feed(store, LIFE, NOW).enqueued == 0, "the city sends all again"
    assert verify(store).findings == []


def test_what_must_be_kept_is_held_back(store: Store) -> None:
    """An open ticket, and one that a law keeps for a time; nobody but a supervisor erases."""
    with pytest.raises(HeldBack, match="not archived"):
        _erase(store, "E2")
    with pytest.raises(HeldBack, match="until 2036-"):
        _erase(store, texts_at_least=Term(3650, "days"))
    with pytest.raises(RequestMissing):
        _erase(store, asked_by=" ")
    for role in (UserRole.OPERATOR, UserRole.AUDITOR, UserRole.FEEDER):
        with store.writing() as session, pytest.raises(NotAllowed):
            policy = _policy(store)
            erase_texts(session, Actor("li", role), "E1", GROUND, "本人", policy, NOW)
    assert verify(store).findings == [] and row_of(store, "E1").title


@pytest.mark.parametrize("what", ["texts", "salt", "line"])
def test_texts_that_nobody_erased_are_missed(store: Store, what: str) -> None:
    """Whoever deletes texts in the database is told of, before an erasure and after one."""
    harms: dict[str, Callable[[Any], Any]] = {
        "texts": lambda of: update(EVENT).where(of).values(private=None),
        "salt": lambda _of: delete(SALT).where(SALT.c.ticket == "E1"),
        "line": lambda of: delete(EVENT).where(of, EVENT.c.name == "texts.erased"),
    }
    if what == "line":
        _erase(store)
    with store.writing() as session:
        of_ticket = EVENT.c.ticket_id == session.scalar(
            select(TICKET.c.id).where(TICKET.c.number == "E1")
        )
        session.execute(harms[what](of_ticket))
    findings = verify(store).findings
    assert {(f.harm, f.ticket) for f in findings} == {(Harm.DELETED, "E1")}


@pytest.mark.store(databases=["sqlite"], fill=_fill)
def test_all_tickets_of_a_person(hotline: InProcessHotline, store: Store) -> None:
    """Found by the blind index; first listed, then erased but for what is held back."""
    person = ("--claimant", "13900001111")
    listed = hotline("erase", *person, "--dry-run", code=1).stdout
    assert "E1: would erase the texts of" in listed and "E2: held back" in listed
    assert "consent_withdrawn" in listed and row_of(store, "E1").title
    request = ("--ground", GROUND, "--asked-by", "本人来信")
    assert "one of" in hotline("erase", "E1", "--ground", "because", code=2).stderr
    assert "name tickets" in hotline("erase", *request, code=2).stderr
    assert "who asked" in hotline("erase", "E1", "--ground", GROUND, code=1).stderr
    done = hotline("erase", *person, *request, code=1).stdout
    assert "E1: erased" in done and "E2: held back" in done and "backups" in done
    assert (
        "no such ticket" in hotline("erase", "--claimant", "13812345678", *request, code=1).stderr
    )
    assert hotline.json("log", "--verify")["findings"] == []
    assert "E1: already erased" in hotline("erase", "E1", *request).stdout
    assert "E1: already erased" in hotline("erase", "E1", "--dry-run").stdout


def _refuse(store: Store) -> int:
    """Refuse a message of a ticket that never began; returns its id."""
    contact = message("E9", "contact.attempted", "2026-11-02T11:00:00+08:00", purpose="first",
                   outcome="reached", method="phone", evidence="张三的录音")  # fmt: skip
    feed(store, [contact], at("2026-11-05T09:00"))
    advance_tickets(store, ["E9"], at("2026-12-01T09:00"))
    with store.reading() as session:
        (row,) = (row for row in failures(session).rows if row.ticket == "E9")
    return row.id


def _refused_body(store: Store, message_id: int) -> dict[str, Any]:
    with store.reading() as session:
        refused = refused_message(session, message_id)
    assert refused is not None
    return refused.body


def test_what_came_for_a_ticket_that_never_began_is_reached(store: Store) -> None:
    """Its messages were all refused, and kept what people wrote."""
    refused = _refuse(store)
    assert "张三" in str(_refused_body(store, refused))
    with pytest.raises(HeldBack, match="until 2027"):
        _erase(store, "E9", texts_at_least=Term(90, "days"))
    _erase(store, "E9")
    assert _refused_body(store, refused) == {}
    assert verify(store).findings == []
    with store.reading() as session:
        assert session.scalar(select(ACCESS.c.ticket).where(ACCESS.c.act == "erase")) == "E9"


def test_retention_reaches_it_too(store: Store) -> None:
    """Once, when its last message is as old as the policy says."""
    refused = _refuse(store)
    policy = _policy(store, texts=Term(40, "days"))
    prune(store, at("2026-12-10T09:00"), policy)
    assert "张三" in str(_refused_body(store, refused))
    for _again in range(2):
        prune(store, NOW, policy)
        assert _refused_body(store, refused) == {}
    erased = select(func.count()).where(ACCESS.c.act == "erase", ACCESS.c.ticket == "E9")
    with store.reading() as session:
        assert session.scalar(erased) == 1
    assert verify(store).findings == []


def test_notes_of_shifts_that_name_the_ticket_go_too(store: Store) -> None:
    """Those that name another one stay, also where its number begins alike."""
    with store.writing() as session:
        for text in ("工单E1的诉求人下午再联系", "E12 待转", "见E1-2", "E1", "停电"):
            write_shift_note(session, Actor("li", UserRole.OPERATOR), text, NOW)
    with store.reading() as session:
        (looked,) = erasable(session, ["E1"], _policy(store), NOW)
        assert len(looked.notes) == 2
    _erase(store)
    with store.reading() as session:
        kept = [note.text for note in shift_notes(session, NOW)]
    assert kept == ["停电", "见E1-2", "E12 待转"]


@pytest.mark.store(databases=["sqlite"], fill=_fill)
def test_many_tickets_are_looked_at_by_few_statements(store: Store) -> None:
    """However many there are: one at a time, 2,000 took four minutes."""
    policy = _policy(store)
    statements: list[str] = []

    def keep(*arguments: Any) -> None:
        statements.append(arguments[2])

    counted = []
    with store.reading() as session:
        connection = session.connection()
        listening.listen(connection, "before_cursor_execute", keep)
        for numbers in (["E1"], ["E1", "E2"] * 200):
            statements.clear()
            assert len(list(erasable(session, numbers, policy, NOW))) == len(numbers)
            counted.append(len(statements))
        listening.remove(connection, "before_cursor_execute", keep)
    assert counted[0] == counted[1] <= 6
