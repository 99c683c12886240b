"""Actions of an operator: confirmed once, sent as a message, answered by the rules."""

from datetime import timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, update
from textual.pilot import Pilot
from textual.widgets import Input

from models.database import Store
from models.operations.access_log import record_access
from models.operations.advance import advance
from models.operations.inbox import add_messages
from models.operations.topics import replace_topics
from models.queries.detail import ticket_detail, ticket_notes
from models.rulebook import load_rulebook
from models.rules.topic_lists import ListedTopic
from models.rules.vocabulary import AccessOutcome, UserRole
from models.security.roles import Actor
from models.tables.core import ACCESS, CLOCK, EVENT, INBOX, NOTICE, TICKET
from monitor.app import MonitorApp
from monitor.message_edit import InvalidEdit, apply_edit, redacted_text
from monitor.screens.action_form import ActionForm
from monitor.screens.dialogs import ConfirmDialog, Dialog, MenuDialog
from monitor.screens.form_row import FormRow
from monitor.screens.prompts import RevealForm, TextPrompt
from monitor.ticket_log import log
from monitor.widgets.fields import ChoiceField, SubmitButton
from tests.monitor.driving import wait_for_refresh, wait_until
from tests.monitor.scene import NOW, fill_scene, screen_text
from tests.store.factories import keep_as

LATER = NOW + timedelta(minutes=1)


pytestmark = pytest.mark.store(databases=["sqlite"], fill=fill_scene)


def _app(store: Store, actor: Actor | None = None, operator: str = "林小燕") -> MonitorApp:
    who = actor or Actor("desk", UserRole.SUPERVISOR)
    return MonitorApp(
        store, lambda: LATER, wall=lambda: NOW, actor=who, operator=operator, every=None
    )


def _work(store: Store) -> None:
    """Apply every waiting message, as a worker does."""
    with store.writing() as session:
        waiting = session.scalars(select(INBOX.c.ticket).where(INBOX.c.state == "waiting")).all()
        advance(session, waiting, load_rulebook(session), LATER)


def _notifications(app: MonitorApp) -> str:
    return " ".join(n.message for n in app._notifications)


def _events(store: Store, ticket: str, name: str) -> list[dict[str, object]]:
    with store.reading() as session:
        events = select(EVENT.c.data).join(TICKET, TICKET.c.id == EVENT.c.ticket_id)
        rows = session.scalars(events.where(TICKET.c.number == ticket, EVENT.c.name == name))
        return list(rows)


async def _open(pilot: Pilot[None], number: str) -> MonitorApp:
    app = pilot.app
    assert isinstance(app, MonitorApp)
    await wait_for_refresh(pilot)
    app.open_detail(number)
    await wait_for_refresh(pilot)
    return app


def _is_open(app: MonitorApp, dialog: type[Dialog[Any]]) -> bool:
    """Return whether the dialog is open and one of its fields has the focus."""
    return isinstance(app.screen, dialog) and app.focused is not None


async def _choose(pilot: Pilot[None], label: str) -> None:
    """Open the menu of actions and choose the one of this name."""
    app = pilot.app
    await pilot.press("f2")
    await wait_until(pilot, lambda: isinstance(app.screen, MenuDialog) and app.focused is not None)
    await pilot.pause()
    menu = app.screen
    assert isinstance(menu, MenuDialog)
    place = next(n for n, text in enumerate(menu._choices) if label in text)
    for _step in range(place):
        await pilot.press("down")
    await pilot.press("enter")


def _number(store: Store, status: str) -> str:
    with store.reading() as session:
        numbers = select(TICKET.c.number).where(TICKET.c.status == status)
        return str(session.scalars(numbers.order_by(TICKET.c.number)).first())


