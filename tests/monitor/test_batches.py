"""Many tickets at once: selected in the lists, acted on together, each answered by itself."""

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select
from textual.pilot import Pilot
from textual.widgets import Input

from models.database import Store
from models.operations.claims import claim
from models.operations.similar import add_bands, new_bands
from models.queries.selected_tickets import numbers_in_filter, numbers_left
from models.queries.similar import similar_to
from models.queries.ticket_filter import ALL_OPEN, TicketFilter
from models.queries.ticket_list import list_tickets
from models.queries.ticket_order import QUEUE_ORDER, SortColumn, TicketOrder
from models.rules.vocabulary import UserRole
from models.security.roles import Actor
from models.tables.core import EVENT, INBOX, TICKET
from monitor.app import MonitorApp
from monitor.screens.action_form import ActionForm
from monitor.screens.batch_results import BatchResults
from monitor.screens.callbacks import CallbacksScreen
from monitor.screens.detail import DetailScreen
from monitor.screens.dialogs import ConfirmDialog, MenuDialog
from monitor.screens.tickets import TicketsScreen
from monitor.widgets.fields import ChoiceField
from tests.monitor.driving import press, wait_for_refresh, wait_until
from tests.monitor.message_worker import deciding_worker
from tests.monitor.scene import NOW, play, received, screen_text
from tests.servers.key_value import KeyValueServer
from tests.store.factories import keep_as

LATER = NOW + timedelta(minutes=1)
NUMBERS = [f"20261015{n:05}" for n in range(1, 8)]
UNASSIGNED, CLOSED = NUMBERS[-1], NUMBERS[1:3]


def _fill(store: Store) -> None:
    """Play six tickets in hand, three of them about the same pipe, and one without a unit."""
    start = NOW - timedelta(hours=3)
    letters, accepted = [], []
    for place, number in enumerate(NUMBERS[:-1]):
        more: dict[str, Any] = {"unit": "城管局"}
        if place < 3:
            claimant = {"name": f"某{place}", "phone": f"1380000000{place}"}
            pipe = "河浦路与磊广公路交界处的自来水管爆裂，附近三个小区已经停水半天，请尽快抢修。"
            more |= {"content": f"{pipe}谢谢{place}", "claimant": claimant}
        letters.append(received(number, start + timedelta(minutes=place), f"事{place}", **more))
        at = (start + timedelta(hours=1)).isoformat()
        body = {"id": f"{number}-2", "type": "unit.accepted", "ticket": number, "at": at}
        accepted.append(body | {"unit": "城管局"})
    letters.append(received(UNASSIGNED, start, "石狮子没了", content="石狮子没了"))
    play(store, [*letters, *accepted], NOW)


pytestmark = pytest.mark.store(fill=_fill)


def _app(store: Store, role: UserRole = UserRole.OPERATOR) -> MonitorApp:
    actor = Actor("desk", role)
    return MonitorApp(
        store, lambda: LATER, wall=lambda: NOW, actor=actor, operator="林", every=None
    )


def _notifications(app: MonitorApp) -> str:
    return " ".join(n.message for n in app._notifications)


def _selects(screen: TicketsScreen, count: int) -> bool:
    return len(screen.selected) == count


def _are_waiting(store: Store) -> bool:
    with store.reading() as session:
        waiting = select(INBOX.c.id).where(INBOX.c.state == "waiting")
        return session.scalar(waiting.limit(1)) is not None


async def _open_list(pilot: Pilot[None]) -> TicketsScreen:
    await wait_for_refresh(pilot)
    await press(pilot, "2")
    screen = pilot.app.screen
    assert isinstance(screen, TicketsScreen)
    return screen


async def _wait_for(pilot: Pilot[None], screen: type[Any]) -> None:
    app = pilot.app
    await wait_until(pilot, lambda: isinstance(app.screen, screen) and app.focused is not None)


