"""What an operator does at the screen: asked once, sent as a message, answered by the rules."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from models.database import Store
from models.i18n import activate
from models.operations.advance import advance
from models.rulebook import load_rulebook
from models.rules.vocabulary import UserRole
from models.security.roles import Actor
from models.tables.core import ACCESS, EVENT, INBOX, NOTICE, TICKET
from monitor.app import MonitorApp
from monitor.message_edit import InvalidEdit, apply_edit, redacted_text
from monitor.screens.dialogs import ActionForm, MenuDialog, TextPrompt
from tests.monitor.scene import NOW, fill_scene, screen_text
from tests.monitor.screenshots import wait_for_refresh

LATER = NOW + timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _chinese() -> Iterator[None]:
    activate("zh")
    yield
    activate("en")


pytestmark = pytest.mark.store(databases=["sqlite"], fill=fill_scene)


def _app(store: Store, actor: Actor | None = None, operator: str = "林小燕") -> MonitorApp:
    who = actor or Actor("desk", UserRole.SUPERVISOR)
    return MonitorApp(
        store, lambda: LATER, wall=lambda: NOW, actor=who, operator=operator, every=None
    )


def _work(store: Store) -> None:
    """What a worker would do with everything that waits."""
    with store.writing() as session:
        waiting = session.scalars(select(INBOX.c.ticket).where(INBOX.c.state == "waiting")).all()
        advance(session, waiting, load_rulebook(session), LATER)


async def _until(pilot: Pilot[None], what: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not what():
            await asyncio.sleep(0.02)
            await pilot.pause()


def _told(app: MonitorApp) -> str:
    return " ".join(n.message for n in app._notifications)


def _event(store: Store, ticket: str, name: str) -> list[dict[str, object]]:
    with store.reading() as session:
        found = select(EVENT.c.data).join(TICKET, TICKET.c.id == EVENT.c.ticket_id)
        rows = session.scalars(found.where(TICKET.c.number == ticket, EVENT.c.name == name))
        return list(rows)


async def _open(pilot: Pilot[None], number: str) -> MonitorApp:
    app = pilot.app
    assert isinstance(app, MonitorApp)
    await wait_for_refresh(pilot)
    app.open_detail(number)
    await wait_for_refresh(pilot)
    return app


async def _choose(pilot: Pilot[None], label: str) -> None:
    """Open the menu of acts and take the one of this name."""
    app = pilot.app
    await pilot.press("f2")
    await _until(pilot, lambda: isinstance(app.screen, MenuDialog) and app.focused is not None)
    await pilot.pause()
    menu = app.screen
    assert isinstance(menu, MenuDialog)
    place = next(n for n, text in enumerate(menu._choices) if label in text)
    for _step in range(place):
        await pilot.press("down")
    await pilot.press("enter")


def _number(store: Store, status: str) -> str:
    with store.reading() as session:
        found = select(TICKET.c.number).where(TICKET.c.status == status).order_by(TICKET.c.number)
        return str(session.scalars(found).first())


async def test_urging_a_unit_is_answered_when_the_worker_has_decided(store: Store) -> None:
    """The screen says sent, then accepted, not before; the log says who it was (Regulation 5)."""
    number = _number(store, "handling")
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await _open(pilot, number)
        await _choose(pilot, "催办")
        await _until(pilot, lambda: isinstance(app.screen, ActionForm) and app.focused is not None)
        app.screen.query_one(Input).value = "请今天回复"
        await pilot.press("enter", "enter")
        await _until(pilot, lambda: bool(app.actions.waiting))
        await wait_for_refresh(pilot)
        assert "待答复 1" in screen_text(app)
        assert "已办" not in _told(app)
        assert _event(store, number, "unit.urged") == []
        _work(store)
        await wait_for_refresh(pilot)
        await _until(pilot, lambda: "已办：催办" in _told(app))
        assert "待答复" not in screen_text(app)
    assert _event(store, number, "unit.urged")[0]["by"] == "林小燕 (desk)"


async def test_a_refusal_is_shown_with_its_reason(store: Store) -> None:
    """What the rules refuse is told with why, and stands among the failures."""
    number = _number(store, "completed")
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await _open(pilot, number)
        await _choose(pilot, "登记评价")
        await _until(pilot, lambda: isinstance(app.screen, ActionForm) and app.focused is not None)
        await pilot.press("enter", "enter")
        await _until(pilot, lambda: bool(app.actions.waiting))
        with store.writing() as session:
            # meanwhile the ticket has been archived
            state = session.scalar(select(TICKET.c.state).where(TICKET.c.number == number)) or ""
            archived = state.replace('"status":"completed"', '"status":"archived"')
            gone = update(TICKET).where(TICKET.c.number == number)
            session.execute(gone.values(state=archived, status="archived"))
        _work(store)
        await wait_for_refresh(pilot)
        await _until(pilot, lambda: "被拒：登记评价" in _told(app))


async def test_a_contact_is_recorded_with_who_called(store: Store) -> None:
    """A recorded contact stops the clock it is for; the log names the operator beside it."""
    with store.reading() as session:
        found = select(TICKET.c.number).where(TICKET.c.status == "handling", TICKET.c.seq < 12)
        number = str(session.scalars(found.order_by(TICKET.c.number.desc())).first())
    app = _app(store)
    async with app.run_test(size=(120, 60)) as pilot:
        await _open(pilot, number)
        await _choose(pilot, "登记联系")
        await _until(pilot, lambda: isinstance(app.screen, ActionForm) and app.focused is not None)
        await pilot.press("down", "down", "down", "down", "enter")
        await _until(pilot, lambda: bool(app.actions.waiting))
        _work(store)
        await wait_for_refresh(pilot)
        await _until(pilot, lambda: not app.actions.waiting)
        await wait_for_refresh(pilot)
        assert "经办 林小燕 (desk)" in screen_text(app)
    assert _event(store, number, "contact.recorded")[-1]["outcome"] == "reached"


async def test_a_unit_is_chosen_by_a_part_of_its_name(store: Store) -> None:
    """A ticket of the manual queue goes to the unit that was typed in part."""
    number = _number(store, "manual")
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await _open(pilot, number)
        await _choose(pilot, "选定承办单位")
        await _until(pilot, lambda: isinstance(app.screen, ActionForm) and app.focused is not None)
        app.screen.query(Input).first().value = "公安"
        await pilot.press("enter", "enter", "enter")
        await _until(pilot, lambda: bool(app.actions.waiting))
        _work(store)
        await wait_for_refresh(pilot)
        await _until(pilot, lambda: not app.actions.waiting)
    assert "公安" in str(_event(store, number, "ticket.routed")[-1]["unit"])


async def test_a_refused_message_is_mended_without_being_seen_in_clear(store: Store) -> None:
    """Personal data stay masked in the editor and whole in what is sent; the old row gives way."""
    with store.writing() as session:
        from models.operations.inbox import add_messages

        letter: dict[str, object] = {
            "id": "x-1",
            "type": "ticket.received",
            "ticket": "2026101599999",
        }
        letter |= {"at": NOW.isoformat(), "category": "投诉", "title": "路灯坏了"}
        letter |= {"claimant": {"name": "陈大文", "phone": "13800138000"}}
        add_messages(session, "city", [letter], NOW)
    _work(store)
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        await pilot.press("6")
        await wait_for_refresh(pilot)
        assert "2026101599999" in screen_text(app)
        await pilot.press("enter")
        await _until(pilot, lambda: bool(app.screen.query(TextArea)))
        area = app.screen.query_one(TextArea)
        assert "13800138000" not in area.text
        assert "陈大文" not in area.text
        area.text = area.text.replace('"投诉"', '"complaint"')
        await pilot.press("f2")
        await _until(pilot, lambda: bool(app.actions.waiting))
        _work(store)
        await wait_for_refresh(pilot)
        await _until(pilot, lambda: not app.actions.waiting)
        await wait_for_refresh(pilot)
        assert "2026101599999" not in screen_text(app)
    with store.reading() as session:
        row = session.execute(select(INBOX).where(INBOX.c.source == "city", INBOX.c.current)).one()
        body = session.cipher.decrypt(row.body)
    assert row.state == "applied"
    assert body["claimant"] == {"name": "陈大文", "phone": "13800138000"}
    assert body["mended_by"] == "林小燕 (desk)"


async def test_a_failed_notice_is_sent_again(store: Store) -> None:
    """After one yes the notice waits for its channel again."""
    with store.writing() as session:
        one = session.scalar(select(NOTICE.c.id).order_by(NOTICE.c.id).limit(1))
        failed = {"state": "failed", "error": "550 no such user", "tries": 8}
        session.execute(update(NOTICE).where(NOTICE.c.id == one).values(**failed))
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        await pilot.press("6")
        await wait_for_refresh(pilot)
        assert "550 no such user" in screen_text(app)
        await pilot.press("end", "enter")
        await _until(pilot, lambda: "重发此通知" in screen_text(app))
        await pilot.press("enter")
        await _until(pilot, lambda: "重新排队" in _told(app))
    with store.reading() as session:
        assert session.scalar(select(NOTICE.c.state).where(NOTICE.c.id == one)) == "queued"
        queued = select(EVENT.c.data).where(EVENT.c.name == "notice.queued")
        last = session.scalars(queued.order_by(EVENT.c.at.desc(), EVENT.c.seq.desc())).first()
    assert last is not None
    assert last["by"] == "林小燕 (desk)"


async def test_a_phone_is_shown_only_on_an_act_that_is_logged(store: Store) -> None:
    """Masked everywhere, shown after a yes, and who saw it stands in the access log."""
    number = _number(store, "handling")
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await _open(pilot, number)
        assert "13800138000" not in screen_text(app)
        await _choose(pilot, "查看诉求人信息")
        await _until(pilot, lambda: "访问日志" in screen_text(app))
        await pilot.press("enter")
        await _until(pilot, lambda: "13800138000" in screen_text(app))
    with store.reading() as session:
        row = session.execute(select(ACCESS)).one()
    assert (row.who, row.ticket, row.act) == ("林小燕 (desk)", number, "reveal")


async def test_who_may_only_look_is_told_so(store: Store) -> None:
    """Without a role nothing is sent."""
    app = _app(store, Actor("guest", ""))
    async with app.run_test(size=(120, 40)) as pilot:
        await _open(pilot, _number(store, "handling"))
        await pilot.press("f2")
        await _until(pilot, lambda: "没有办成" in _told(app))
        assert not app.actions.waiting


async def test_the_name_is_asked_at_the_start(store: Store) -> None:
    """Without HOTLINE_OPERATOR the screen asks who is there, once."""
    app = MonitorApp(
        store, lambda: NOW, actor=Actor("desk", UserRole.SUPERVISOR), ask_name=True, every=None
    )
    async with app.run_test(size=(80, 24)) as pilot:
        # a screen is there before what stands on it
        await _until(
            pilot, lambda: isinstance(app.screen, TextPrompt) and isinstance(app.focused, Input)
        )
        app.screen.query_one(Input).value = "王五"
        await pilot.press("enter")
        await _until(pilot, lambda: app.actions.operator == "王五")


def test_mending_says_where_it_cannot_be_read() -> None:
    """Line and column of the fault; an edited personal field is taken as it is typed."""
    body = {"ticket": "1", "claimant": {"phone": "13800138000"}}
    with pytest.raises(InvalidEdit, match="1:"):
        apply_edit("{", body)
    with pytest.raises(InvalidEdit):
        apply_edit("[]", body)
    assert apply_edit(redacted_text(body), body) == body
    typed = apply_edit(redacted_text(body).replace("138****8000", "13900001111"), body)
    assert typed["claimant"] == {"phone": "13900001111"}