async def test_urging_a_unit_is_answered_when_the_worker_has_decided(store: Store) -> None:
    """The screen says sent, then accepted, not before; the log says who it was (Regulation 5).

    The text is one of the policy's, chosen with a key.
    """
    number = _number(store, "handling")
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await _open(pilot, number)
        await _choose(pilot, "督办")
        await wait_until(pilot, lambda: _is_open(app, ActionForm))
        assert "F3 填入常用语：督促受理  督促首次联系  临期督办" in screen_text(app)
        await pilot.press("f3")
        await wait_until(pilot, lambda: _is_open(app, MenuDialog))
        await pilot.press("down", "down", "enter")
        await wait_until(pilot, lambda: _is_open(app, ActionForm))
        await wait_until(pilot, lambda: "即将到期" in app.screen.query_one(Input).value)
        await pilot.press("enter", "enter")
        await wait_until(pilot, lambda: bool(app.sender.waiting))
        await wait_for_refresh(pilot)
        assert "待答复 1" in screen_text(app)
        assert "已办" not in _notifications(app)
        assert _events(store, number, "unit.urged") == []
        _work(store)
        await wait_for_refresh(pilot)
        await wait_until(pilot, lambda: "已办：督办" in _notifications(app))
        assert "待答复" not in screen_text(app)
    with store.reading() as session:
        lines = select(EVENT).join(TICKET, TICKET.c.id == EVENT.c.ticket_id)
        urged = lines.where(TICKET.c.number == number, EVENT.c.name == "unit.urged")
        row = session.execute(urged).one()
        private = session.decrypt(EVENT.c.private, row, number)
    assert private["by"] == "林小燕 (desk)"
    assert private["text"].startswith("该工单即将到期")


async def test_a_topic_is_chosen_and_shown(store: Store) -> None:
    """By its path; the ticket has its code, and the detail shows the path."""
    number = _number(store, "handling")
    with store.writing() as session:
        listed = ListedTopic(2, ("城乡建设", "路灯"), ("", ""))
        replace_topics(session, [listed], "主任", LATER)
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await _open(pilot, number)
        await _choose(pilot, "选择诉求分类")
        await wait_until(pilot, lambda: _is_open(app, ActionForm))
        topic, why = app.screen.query(Input)
        topic.value, why.value = "城乡建设/路灯", "内容为路灯"
        await pilot.press("enter", "enter", "enter")
        await wait_until(pilot, lambda: bool(app.sender.waiting))
        _work(store)
        await wait_for_refresh(pilot)
        await wait_until(pilot, lambda: "城乡建设/路灯" in screen_text(app))
    assert _events(store, number, "ticket.amended")[0]["topic"] == "T0101"


async def test_a_note_is_kept_in_the_log_and_changes_nothing_else(store: Store) -> None:
    """Written from the menu, shown with who wrote it; no duty, status or due moves."""
    number = _number(store, "handling")
    with store.reading() as session:
        before = ticket_detail(session, number)
    app = _app(store, operator="desk")
    async with app.run_test(size=(120, 60)) as pilot:
        await _open(pilot, number)
        await pilot.press("f12")
        await wait_until(pilot, lambda: _is_open(app, ActionForm))
        app.screen.query_one(Input).value = "诉求人明早回电 13800138000"
        await pilot.press("enter", "enter")
        await wait_until(pilot, lambda: bool(app.sender.waiting))
        _work(store)
        await wait_for_refresh(pilot)
        await wait_until(pilot, lambda: not app.sender.waiting)
    with store.reading() as session:
        after = ticket_detail(session, number)
        clear = select(EVENT.c.data).where(EVENT.c.name == "note.added")
        assert "回电" not in str(session.scalars(clear).all())
    [note] = ticket_notes(after)
    assert note.private == {"by": "desk", "text": "诉求人明早回电 138****8000"}
    assert "诉求人明早回电 138****8000" in log(after, LATER, 200).plain
    assert after.duties == before.duties
    assert (after.status, after.due, after.level) == (before.status, before.due, before.level)
    assert [line.name for line in after.log[len(before.log) :]] == ["note.added"]
    assert after.notices == before.notices


async def test_a_refusal_is_shown_with_its_reason(store: Store) -> None:
    """The operator is told what the rules refused, and why."""
    number = _number(store, "completed")
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await _open(pilot, number)
        await _choose(pilot, "登记评价")
        await wait_until(pilot, lambda: _is_open(app, ActionForm))
        await pilot.press("right", "enter", "enter")
        await wait_until(pilot, lambda: bool(app.sender.waiting))
        # the ticket is archived before a worker reads the message
        archived = partial(msgspec.structs.replace, status="archived")
        keep_as(store, number, archived, status="archived")
        _work(store)
        await wait_for_refresh(pilot)
        await wait_until(pilot, lambda: "被拒：登记评价" in _notifications(app))