async def test_a_batch_is_decided_by_a_worker_ticket_by_ticket(
    store: Store, tmp_path: Path, key_value_server: KeyValueServer
) -> None:
    """The whole list is urged with a key; what was refused is listed, and opened from there."""
    app = _app(store)
    with (
        key_value_server as server,
        deciding_worker(store, lambda: LATER, tmp_path, server) as timekeeper,
    ):
        async with app.run_test(size=(120, 40)) as pilot:
            screen = await _open_list(pilot)
            await pilot.press("ctrl+a")
            await wait_until(pilot, lambda: "已选 7" in screen_text(app))
            assert screen_text(app).count("+ ") >= 7
            await pilot.press("f9")
            await _wait_for(pilot, ActionForm)
            assert "适用于所选 7 件中的 6 件，逐件提交" in screen_text(app)
            assert "另有 4 件" in screen_text(app)
            app.screen.query_one(Input).value = "请今天回复"
            await pilot.press("enter", "enter")
            await wait_until(pilot, lambda: len(app.sender.waiting) == 6)
            await wait_for_refresh(pilot)
            assert "待答复 6" in screen_text(app)
            # a second key acts on none of them again
            assert not screen.selected
            assert "已选" not in screen_text(app)
            for number in CLOSED:
                # archived before a worker reads the message
                archived = partial(msgspec.structs.replace, status="archived")
                keep_as(store, number, archived, status="archived")
            timekeeper.ring_due()
            await wait_until(pilot, lambda: not _are_waiting(store))
            await wait_for_refresh(pilot)
            await wait_until(pilot, lambda: "督办：已受理 4 件，拒绝 2 件" in _notifications(app))
            # they have left the list
            assert not screen.selected
            await pilot.press("ctrl+r")
            await _wait_for(pilot, BatchResults)
            assert all(number in screen_text(app) for number in CLOSED)
            assert "已归档" in screen_text(app)
            await pilot.press("enter")
            await _wait_for(pilot, DetailScreen)
            assert isinstance(app.screen, DetailScreen)
            assert app.screen.number in CLOSED
    with store.reading() as session:
        urged = select(TICKET.c.number).join(EVENT, EVENT.c.ticket_id == TICKET.c.id)
        numbers = session.scalars(urged.where(EVENT.c.name == "unit.urged")).all()
    assert sorted(numbers) == sorted(set(NUMBERS[:-1]) - set(CLOSED))


@pytest.mark.store(databases=["sqlite"], fill=_fill)
async def test_a_selection_stays_with_its_tickets(store: Store) -> None:
    """By Insert, Shift+Down or its mark; what comes before moves it along, Esc ends it first."""
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await _open_list(pilot)
        tickets = screen.tickets
        await pilot.press("insert", "down", "shift+down", "shift+down")
        rows = [tickets.key(n) for n in (0, 2, 3, 4)]
        assert list(screen.selected) == rows
        await pilot.press("shift+pageup")
        assert len(screen.selected) == 5
        await pilot.click(tickets, offset=(1, 2))
        assert set(screen.selected) == set(rows)
        assert "Esc 取消选择" in screen_text(app)
        urgent = received("2026101599999", NOW, "海堤缺口", unit="应急局", emergency="disaster")
        play(store, [urgent], LATER)
        await wait_for_refresh(pilot)
        assert tickets.key(0) == "2026101599999"
        assert set(screen.selected) == set(rows)
        lines = screen_text(app).splitlines()
        assert sum("+ " in line[:4] for line in lines) == 4

        await pilot.press("ctrl+u")
        await _wait_for(pilot, ActionForm)
        assert "改派" in screen_text(app) or "选定承办单位" in screen_text(app)
        await pilot.press("escape")
        await press(pilot, "escape")
        assert isinstance(app.screen, TicketsScreen)
        assert not tickets.selected
        await press(pilot, "escape")
        assert not isinstance(app.screen, TicketsScreen)


@pytest.mark.store(databases=["sqlite"], fill=_fill)
async def test_what_fits_the_selected_is_offered_by_role(store: Store) -> None:
    """With how many it fits; units' own words only to whoever speaks for them; claims warn."""
    zhao = Actor("赵", UserRole.SUPERVISOR)
    with store.writing() as session:
        claim(session, zhao, NUMBERS[0], NOW)
    of_desk = [
        "选定承办单位 (1)  Ctrl+U",
        "督办 (6)  F9",
        "改派其他单位 (6)  Ctrl+U",
        "重新计时 (6)",
    ]
    of_units = ["报告进展 (6)", "提交办理结果 (6)"]
    by_role = {UserRole.OPERATOR: of_desk, UserRole.SUPERVISOR: [*of_desk, *of_units]}
    for role, named in by_role.items():
        offered = [*named, "添加备注 (7)  F12"]
        app = _app(store, role)
        async with app.run_test(size=(120, 40)) as pilot:
            screen = await _open_list(pilot)
            await pilot.press("ctrl+a")
            await wait_until(pilot, partial(_selects, screen, 7))
            await pilot.press("f2")
            await _wait_for(pilot, MenuDialog)
            assert isinstance(app.screen, MenuDialog)
            choices = list(app.screen._choices)
            assert choices[: len(offered)] == offered
            assert choices[len(offered)] == "取消选择  Esc"
            await pilot.press("down", "enter")
            await _wait_for(pilot, ActionForm)
            assert "注意：其中 1 件由他人办理：赵 10:42" in screen_text(app)


