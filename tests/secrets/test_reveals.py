"""Personal data are seen for a reason, within a limit, and supervisors are told beyond it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from models.database import Store
from models.operations.access import (
    CallNotDue,
    ReasonMissing,
    message_to_mend,
    number_to_call,
    reveal,
)
from models.operations.access_log import record_access, recording_denials
from models.operations.inbox import add_messages
from models.operations.reveal_limits import TooMuchRevealed
from models.queries.access_log import limits_passed
from models.queries.failures import failures
from models.queries.health import health
from models.queries.verification import verify
from models.rules.policy import PersonalData
from models.rules.vocabulary import RevealReason, UserRole
from models.security.roles import Actor, Denied, NotAllowed
from models.tables.core import ACCESS
from tests.scripts.hotline_in_process import InProcessHotline
from tests.store.factories import RESULT, advance_tickets, at, feed, letter, message

NOW = at("2026-11-20T09:00")
WANG = Actor("wang", UserRole.OPERATOR)
CHEN = Actor("chen", UserRole.SUPERVISOR)
MOST = PersonalData().reveals_an_hour
NUMBERS = [f"R{n}" for n in range(1, MOST + 3)]


def _fill(store: Store) -> None:
    feed(store, [letter(number, "2026-11-02T09:00") for number in NUMBERS], NOW)
    advance_tickets(store, NUMBERS, NOW)


def see(store: Store, who: Actor, number: str, now: datetime = NOW, why: str = "checking") -> Any:
    """Look at a claimant's phone, as a command does."""
    with recording_denials(store, lambda: now), store.writing() as session:
        return reveal(session, who, number, ["phone"], now, why)


def lines(store: Store) -> list[Any]:
    """The access log."""
    with store.reading() as session:
        return list(session.execute(select(ACCESS).order_by(ACCESS.c.id)))


@pytest.mark.store(fill=_fill)
def test_a_reason_is_kept_and_cannot_be_changed(store: Store) -> None:
    """A usual one by its code or in words; what somebody wrote is encrypted, and chained."""
    for why in ("", " ", "?", "x" * 201):
        with pytest.raises(ReasonMissing):
            see(store, WANG, "R1", why=why)
    assert lines(store) == [], "nothing was shown"
    with store.writing() as session:
        # as every line before there were reasons
        record_access(session, WANG, "reveal", "R1", ["phone"], NOW)
    see(store, WANG, "R1", why=RevealReason.HANDLING)
    see(store, WANG, "R2", why="陈女士\n来电补充 门牌号")
    with store.reading() as session:
        rows = session.execute(select(ACCESS).order_by(ACCESS.c.id)).all()
        reasons = [r.reason and session.decrypt(ACCESS.c.reason, r) for r in rows]
    assert reasons == [None, "handling", "陈女士 来电补充 门牌号"]
    assert "陈女士" not in repr(lines(store))
    assert verify(store).broken is None
    other = lines(store)[1].reason
    with store.writing() as session:
        session.execute(update(ACCESS).where(ACCESS.c.id == 3).values(reason=other))
    broken = verify(store).broken
    assert broken is not None and (broken.ticket, broken.seq) == (None, 3)


@pytest.mark.store(fill=_fill)
def test_beyond_the_limit_only_a_supervisor_sees_more(store: Store) -> None:
    """Tickets count once within an hour; both who is stopped and who goes on are told of."""
    for number in NUMBERS[:MOST]:
        see(store, WANG, number)
        see(store, WANG, number)
    for _again in range(2):
        with pytest.raises(TooMuchRevealed, match=f"wang may see the data of {MOST} tickets"):
            see(store, WANG, NUMBERS[MOST])
    see(store, WANG, NUMBERS[0])
    see(store, WANG, NUMBERS[MOST], NOW + timedelta(hours=1, seconds=1))
    with store.reading() as session:
        assert [(p.who, p.times) for p in limits_passed(session, NOW)] == [("wang", 2)]
    for number in NUMBERS:
        see(store, CHEN, number)
    with store.reading() as session:
        passed = limits_passed(session, NOW)
        assert health(session, NOW).limits_passed == 2
        later = NOW + timedelta(days=1, seconds=1)
        assert limits_passed(session, later) == []
        assert health(session, later).limits_passed == 0
    assert [(p.who, p.times) for p in passed] == [("chen", 2), ("wang", 2)]
    outcomes = [line.outcome for line in lines(store) if line.outcome != "done"]
    assert outcomes == ["stopped", "stopped", "beyond", "beyond"]
    assert verify(store).broken is None


