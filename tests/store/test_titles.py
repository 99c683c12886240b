"""The title of a ticket lies in the store in clear: it holds no letter and nothing personal."""

from typing import Any

from sqlalchemy import select, text, update

from models.database import Store
from models.operations.notices.outgoing import ready_notices
from models.operations.policies import import_policy
from models.operations.titles import redact_titles
from models.tables.core import NOTICE, TICKET
from tests.rules.district import POLICY_TEXT
from tests.store.factories import advance_tickets, at, feed, letter, message, row_of

NOW = at("2026-11-02T12:00")
LETTER = (
    "我叫林小满，家住建设路12号，门口的路灯坏了三天，晚上看不清路，老人不敢出门，"
    "请回电0754-88123456，我的邮箱是lin88@163.com。"
)
PRIVATE = ("林小满", "12号", "88123456", "lin88", "老人不敢出门")


def title_of(store: Store, number: str, **more: Any) -> str:
    """The title of a new ticket."""
    feed(store, [letter(number, "2026-11-02T09:00", **more)], NOW)
    advance_tickets(store, [number], NOW)
    return str(row_of(store, number).title)


def test_a_letter_that_is_its_own_title_is_in_no_notice_and_no_row(store: Store) -> None:
    """As from a table without a column for titles."""
    assert title_of(store, "A1", title=LETTER, content=LETTER, street="达濠街道",
                    address="濠江区建设路12号") == "投诉举报 达濠街道 濠江区建设路"  # fmt: skip
    assert title_of(store, "A2", title=LETTER, content=None) == "投诉举报"
    with store.reading() as session:
        rows = session.scalars(select(NOTICE.c.id)).all()
        notices = ready_notices(session, rows, NOW)
        assert {n.title for n in notices} == {"投诉举报 达濠街道 濠江区建设路", "投诉举报"}
        stored = repr(session.execute(text("SELECT * FROM ticket")).all())
    assert not [word for word in PRIVATE if word in stored]


def test_a_title_is_an_excerpt_of_the_policy_s_length(store: Store) -> None:
    assert title_of(store, "A3", title="路" * 60) == "路" * 39 + "…"
    shorter = POLICY_TEXT.replace("title_characters = 40", "title_characters = 12")
    with store.writing() as session:
        import_policy(session, shorter.replace("valid_from = 2023", "valid_from = 2024"), "p", NOW)
    assert title_of(store, "A4", title="路" * 60) == "路" * 11 + "…"


def test_a_correction_makes_the_title_anew(store: Store) -> None:
    """Of the category and the address; a title that somebody gives stands."""
    title_of(store, "A5", title=LETTER, content=LETTER, address="建设路12号")
    corrections: list[tuple[dict[str, Any], str]] = [
        ({"category": "help", "address": "赤港路8号"}, "求助 赤港路"),
        ({"title": "路灯不亮，电话13812340001"}, "路灯不亮，电话138****0001"),
        ({"category": "complaint"}, "路灯不亮，电话138****0001"),
    ]
    for hour, (changes, title) in enumerate(corrections, 10):
        moment = f"2026-11-02T{hour}:00"
        body = message("A5", "ticket.amended", moment, by="区热线办", why="更正", **changes)
        feed(store, [body], at(moment))
        advance_tickets(store, ["A5"], at(moment))
        assert row_of(store, "A5").title == title


def test_old_titles_are_made_anew_from_letters_and_corrections(store: Store) -> None:
    titles = {
        "B1": title_of(store, "B1", title=LETTER, content=LETTER),
        "B2": title_of(store, "B2", title="路灯不亮，电话0754-88123456"),
        "B3": title_of(store, "B3", title="路" * 60),
    }
    amended = message("B2", "ticket.amended", "2026-11-02T10:00", by="x", why="y", title="井盖")
    feed(store, [amended], NOW)
    advance_tickets(store, ["B2"], NOW)
    with store.writing() as session:
        session.execute(update(TICKET).values(title=LETTER))
    assert redact_titles(store) == 3
    assert {number: row_of(store, number).title for number in titles} == titles | {"B2": "井盖"}
    assert redact_titles(store) == 0