@pytest.mark.store(databases=["sqlite"], fill=_fill)
async def test_a_claim_made_while_the_form_is_open_is_told_before_sending(store: Store) -> None:
    """So is another unit; whoever leaves it is led back, and finds what was written as a draft."""
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await _open_list(pilot)
        await pilot.press("ctrl+a")
        await wait_until(pilot, partial(_selects, screen, 7))
        await pilot.press("f9")
        await _wait_for(pilot, ActionForm)
        app.screen.query_one(Input).value = "请今天回复"
        with store.writing() as session:
            claim(session, Actor("赵", UserRole.SUPERVISOR), NUMBERS[0], NOW)
        moved = partial(msgspec.structs.replace, unit="公安局")
        keep_as(store, NUMBERS[1], moved, unit="公安局")
        await pilot.press("f2")
        await _wait_for(pilot, ConfirmDialog)
        dialog_text = screen_text(app)
        assert "注意：其中 1 件由他人办理：赵 10:42" in dialog_text
        assert "其中 1 件的承办单位或状态已变" in dialog_text
        assert NUMBERS[1] in dialog_text
        await pilot.press("escape")
        await _wait_for(pilot, ActionForm)
        await wait_until(pilot, lambda: app.screen.query_one(Input).value == "请今天回复")
        await pilot.press("escape")
        await wait_until(pilot, lambda: app.screen is screen)
        assert not app.sender.waiting
        await pilot.press("f9")
        await _wait_for(pilot, ActionForm)
        await wait_until(pilot, lambda: "草稿" in screen_text(app))
        assert app.screen.query_one(Input).value == "请今天回复"
        # what was known when the form was opened is not asked again
        await pilot.press("f2")
        await wait_until(pilot, lambda: len(app.sender.waiting) == 6)
        await pilot.press("ctrl+a")
        await wait_until(pilot, partial(_selects, screen, 7))
        await pilot.press("f9")
        await _wait_for(pilot, ActionForm)
        assert app.screen.query_one(Input).value == ""


@pytest.mark.store(databases=["sqlite"], fill=_fill)
async def test_similar_tickets_are_selected_and_answered_together(store: Store) -> None:
    """From one of them; a result for each, with an id of its own."""
    with store.writing() as session:
        add_bands(session, new_bands(session, NOW - timedelta(days=9), 100).rows)
    app = _app(store, UserRole.SUPERVISOR)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await _open_list(pilot)
        screen.set_filter(NUMBERS[1])
        await wait_for_refresh(pilot)
        app.action_select_similar()
        await wait_until(pilot, lambda: len(screen.selected) == 3)
        await wait_for_refresh(pilot)
        assert sorted(screen.selected) == NUMBERS[:3]
        assert screen.tickets.total == 3
        await pilot.press("f2")
        await _wait_for(pilot, MenuDialog)
        assert isinstance(app.screen, MenuDialog)
        for _step in range(list(app.screen._choices).index("提交办理结果 (3)")):
            await pilot.press("down")
        await pilot.press("enter")
        await _wait_for(pilot, ActionForm)
        texts = ("属实", "已修", "已告知", "条例", "")
        for field, text in zip(app.screen.query(Input), texts, strict=True):
            field.value = text
        app.screen.query_one(ChoiceField).value = "ordinary"
        await pilot.press("f2")
        await wait_until(pilot, lambda: len(app.sender.waiting) == 3)
        play(store, [], LATER)
        await wait_for_refresh(pilot)
        await wait_until(pilot, lambda: "已受理 3 件，拒绝 0 件" in _notifications(app))
    with store.reading() as session:
        states = session.execute(select(TICKET.c.number, TICKET.c.status)).all()
    assert {number for number, status in states if status == "submitted"} == set(NUMBERS[:3])


