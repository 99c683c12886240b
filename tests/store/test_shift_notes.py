"""Notes by which shifts hand over: read by the next, redacted, encrypted, and pruned once read."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from models.database import Store
from models.operations.pruning import prune
from models.operations.shift_notes import (
    LONGEST_NOTE,
    InvalidShiftNote,
    acknowledge_shift_notes,
    write_shift_note,
)
from models.queries.shift_notes import LISTED_TIME, Handover, handover, shift_notes
from models.rulebook import load_rulebook
from models.rules.vocabulary import UserRole
from models.security.roles import Actor, NotAllowed
from models.tables.core import SHIFT_NOTE
from tests.store.factories import at

EVENING = at("2026-12-01T17:25")
MORNING = EVENING + timedelta(hours=15)
LIN, ZHAO, WANG = (Actor(name, UserRole.OPERATOR) for name in "林赵王")

pytestmark = pytest.mark.store(shared=True, whole=True)


@pytest.fixture(autouse=True)
def _two_notes(store: Store) -> Iterator[None]:
    """Two notes of one evening."""
    with store.writing() as session:
        write_shift_note(session, LIN, " HJ-1 的诉求人明早再拨 13800138000\n", EVENING)
        write_shift_note(session, LIN, "城管局明天停电", EVENING + timedelta(minutes=5))
    yield
    with store.writing() as session:
        session.execute(delete(SHIFT_NOTE))


def test_the_next_shift_reads_and_says_so(store: Store) -> None:
    """The latest first, personal numbers redacted; nobody acknowledges his own, or one again."""
    with store.writing() as session:
        later, earlier = shift_notes(session, MORNING)
        assert (later.who, later.text, later.read_by) == ("林", "城管局明天停电", None)
        assert earlier.text == "HJ-1 的诉求人明早再拨 138****8000"
        assert acknowledge_shift_notes(session, LIN, later.id, MORNING) == 0
        assert handover(session, MORNING) == Handover(later, 2)
        assert acknowledge_shift_notes(session, ZHAO, earlier.id, MORNING) == 1
        assert handover(session, MORNING) == Handover(later, 1)
        assert acknowledge_shift_notes(session, ZHAO, later.id, MORNING) == 1
        assert acknowledge_shift_notes(session, WANG, later.id, MORNING) == 0
        notes = shift_notes(session, MORNING)
        assert [(n.read_by, n.read_at) for n in notes] == [("赵", MORNING)] * 2


def test_an_unread_note_is_listed_and_kept_until_it_is_read(store: Store) -> None:
    """However old; one that was read goes from the list, and after the policy's time for good."""
    late = EVENING + LISTED_TIME + timedelta(days=1)
    with store.writing() as session:
        earlier = shift_notes(session, MORNING)[1]
        acknowledge_shift_notes(session, ZHAO, earlier.id, MORNING)
        assert [note.text for note in shift_notes(session, late)] == ["城管局明天停电"]
        policy = next(iter(load_rulebook(session).policies.values()))
    keep = policy.keep.shift_notes.span
    for now, left in ((EVENING + keep - timedelta(minutes=1), 2), (EVENING + keep * 2, 1)):
        prune(store, now, policy)
        with store.reading() as session:
            assert len(session.execute(select(SHIFT_NOTE)).all()) == left


def test_only_who_may_act_writes_a_note_that_says_something(store: Store) -> None:
    """An auditor writes and acknowledges none."""
    with store.writing() as session:
        for text in (" \u200b", "字" * (LONGEST_NOTE + 1)):
            with pytest.raises(InvalidShiftNote):
                write_shift_note(session, LIN, text, MORNING)
        auditor = Actor("审", UserRole.AUDITOR)
        with pytest.raises(NotAllowed):
            write_shift_note(session, auditor, "看过了", MORNING)
        with pytest.raises(NotAllowed):
            acknowledge_shift_notes(session, auditor, 1, MORNING)


def test_a_note_is_encrypted_and_belongs_to_its_row(store: Store) -> None:
    """Under another's name it is not shown; the others are."""
    with store.writing() as session:
        rows = session.execute(select(SHIFT_NOTE).order_by(SHIFT_NOTE.c.id)).all()
        assert all("城管局".encode() not in row.text.raw for row in rows)
        session.execute(update(SHIFT_NOTE).where(SHIFT_NOTE.c.id == rows[0].id).values(who="赵"))
        later, earlier = shift_notes(session, MORNING)
        assert later.text == "城管局明天停电"
        assert "HJ-1" not in earlier.text