async def test_a_contact_is_recorded_with_who_called(store: Store) -> None:
    """A recorded contact stops the clock it is for; the log names the operator beside it.

    Without its outcome, which nobody else knows, nothing is sent, and the cursor is led there.
    """
    with store.reading() as session:
        numbers = select(TICKET.c.number).where(TICKET.c.status == "handling", TICKET.c.seq < 12)
        number = str(session.scalars(numbers.order_by(TICKET.c.number.desc())).first())
    app = _app(store)
    async with app.run_test(size=(120, 60)) as pilot:
        await _open(pilot, number)
        await _choose(pilot, "登记联系")
        await wait_until(pilot, lambda: _is_open(app, ActionForm))
        await pilot.press("down", "down", "down", "down", "enter")
        await wait_until(pilot, lambda: "缺：结果" in screen_text(app))
        assert not app.sender.waiting
        assert app.focused is app.screen.query(ChoiceField)[1]
        await pilot.press("right", "f2")
        await wait_until(pilot, lambda: bool(app.sender.waiting))
        _work(store)
        await wait_for_refresh(pilot)
        await wait_until(pilot, lambda: not app.sender.waiting)
        await wait_for_refresh(pilot)
        assert "经办 林小燕 (desk)" in screen_text(app)
    assert _events(store, number, "contact.recorded")[-1]["outcome"] == "reached"


async def test_a_unit_is_chosen_by_a_part_of_its_name(store: Store) -> None:
    """A ticket of the manual queue goes to the unit that was typed in part."""
    number = _number(store, "manual")
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await _open(pilot, number)
        await _choose(pilot, "选定承办单位")
        await wait_until(pilot, lambda: _is_open(app, ActionForm))
        app.screen.query(Input).first().value = "公安分"
        # the only text for this is filled in at once
        await pilot.press("f3", "enter", "enter")
        await wait_until(pilot, lambda: bool(app.sender.waiting))
        _work(store)
        await wait_for_refresh(pilot)
        await wait_until(pilot, lambda: not app.sender.waiting)
    routed = _events(store, number, "ticket.routed")[-1]
    assert "公安" in str(routed["unit"])


async def test_what_others_did_meanwhile_is_told_before_it_is_undone(store: Store) -> None:
    """Whoever filled in a form for another unit's ticket is asked again, and led back to it."""
    number = _number(store, "manual")
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await _open(pilot, number)
        await _choose(pilot, "选定承办单位")
        await wait_until(pilot, lambda: _is_open(app, ActionForm))
        body = {
            "id": "x-9",
            "type": "ticket.assigned",
            "ticket": number,
            "unit": "供电局",
            "by": "李四",
        }
        with store.writing() as session:
            add_messages(session, "operators", [body | {"at": LATER.isoformat()}], LATER)
        _work(store)
        app.screen.query(Input).first().value = "公安分"
        await pilot.press("f3", "enter", "enter")
        await wait_until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        for words in ("供电", number, "Esc 返回表单"):
            assert words in screen_text(app)
        await pilot.press("escape")
        await wait_until(pilot, lambda: _is_open(app, ActionForm))
        unit, why = app.screen.query(Input)
        await wait_until(pilot, lambda: unit.value == "公安分" and bool(why.value))
        assert not app.sender.waiting
    assert "供电" in str(_events(store, number, "ticket.routed")[-1]["unit"])