@pytest.mark.store(databases=["sqlite"], fill=_fill)
async def test_the_messages_of_a_batch_are_taken_once(store: Store) -> None:
    """Sent again, as after an outage, they change nothing."""
    app = _app(store)
    envelope = {"type": "unit.urged", "at": NOW.isoformat(), "unit": "城管局", "text": "请回复"}
    bodies = [envelope | {"id": f"batch-{7:032x}-{n}", "ticket": n} for n in NUMBERS[:4]]
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        for _time in range(2):
            await app.sender.send_batch("monitor", bodies, "督办")
        play(store, [], LATER)
        await wait_for_refresh(pilot)
        await wait_until(pilot, lambda: not app.sender.waiting)
    with store.reading() as session:
        urged = session.scalars(select(EVENT.c.ticket_id).where(EVENT.c.name == "unit.urged")).all()
    assert len(urged) == 4


def test_all_of_a_filter_are_the_first_of_its_list(store: Store) -> None:
    """Up to the bound, in the order of the list, and without what is closed or not in it."""
    with store.reading() as session:
        listed = [row.number for row in list_tickets(session, ALL_OPEN).rows]
        assert len(listed) == 7
        by_number = TicketOrder(SortColumn.NUMBER, descending=True)
        for most in (6, 7, 8):
            assert numbers_in_filter(session, ALL_OPEN, QUEUE_ORDER, most) == listed[:most]
            falling = numbers_in_filter(session, ALL_OPEN, by_number, most)
            assert falling == NUMBERS[: -most - 1 : -1]
        of_unit = TicketFilter(units=("城管",))
        assert sorted(numbers_in_filter(session, of_unit, QUEUE_ORDER, 7)) == NUMBERS[:-1]
        assert numbers_left(session, of_unit, [*NUMBERS, "?"]) == {UNASSIGNED, "?"}
        assert numbers_left(session, TicketFilter(numbers=()), NUMBERS) == set(NUMBERS)


def test_similar_letters_are_those_of_a_band_that_say_the_same(store: Store) -> None:
    """Of whatever claimant; one without any is alone."""
    with store.writing() as session:
        add_bands(session, new_bands(session, NOW - timedelta(days=9), 100).rows)
        for number in NUMBERS[:3]:
            assert sorted(similar_to(session, number)) == NUMBERS[:3]
        assert similar_to(session, UNASSIGNED) == [UNASSIGNED]


@pytest.mark.store(databases=["sqlite"], fill=_fill)
async def test_calls_are_selected_too_until_they_are_made(store: Store) -> None:
    """All that are listed; a call that was made leaves the selection, another kind ends it."""
    app = _app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        await press(pilot, "4")
        screen = app.screen
        assert isinstance(screen, CallbacksScreen)
        await pilot.press("ctrl+a")
        await wait_until(pilot, lambda: sorted(screen.selected) == NUMBERS[:-1])
        called = {"id": "c-1", "type": "contact.attempted", "ticket": NUMBERS[0], "unit": "城管局"}
        called |= {"purpose": "first", "method": "phone", "outcome": "reached"}
        play(store, [called | {"at": NOW.isoformat()}], LATER)
        await wait_for_refresh(pilot)
        assert sorted(screen.selected) == NUMBERS[1:-1]
        assert "已选 5" in screen_text(app)
        await press(pilot, "right")
        assert not screen.selected


@pytest.mark.store(databases=["sqlite"], fill=_fill)
async def test_the_refused_of_a_batch_stay_selected(store: Store) -> None:
    """It says so; they are not added to what has been selected meanwhile."""
    app = _app(store, UserRole.SUPERVISOR)
    submitted = partial(msgspec.structs.replace, status="submitted")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await _open_list(pilot)
        first, second = NUMBERS[:2], NUMBERS[2:4]
        for (refused, other), others in ((first, []), (second, [UNASSIGNED])):
            screen.tickets.select([refused, other])
            await pilot.press("f2")
            await _wait_for(pilot, MenuDialog)
            assert isinstance(app.screen, MenuDialog)
            place = list(app.screen._choices).index("提交办理结果 (2)")
            await pilot.press(*["down"] * place, "enter")
            await _wait_for(pilot, ActionForm)
            for field, text in zip(
                app.screen.query(Input), ("属实", "已修", "已告知", "条例"), strict=False
            ):
                field.value = text
            app.screen.query_one(ChoiceField).value = "ordinary"
            await pilot.press("f2")
            await wait_until(pilot, lambda: len(app.sender.waiting) == 2)
            assert not screen.selected
            screen.tickets.select(others)
            keep_as(store, refused, submitted, status="submitted")
            play(store, [], LATER)
            await wait_for_refresh(pilot)
            await wait_until(pilot, lambda: not app.sender.waiting)
            assert list(screen.selected) == (others or [refused])
            assert _notifications(app).count("保持选中") == 1
            screen.tickets.clear_selection()
