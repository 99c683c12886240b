"""The topic of a ticket: from its letter, by correction, by mapping, and as a model proposes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import select, update

from models.database import Store
from models.operations.advance import advance
from models.operations.topics import map_topic, replace_topics
from models.queries.detail import proposed_topic, ticket_detail
from models.queries.said_topics import unknown_topics
from models.queries.ticket_filter import TicketFilter
from models.queries.ticket_list import list_tickets
from models.queries.topics import load_topics
from models.queries.verification import verify
from models.rulebook import load_rulebook, rulebook_version
from models.rules.packing import unpack
from models.rules.routing.directory import Directory
from models.rules.routing.predictions import Prediction
from models.rules.topic_lists import ListedTopic
from models.tables.core import INBOX, TICKET, TOPIC
from tests.store.factories import (
    RESULT,
    advance_tickets,
    at,
    feed,
    keep_as,
    letter,
    log_of,
    message,
    row_of,
)

NOW = at("2026-11-02T12:00")
SECRET = "家住某巷的欧阳铁柱"


def _rows(*paths: str) -> list[ListedTopic]:
    split = [tuple(path.split("/")) for path in paths]
    return [ListedTopic(n, labels, ("",) * len(labels)) for n, labels in enumerate(split, 2)]


TREE = _rows("城乡建设/市政/路灯", "城乡建设/市政/井盖", "环境保护/噪声")


def import_topics(store: Store, rows: Sequence[ListedTopic] = TREE, now: Any = NOW) -> int:
    with store.writing() as session:
        return replace_topics(session, rows, "主任", now).tickets


def _receive(store: Store, ticket: str, **more: Any) -> None:
    feed(store, [letter(ticket, "2026-11-02T09:00", **more)], NOW)
    advance_tickets(store, [ticket], NOW)


def _work(store: Store, now: Any = NOW) -> None:
    with store.writing() as session:
        waiting = session.scalars(select(INBOX.c.ticket).where(INBOX.c.state == "waiting")).all()
        advance(session, waiting, load_rulebook(session), now)


def _events(store: Store, ticket: str, name: str) -> list[dict[str, Any]]:
    return [event.data for event in log_of(store, ticket) if event.name == name]


def _listed(store: Store, *topics: str) -> list[str]:
    with store.reading() as session:
        page = list_tickets(session, TicketFilter(topics=topics))
    return [row.number for row in page.rows]


def test_a_topic_is_a_code_where_it_is_known_and_private_where_not(store: Store) -> None:
    import_topics(store)
    _receive(store, "T1", topic="城乡建设/市政/路灯")
    _receive(store, "T2", topics=["没有的", "井盖"])
    _receive(store, "T3", topic=SECRET)
    _receive(store, "T4")
    assert [row_of(store, f"T{n}").topic for n in range(1, 5)] == ["T010101", "T010102", "?", None]
    assert _events(store, "T1", "ticket.received")[0]["topic"] == "T010101"
    assert "topic" not in _events(store, "T3", "ticket.received")[0]
    assert _listed(store, "城乡建设") == ["T1", "T2"]
    assert _listed(store, "路灯") == ["T1"]
    assert _listed(store, "?") == ["T3"]
    assert _listed(store, "没有的") == []
    with store.reading() as session:
        (unknown,) = unknown_topics(session)
        assert (unknown.tickets, unknown.text[:4]) == (1, SECRET[:4])
        topic = ticket_detail(session, "T1").topic
        assert topic is not None
        assert topic.path == "城乡建设/市政/路灯"
        in_clear = [
            *map(unpack, session.scalars(select(TICKET.c.state))),
            *session.scalars(select(INBOX.c.outline)),
        ]
    assert SECRET not in msgspec.json.encode(in_clear).decode()
    assert verify(store).broken is None


def test_a_correction_gives_changes_and_takes_a_topic_and_tells_nobody(store: Store) -> None:
    import_topics(store)
    _receive(store, "C1")
    change = {"by": "值班员", "why": "归错类"}
    for minute, topic, code in ((10, "噪声", "T0201"), (20, SECRET, "?"), (30, None, None)):
        raw = message("C1", "ticket.amended", f"2026-11-02T10:{minute}", topic=topic, **change)
        feed(store, [raw], NOW)
        advance_tickets(store, ["C1"], NOW)
        assert row_of(store, "C1").topic == code
    amended = _events(store, "C1", "ticket.amended")
    assert [event.get("topic", "-") for event in amended] == ["T0201", "-", None]
    assert [event["fields"] for event in amended] == [["topic"]] * 3
    kinds = {event["kind"] for event in _events(store, "C1", "notice.queued")}
    assert "amended" not in kinds


def test_an_unknown_topic_is_mapped_and_its_tickets_get_it(store: Store) -> None:
    """In the archive too; and the texts that others wrote stay unknown."""
    import_topics(store)
    _receive(store, "M1", topic="灯不亮")
    _receive(store, "M2", topic="别的")
    done = [
        message("M1", "unit.accepted", "2026-11-02T10:00"),
        message("M1", "result.submitted", "2026-11-02T10:30", **RESULT),
        message("M1", "result.reviewed", "2026-11-02T11:00", approved=True),
    ]
    feed(store, done, NOW)
    later = at("2027-01-10T10:00")
    advance_tickets(store, ["M1", "M2"], later)
    assert row_of(store, "M1").status == "archived"
    with store.writing() as session:
        before = rulebook_version(session)
        change = map_topic(session, "灯 不亮", "路灯", "主任", later)
        assert (change.tickets, change.aliases) == (1, ["城乡建设/市政/路灯"])
        assert rulebook_version(session) != before
    _work(store, later)
    assert [row_of(store, number).topic for number in ("M1", "M2")] == ["T010101", "?"]
    assert row_of(store, "M1").status == "archived"
    _receive(store, "M3", topic="灯不亮")
    assert row_of(store, "M3").topic == "T010101"
    with store.reading() as session:
        assert [(u.text, u.tickets) for u in unknown_topics(session)] == [("别的", 1)]
    assert verify(store).broken is None


def test_the_first_classification_is_for_tickets_of_earlier_releases_too(store: Store) -> None:
    for number, topic in (("E1", "环境保护"), ("E2", SECRET), ("E3", None)):
        _receive(store, number, topic=topic)
    for number in ("E1", "E2", "E3"):
        keep_as(store, number, lambda state: msgspec.structs.replace(state, topic=None), topic=None)
    assert import_topics(store) == 1
    _work(store)
    assert [row_of(store, f"E{n}").topic for n in (1, 2, 3)] == ["T02", "?", None]
    assert import_topics(store) == 0, "the same list changes nothing"


def test_a_topic_that_has_left_the_list_stays_with_its_tickets(store: Store) -> None:
    import_topics(store)
    _receive(store, "G1", topic="井盖")
    import_topics(store, _rows("城乡建设/市政/路灯"))
    _receive(store, "G2", topic="井盖")
    assert [row_of(store, number).topic for number in ("G1", "G2")] == ["T010102", "?"]
    with store.reading() as session:
        tree = load_topics(session)
        assert (tree.path("T010102"), len(tree)) == ("城乡建设/市政/井盖", 3)
        topic = ticket_detail(session, "G2").topic
        assert topic is not None
        assert (topic.is_known, topic.path) == (False, "井盖")
    assert _listed(store, "城乡建设") == ["G1"]
    # it comes back, and with it the ticket that came meanwhile
    assert import_topics(store) == 1


def test_a_forged_topic_is_found(store: Store) -> None:
    import_topics(store)
    with store.writing() as session:
        session.execute(update(TOPIC).where(TOPIC.c.code == "T01").values(label="别的"))
    broken = verify(store).broken
    assert broken is not None


class _Model:
    """A model whose answer is given."""

    labels = ("环境保护",)

    def predict(self, _title: str, _content: str) -> Prediction:
        return Prediction("环境保护", 0.83, ("噪声",), sure=False)


def test_a_model_proposes_a_topic_until_somebody_says_it(store: Store) -> None:
    import_topics(store)
    letters = [letter(number, "2026-11-02T09:00") for number in ("P1", "P2")]
    feed(store, [letters[0], letters[1] | {"topic": "井盖"}], NOW)
    with store.writing() as session:
        rulebook = load_rulebook(session)
        directory = Directory(
            list(rulebook.directory.units.values()), (), _Model(), None, load_topics(session)
        )
        advance(session, ["P1", "P2"], replace(rulebook, directory=directory), NOW)
    (proposed,) = _events(store, "P1", "topic.proposed")
    assert (proposed["topic"], proposed["certainty"]) == ("T02", 83)
    assert not _events(store, "P2", "topic.proposed")
    assert row_of(store, "P1").topic is None
    with store.reading() as session:
        topic = proposed_topic(ticket_detail(session, "P1"))
        assert topic is not None
        assert topic.topic == "T02"
    change = {"topic": "T02", "by": "值班员", "why": "同意"}
    feed(store, [message("P1", "ticket.amended", "2026-11-02T11:00", **change)], NOW)
    advance_tickets(store, ["P1"], NOW)
    assert row_of(store, "P1").topic == "T02"
    with store.reading() as session:
        assert proposed_topic(ticket_detail(session, "P1")) is None
    assert verify(store).broken is None
