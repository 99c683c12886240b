"""Calls from screen 4: the number beside the log, the result on a digit, then the next one."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from textual.pilot import Pilot
from textual.widgets import Input, Static

from models.database import Store
from models.queries.access_log import access_log
from models.queries.owed_calls import DISSATISFIED, KINDS, UNREACHABLE
from models.rules.messages import wrong_fields
from models.rules.vocabulary import ClockName, MessageType, UserRole
from models.security.roles import Actor
from models.tables.core import INBOX
from monitor.app import MonitorApp
from monitor.calls import call_results, read_time
from monitor.screens.call_form import CallForm, ResultLine
from monitor.screens.dialogs import ConfirmDialog
from monitor.widgets.fields import SubmitButton
from tests.monitor.driving import press, type_text, wait_for_refresh, wait_until
from tests.monitor.scene import NOW, play, received, screen_text

TICKETS = ("2026101500001", "2026101500002")


def _fill(store: Store) -> None:
    letters, accepted = [], []
    for hours, (number, title) in enumerate(zip(TICKETS, ("路灯不亮", "井盖丢了"), strict=True)):
        at = NOW - timedelta(hours=4 - hours)
        letters.append(received(number, at, title, unit="城管局"))
        body = {"id": f"{number}-2", "type": "unit.accepted", "ticket": number, "unit": "城管局"}
        accepted.append(body | {"at": (at + timedelta(minutes=9)).isoformat()})
    play(store, [*letters, *accepted], NOW)


pytestmark = pytest.mark.store(databases=["sqlite"], fill=_fill)


def test_every_kind_of_call_has_its_results() -> None:
    """The first result is that it was made; out of reach is one of each; nine digits suffice."""
    for kind in KINDS:
        results = call_results(kind)
        assert len(results) <= 9
        assert bool(results) is (kind not in (UNREACHABLE, ClockName.PROOF))
    assert call_results(ClockName.SURVEY)[0].type == MessageType.SURVEY_RATED
    assert call_results(DISSATISFIED)[0].type == MessageType.REVISIT_RECORDED


def test_the_time_of_a_call_is_one_that_has_passed() -> None:
    """Of today, or of a day of the last year; with the colon of a Chinese input method, too."""
    assert read_time("09:05", NOW) == NOW.replace(hour=9, minute=5, second=0)
    assert read_time("9：05", NOW) == read_time("09:05", NOW)
    assert read_time("10-14 17:05", NOW) == NOW.replace(day=14, hour=17, minute=5, second=0)
    new_year = NOW.replace(month=1, day=2)
    yesterday = read_time("12-31 17:05", new_year)
    assert yesterday is not None
    assert yesterday.year == new_year.year - 1
    for text in ("23:59", "25:00", "", "昨天", "02-30 10:00"):
        assert read_time(text, NOW) is None


def test_every_result_of_a_call_is_a_message_that_lacks_nothing() -> None:
    """A corrected rating names the rating: nothing is refused for what the form never asked."""
    for kind in KINDS:
        for result in call_results(kind):
            body = {"unit": "城管局", **result.fields}
            assert wrong_fields(result.type, body) == {}, result


def _app(store: Store, name: str = "林小燕") -> MonitorApp:
    actor = Actor("desk", UserRole.SUPERVISOR, is_owner=True)
    return MonitorApp(store, lambda: NOW, wall=lambda: NOW, actor=actor, operator=name, every=None)


def _is_open(app: MonitorApp, number: str) -> bool:
    is_form = isinstance(app.screen, CallForm) and app.focused is not None
    return is_form and number in screen_text(app)


async def test_time_and_note_are_a_key_away_and_a_note_outlives_esc(store: Store) -> None:
    """Full-width digits answer, Tab leads to the time, Enter sends from there; Esc drafts."""
    app = _app(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for_refresh(pilot)
        await press(pilot, "4")
        await pilot.press("f3")
        await wait_until(pilot, lambda: _is_open(app, TICKETS[0]))
        await type_text(pilot, "２")
        await pilot.press("tab")
        assert app.focused is app.screen.query_one("#call-time", Input)
        await pilot.press("tab", "A", "escape")
        await wait_until(pilot, lambda: not isinstance(app.screen, CallForm))
        await pilot.press("f3")
        await wait_until(pilot, lambda: _is_open(app, TICKETS[0]))
        form = app.screen
        assert "草稿" in screen_text(app)
        note = form.query_one("#call-note", Input)
        assert note.value == "A"
        # another call than the one that was left: its result is asked again
        note.focus()
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.focused, ResultLine))
        await wait_until(pilot, lambda: "按数字选择结果" in screen_text(app))
        await pilot.press("2")
        note.focus()
        await pilot.press("enter")
        await wait_until(pilot, lambda: _is_open(app, TICKETS[1]))
        assert app.screen.query_one("#call-note", Input).value == ""
        assert "草稿" not in screen_text(app)
    with store.reading() as session:
        row = session.execute(select(INBOX).where(INBOX.c.state == "waiting")).one()
        body = session.decrypt(INBOX.c.body, row)
    assert (body["outcome"], body["evidence"]) == ("no_answer", "A")


async def test_two_calls_take_five_keys(store: Store) -> None:
    """F3 opens the first, a digit and Enter record it and open the next; each is logged."""
    app = _app(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for_refresh(pilot)
        await press(pilot, "4")
        await pilot.press("f3")
        await wait_until(pilot, lambda: _is_open(app, TICKETS[0]))
        form = screen_text(app)
        assert "13800138000" in form
        assert "陈女士" in form
        assert "林小燕" in form
        assert "开始计时" in form
        assert "首次联系" in str(app.screen.query_one("#title", Static).content)
        assert app.screen.query_one("#call-time", Input).value == "10:42"
        assert app.screen.query_one(SubmitButton).region.bottom < 24
        await pilot.press("1", "enter")
        await wait_until(pilot, lambda: _is_open(app, TICKETS[1]))
        await pilot.press("2", "enter")
        await wait_until(pilot, lambda: len(app.sender.waiting) == 2)
        play(store, [], NOW)
        await wait_for_refresh(pilot)
        await wait_until(pilot, lambda: not app.sender.waiting)
        assert "首次联系 1" in screen_text(app)
    with store.reading() as session:
        revealed = [str(line.ticket) for line in access_log(session) if line.act == "call"]
    assert sorted(revealed) == list(TICKETS)


async def _open_call(pilot: Pilot[None], app: MonitorApp) -> None:
    await wait_for_refresh(pilot)
    await press(pilot, "4")
    await pilot.press("f3")
    await wait_until(pilot, lambda: _is_open(app, TICKETS[0]))


async def test_a_call_tells_what_another_recorded_meanwhile(store: Store) -> None:
    """Before it is sent; what is not wanted any more is not sent, and the next call comes."""
    lin, zhao = _app(store), _app(store, "赵国强")
    async with lin.run_test(size=(80, 24)) as hers, zhao.run_test(size=(80, 24)) as his:
        await _open_call(hers, lin)
        await _open_call(his, zhao)
        await his.press("2", "enter")
        await wait_until(his, lambda: bool(zhao.sender.waiting))
        play(store, [], NOW)
        await hers.press("1", "enter")
        await wait_until(hers, lambda: isinstance(lin.screen, ConfirmDialog))
        await wait_until(hers, lambda: "赵国强" in screen_text(lin))
        for words in ("无人接听", TICKETS[0], "Esc 转下一个"):
            assert words in screen_text(lin)
        await hers.press("escape")
        await wait_until(hers, lambda: _is_open(lin, TICKETS[1]))
        assert not lin.sender.waiting