def _calls(store: Store) -> None:
    feed(store, [letter("R1", "2026-11-02T09:00"), letter("R2", "2026-11-19T09:00")], NOW)
    feed(store, [message("R2", "unit.accepted", "2026-11-19T10:00")], NOW)
    advance_tickets(store, ["R1", "R2"], NOW)


@pytest.mark.store(fill=_calls)
def test_a_number_for_a_call_that_is_due_takes_no_reason(store: Store) -> None:
    """It is counted apart from what is seen for a reason; one that is not due takes one."""
    with store.writing() as session:
        person = number_to_call(session, WANG, "R2", NOW)
    assert person == {"name": "测试者甲", "phone": "13900001111"}
    with store.writing() as session, pytest.raises(CallNotDue):
        number_to_call(session, WANG, "R9", NOW)
    result = message("R2", "result.submitted", "2026-11-19T15:00", **RESULT)
    called = message(
        "R2", "contact.attempted", "2026-11-19T14:00",
        purpose="first", outcome="reached", method="phone",
    )  # fmt: skip
    feed(store, [called], NOW)
    advance_tickets(store, ["R2"], NOW)
    with store.writing() as session, pytest.raises(CallNotDue):
        number_to_call(session, WANG, "R2", NOW)
    feed(store, [result], NOW)
    advance_tickets(store, ["R2"], NOW)
    with store.writing() as session:
        number_to_call(session, WANG, "R2", NOW)
        with pytest.raises(NotAllowed):
            number_to_call(session, Actor("li", UserRole.AUDITOR), "R2", NOW)
    assert [(r.act, r.ticket, r.reason) for r in lines(store)] == [("call", "R2", None)] * 2
    for _ticket in range(MOST):
        see(store, WANG, "R1")


@pytest.mark.parametrize("who", [WANG, CHEN, Actor("li", UserRole.AUDITOR)], ids=lambda a: a.name)
def test_to_open_a_refused_message_is_to_see_it(store: Store, who: Actor) -> None:
    """By right, in the access log; and only for whoever may send it again."""
    misplaced = letter("R1", "2026-11-02T09:00", category="no such")
    with store.writing() as session:
        add_messages(session, "city", [misplaced], NOW)
    advance_tickets(store, ["R1"], NOW)
    with store.reading() as session:
        (failure,) = failures(session).rows

    def mend() -> None:
        with recording_denials(store, lambda: NOW), store.writing() as session:
            message_to_mend(session, who, failure.id, NOW)

    if who.role == UserRole.SUPERVISOR:
        mend()
    else:
        with pytest.raises(Denied):
            mend()
    (line,) = lines(store)
    assert (line.who, line.ticket, line.fields) == (who.name, "R1", ["refused message"])
    outcome = "done" if who.role == UserRole.SUPERVISOR else "denied"
    assert line.outcome == outcome
    assert (line.reason is not None) == (outcome == "done")


@pytest.fixture
def hotline(
    tmp_path: Path,
    store_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[InProcessHotline]:
    """The command in a home of the test's own user."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    yield InProcessHotline(home, monkeypatch, capsys, DATABASE_URL=store_url)


def test_commands_ask_for_a_reason_and_doctor_tells_of_the_limit(
    hotline: InProcessHotline, tmp_path: Path
) -> None:
    """Rows of refused feeds count one by one; a supervisor goes on, and doctor tells of it."""
    assert "--reason" in hotline("show", "R1", "--reveal", code=2).stderr
    assert "--reason" in hotline("refused", "--reveal", code=2).stderr
    file = tmp_path / "rows.jsonl"
    file.write_text('{"type": "nothing", "text": "甲"}\n' * (MOST + 1), "utf-8")
    hotline("feed", file, code=1)
    assert len(hotline.lines("refused", "--reveal", "--reason", "核对原文")) == MOST + 1
    (line,) = hotline.lines("access")
    assert (line["amount"], line["outcome"], line["reason"]) == (MOST + 1, "beyond", "核对原文")
    assert "核对原文" in hotline("access").stdout
    checks = [c for c in hotline.json("doctor", code=1) if c["check"] == "reveals"]
    assert [c["state"] for c in checks] == ["wrong"]
    token = hotline("tokens", "issue", "wang", "--role", "operator").stdout.strip()
    stopped = hotline("refused", "--reveal", "--reason", "review", code=1, TOKEN=token)
    assert f"wang may see the data of {MOST} tickets an hour" in stopped.stderr
    assert hotline.lines("access")[-1]["outcome"] == "stopped"
