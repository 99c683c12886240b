"""Claims of tickets: one operator at a time, let go by itself, and no event of the ticket."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest

from models.database import Store
from models.operations.claims import claim, release
from models.queries.claims import CLAIM_TIME, Claim, claims
from models.queries.log import TicketNotFound
from models.rules.vocabulary import UserRole
from models.security.roles import Actor, NotAllowed
from tests.monitor.scene import NOW, play, received
from tests.store.factories import row_of

LIN, ZHAO = Actor("林", UserRole.OPERATOR), Actor("赵", UserRole.SUPERVISOR)
TICKETS = ("C1", "C2", "C3")


def _fill(store: Store) -> None:
    play(store, [received(number, NOW, "路灯不亮", unit="城管局") for number in TICKETS], NOW)


pytestmark = pytest.mark.store(fill=_fill, shared=True, whole=True)


def test_a_ticket_is_claimed_by_one_and_let_go_by_itself(store: Store) -> None:
    """Another operator is told whose it is; after some minutes it is his for the asking."""
    seq = row_of(store, "C1").seq
    with store.writing() as session:
        assert claim(session, LIN, "C1", NOW) == Claim("C1", "林", NOW)
        assert claim(session, ZHAO, "C1", NOW + timedelta(minutes=1)).who == "林"
        renewed = NOW + timedelta(minutes=5)
        assert claim(session, LIN, "C1", renewed).at == renewed
        assert claims(session, renewed)["C1"].who == "林"
        release(session, ZHAO, "C1")
        assert "C1" in claims(session, renewed)
        over = renewed + CLAIM_TIME
        assert claims(session, over) == {}
        assert claim(session, ZHAO, "C1", over).who == "赵"
        release(session, ZHAO, "C1")
        assert claims(session, over) == {}
    assert row_of(store, "C1").seq == seq


def test_two_who_claim_at_once_get_one_claim(store: Store) -> None:
    """Both are told the same name."""
    begin, names = Barrier(2), []

    def take(actor: Actor) -> None:
        begin.wait()
        with store.writing() as session:
            names.append(claim(session, actor, "C2", NOW).who)

    threads = [Thread(target=take, args=(actor,)) for actor in (LIN, ZHAO)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names) == 2
    assert len(set(names)) == 1


def test_only_who_may_act_claims(store: Store) -> None:
    """An auditor looks; a ticket that is not there cannot be claimed."""
    with store.writing() as session:
        with pytest.raises(NotAllowed):
            claim(session, Actor("审", UserRole.AUDITOR), "C3", NOW)
        with pytest.raises(TicketNotFound):
            claim(session, LIN, "none", NOW)
        assert "C3" not in claims(session, NOW)