async def test_a_refused_message_is_edited_without_being_seen_in_clear(store: Store) -> None:
    """Personal data are redacted in the editor and whole in the message that is sent."""
    with store.writing() as session:
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
        await wait_until(pilot, lambda: bool(app.screen.query(FormRow)))
        await pilot.pause()
        values = [row.value for row in app.screen.query(FormRow)]
        assert "138****8000" in values
        assert "陈**" in values
        await pilot.press("left", "f2")
        await wait_until(pilot, lambda: bool(app.sender.waiting))
        _work(store)
        await wait_for_refresh(pilot)
        await wait_until(pilot, lambda: not app.sender.waiting)
        await wait_for_refresh(pilot)
        assert "2026101599999" not in screen_text(app)
    with store.reading() as session:
        row = session.execute(select(INBOX).where(INBOX.c.source == "city", INBOX.c.current)).one()
        body = session.decrypt(INBOX.c.body, row)
        seen = session.execute(select(ACCESS)).one()
        assert session.decrypt(ACCESS.c.reason, seen) == "mending"
    assert (seen.who, seen.ticket, seen.act) == ("林小燕 (desk)", "2026101599999", "reveal")
    assert row.state == "applied"
    assert body["claimant"] == {"name": "陈大文", "phone": "13800138000"}
    assert body["mended_by"] == "林小燕 (desk)"


async def test_a_failed_notice_is_sent_again(store: Store) -> None:
    """Confirmed once, the notice waits for its channel again."""
    with store.writing() as session:
        notice = session.scalar(select(NOTICE.c.id).order_by(NOTICE.c.id).limit(1))
        failed = {"state": "failed", "error": "550 no such user " * 200, "tries": 8}
        session.execute(update(NOTICE).where(NOTICE.c.id == notice).values(**failed))
    app = _app(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for_refresh(pilot)
        await pilot.press("6")
        await wait_for_refresh(pilot)
        assert "550 no such user" in screen_text(app)
        await pilot.press("end", "enter")
        await wait_until(pilot, lambda: "重发此通知" in screen_text(app))
        assert 0 < app.screen.query_one(SubmitButton).region.bottom < 24
        await pilot.press("enter")
        await wait_until(pilot, lambda: "重新排队" in _notifications(app))
    with store.reading() as session:
        assert session.scalar(select(NOTICE.c.state).where(NOTICE.c.id == notice)) == "queued"
        queued = select(EVENT.c.data).where(EVENT.c.name == "notice.queued")
        last = session.scalars(queued.order_by(EVENT.c.at.desc(), EVENT.c.seq.desc())).first()
    assert last is not None
    assert last["by"] == "林小燕 (desk)"


async def test_a_phone_is_shown_only_by_an_action_that_is_logged(store: Store) -> None:
    """Redacted everywhere, shown once confirmed; the access log says to whom."""
    number = _number(store, "handling")
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await _open(pilot, number)
        assert "13800138000" not in screen_text(app)
        await _choose(pilot, "查看诉求人信息")
        await wait_until(pilot, lambda: _is_open(app, RevealForm))
        assert "访问日志" in screen_text(app)
        await pilot.press("f2")
        await wait_until(pilot, lambda: "缺：理由" in screen_text(app))
        await pilot.press("right", "left", "f2")
        await wait_until(pilot, lambda: "缺：其他理由" in screen_text(app))
        app.screen.query_one(Input).value = "诉求人说留错了号码"
        await pilot.press("f2")
        await wait_until(pilot, lambda: "13800138000" in screen_text(app))
    with store.reading() as session:
        row = session.execute(select(ACCESS)).one()
        reason = session.decrypt(ACCESS.c.reason, row)
    assert (row.who, row.ticket, row.act) == ("林小燕 (desk)", number, "reveal")
    assert reason == "诉求人说留错了号码"


async def test_a_number_for_a_call_that_is_due_is_shown_without_a_reason(store: Store) -> None:
    """It is offered where a call is due; an operator is offered what the desk may send."""
    with store.reading() as session:
        due = select(TICKET.c.number).join(CLOCK, CLOCK.c.ticket_id == TICKET.c.id)
        running = CLOCK.c.state == "running", CLOCK.c.name == "first_contact"
        number = str(session.scalars(due.where(*running).order_by(TICKET.c.number)).first())
    app = _app(store, Actor("wang", UserRole.OPERATOR), "wang")
    async with app.run_test(size=(120, 40)) as pilot:
        await _open(pilot, number)
        await _choose(pilot, "查看应拨打的号码")
        await wait_until(pilot, lambda: "13800138000" in screen_text(app))
        await pilot.press("escape", "f2")
        await wait_until(pilot, lambda: _is_open(app, MenuDialog))
        menu = app.screen
        assert isinstance(menu, MenuDialog)
        calling = ["查看应拨打的号码", "查看诉求人信息", "认领此工单  F4"]
        desk_actions = [
            "督办  F9",
            "改派其他单位  Ctrl+U",
            "重新计时",
            "添加备注  F12",
            "选择诉求分类",
        ]
        assert list(menu._choices) == [*desk_actions, *calling]
    with store.reading() as session:
        row = session.execute(select(ACCESS)).one()
    assert (row.who, row.ticket, row.act, row.reason) == ("wang", number, "call", None)


async def test_a_supervisor_is_told_of_whoever_sees_too_much(store: Store) -> None:
    """In the status line; operators are not told."""
    with store.writing() as session:
        wang = Actor("wang", UserRole.OPERATOR)
        stopped = AccessOutcome.STOPPED
        record_access(session, wang, "reveal", "R1", ["phone"], LATER, outcome=stopped)
    for role, is_told in ((UserRole.SUPERVISOR, True), (UserRole.OPERATOR, False)):
        app = _app(store, Actor("desk", role))
        async with app.run_test(size=(120, 40)) as pilot:
            await wait_for_refresh(pilot)
            assert ("超限查看 1 人" in screen_text(app)) == is_told


async def test_an_actor_without_a_role_may_only_look(store: Store) -> None:
    """The action is refused and nothing is sent."""
    app = _app(store, Actor("guest", ""))
    async with app.run_test(size=(120, 40)) as pilot:
        await _open(pilot, _number(store, "handling"))
        await pilot.press("f2")
        await wait_until(pilot, lambda: "操作失败" in _notifications(app))
        assert not app.sender.waiting
    with store.reading() as session:
        row = session.execute(select(ACCESS)).one()
    assert (row.who, row.act, row.outcome) == ("林小燕 (guest)", "act", "denied")


async def test_the_name_is_asked_at_the_start(store: Store) -> None:
    """Without HOTLINE_OPERATOR the monitor asks for the operator's name, once."""
    app = MonitorApp(
        store, lambda: NOW, actor=Actor("desk", UserRole.SUPERVISOR), ask_name=True, every=None
    )
    async with app.run_test(size=(80, 24)) as pilot:
        # a dialog is on the screen before its field has the focus
        await wait_until(
            pilot, lambda: isinstance(app.screen, TextPrompt) and isinstance(app.focused, Input)
        )
        app.screen.query_one(Input).value = "王五"
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.operator.name == "王五")


