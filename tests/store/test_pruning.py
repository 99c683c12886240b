"""Pruning removes what need not be kept, and nothing else."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update

from models.database import Store
from models.operations import pruning
from models.operations.access_log import record_access
from models.operations.pruning import prune
from models.operations.roles import set_role
from models.queries.access_log import access_log
from models.queries.roles import changed_outside
from models.queries.verification import verify
from models.rulebook import load_rulebook
from models.rules.policy import InvalidPolicy, Keep, Policy, load_policy
from models.rules.terms import Term
from models.rules.vocabulary import AccessAct, Permission, UserRole
from models.security.findings import Harm
from models.security.roles import Actor
from models.tables.core import ACCESS, EVENT, NOTICE, TICKET
from scripts.file_retention import prune_files
from tests.rules.district import POLICY_TEXT
from tests.store.factories import advance_tickets, at, feed, letter, log_of, row_of
from tests.store.test_erased_texts import LIFE
from tests.store.test_erasure import END

SENT = at("2026-12-01T09:00")
LATER = SENT + timedelta(days=181)


def _six_tickets(store: Store) -> None:
    """A dozen notices or more, all sent, and four of the tickets in the archive."""
    numbers = [f"P{n}" for n in range(6)]
    letters = [letter(n, "2026-11-02T09:00", content=n) for n in numbers]
    feed(store, letters, at("2026-11-02T09:00"))
    advance_tickets(store, numbers, SENT)
    with store.writing() as session:
        session.execute(update(NOTICE).values(state="sent", sent_at=SENT))
        closed = TICKET.c.number.in_(numbers[:4])
        session.execute(update(TICKET).where(closed).values(status="archived"))


pytestmark = pytest.mark.store(fill=_six_tickets)


def _policy(store: Store) -> Policy:
    with store.reading() as session:
        return next(iter(load_rulebook(session).policies.values()))


def _left(store: Store) -> dict[str, int]:
    with store.reading() as session:
        query = (
            select(TICKET.c.number, func.count())
            .join(NOTICE, NOTICE.c.ticket_id == TICKET.c.id)
            .group_by(TICKET.c.number)
        )
        return {row[0]: row[1] for row in session.execute(query)}


def test_old_notices_of_closed_tickets_go(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """In batches; failed notices, those of open tickets and the whole log stay."""
    monkeypatch.setattr(pruning, "_BATCH", 2)
    before = _left(store)
    log = [row.hash for row in log_of(store, "P0")]
    with store.writing() as session:
        failed = session.scalar(select(func.min(NOTICE.c.id)))
        session.execute(update(NOTICE).where(NOTICE.c.id == failed).values(state="failed"))
    count = prune(store, LATER, _policy(store))
    after = _left(store)
    assert count == sum(before[n] for n in ("P0", "P1", "P2", "P3")) - 1
    assert sum(after.values()) == before["P4"] + before["P5"] + 1
    assert [row.hash for row in log_of(store, "P0")] == log
    assert prune(store, LATER, _policy(store)) == 0


def test_young_notices_stay(store: Store) -> None:
    """Before half a year has passed nothing is removed."""
    assert prune(store, SENT + timedelta(days=179), _policy(store)) == 0
    with store.reading() as session:
        assert session.scalar(select(func.count(EVENT.c.seq)))


def test_the_policy_says_for_how_long(store: Store) -> None:
    """Another district keeps them for a day only; a length in working days is refused."""
    short = POLICY_TEXT.replace('notices = "180 days"', 'notices = "1 day"')
    assert prune(store, SENT + timedelta(days=2), load_policy(short, "short")) > 0
    working = POLICY_TEXT.replace('notices = "180 days"', 'notices = "5 workdays"')
    with pytest.raises(InvalidPolicy, match="wall-clock"):
        load_policy(working, "working")


def test_texts_go_when_the_policy_says(store: Store) -> None:
    """Of tickets archived so long ago, and of no others; the log says so and stays whole."""
    number = "E1"
    feed(store, LIFE + END, at("2026-11-05T09:00"))
    for moment in ("2026-11-05T09:00", "2026-12-01T09:00"):
        advance_tickets(store, [number], at(moment))
    archived_at = next(e.at for e in log_of(store, number) if e.name == "ticket.archived")
    policy = _policy(store)
    keep = policy.keep.model_copy(update={"texts": Term(30, "days")})
    due = archived_at + timedelta(days=30)
    for now, kept, erased in (
        (due - timedelta(minutes=1), keep, False),
        (due, keep.model_copy(update={"texts_at_least": Term(31, "days")}), False),
        (due, policy.keep, False),
        (due + timedelta(minutes=1), keep, True),
    ):
        prune(store, now, policy.model_copy(update={"keep": kept}))
        assert (row_of(store, number).claimant is None) is erased
    assert [f for f in verify(store).findings if f.ticket == number] == []
    last = log_of(store, number)[-1]
    assert (last.name, last.data["by"]) == ("texts.erased", "hotline")
    with store.reading() as session:
        assert session.scalar(select(ACCESS.c.amount).where(ACCESS.c.act == "erase")) == 1


def test_files_of_the_home_go(tmp_path: Path) -> None:
    """Fed files and refused rows by their age, sent notices line by line; all else stays."""
    done = tmp_path / "watched" / "city-1" / "done"
    done.mkdir(parents=True)
    names = ("refused.jsonl", "watched/city-1/lock", "monitor.json")
    files = [done / "fed.csv", done / "young.csv", *(tmp_path / name for name in names)]
    for file in files:
        file.write_text("x")
        os.utime(file, (SENT.timestamp(), SENT.timestamp()))
    os.utime(done / "young.csv", (LATER.timestamp(), LATER.timestamp()))
    lines = [b'{"id":1,"queued_at":"2026-12-01T09:00:00+08:00"}\n', b'{"id":2\n']
    lines.append(b'{"id":3,"queued_at":"2027-05-31T09:00:00+08:00"}\n')
    (tmp_path / "notices.jsonl").write_bytes(b"".join(lines))
    assert prune_files(tmp_path, Keep(), LATER) == 0
    month = Term(30, "days")
    keep = Keep(fed_files=month, refused_rows=month, sent_notices=month)
    assert prune_files(tmp_path, keep, LATER) == 3
    assert (tmp_path / "notices.jsonl").read_bytes() == b"".join(lines[1:])
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"young.csv", "lock", "monitor.json", "notices.jsonl"}
    assert prune_files(tmp_path, keep, LATER) == 0


def test_old_lines_of_the_access_log_go(store: Store) -> None:
    """The rest stays chained; what was removed by anybody else is missed, and roles stay known."""
    chen, keep = Actor("chen", UserRole.SUPERVISOR), Keep(access_log=Term(30, "days"))
    policy = _policy(store).model_copy(update={"keep": keep})
    moments = [SENT, SENT + timedelta(days=1), SENT + timedelta(days=40)]
    with store.writing() as session:
        set_role(session, chen, "chen", UserRole.SUPERVISOR, SENT)
        for moment in moments:
            record_access(session, chen, Permission.MAINTAIN, None, ["x"], moment)
    for now, left in ((moments[2], 2), (moments[2] + timedelta(days=31), 1)):
        prune(store, now, policy)
        with store.reading() as session:
            assert [line.act for line in access_log(session)][-1] == AccessAct.LOG_PRUNED
            assert len(list(access_log(session))) == left
            assert changed_outside(session) == []
    assert [f.place for f in verify(store).findings if f.ticket is None] == []
    assert verify(store).accesses == 1
    with store.writing() as session:
        for n in range(2):
            record_access(session, chen, Permission.MAINTAIN, None, [str(n)], LATER)
        first = session.scalar(select(func.min(ACCESS.c.id)))
        session.execute(delete(ACCESS).where(ACCESS.c.id <= (first or 0)))
    assert [f.harm for f in verify(store).findings if f.ticket is None] == [Harm.DELETED]