def test_an_invalid_edit_names_its_place() -> None:
    """Line and column of the error; an edited personal field is sent as it was typed."""
    body = {"ticket": "1", "claimant": {"phone": "13800138000"}}
    with pytest.raises(InvalidEdit, match="第 1 行，第 2 列"):
        apply_edit("{", body)
    with pytest.raises(InvalidEdit):
        apply_edit("[]", body)
    assert apply_edit(redacted_text(body), body) == body
    typed = apply_edit(redacted_text(body).replace("138****8000", "13900001111"), body)
    assert typed["claimant"] == {"phone": "13900001111"}


def test_what_stays_hidden_in_an_edited_text_is_what_it_was() -> None:
    """Also beside what was typed, in a list, and where a hidden part is taken out or typed anew."""
    letter = "建设路12号，电话13812340001，我叫林小满，门口的路灯坏了。"
    body = {"ticket": "1", "content": letter, "materials": ["粤D12K45.jpg", "a.jpg"]}
    screen = redacted_text(body)
    assert "12号" not in screen
    longer = apply_edit(
        screen.replace("路灯坏了", "两盏路灯坏了三天").replace("a.jpg", "b.jpg"), body
    )
    assert longer["content"] == letter.replace("路灯坏了", "两盏路灯坏了三天")
    assert longer["materials"] == ["粤D12K45.jpg", "b.jpg"]
    without = apply_edit(screen.replace("电话138****0001，", ""), body)
    assert without["content"] == letter.replace("电话13812340001，", "")
    edited = apply_edit(screen.replace("138****0001", "13900001111"), body)
    assert edited["content"] == letter.replace("13812340001", "13900001111")
