"""The forms of actions: fields, buttons that stay on the screen, and what is message afterwards."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from textual.widgets import Input

from models.database import Store
from models.queries.detail import ticket_detail
from models.rules.vocabulary import MessageType, Status, UserRole
from models.security.roles import Actor
from models.tables.core import TICKET
from monitor.actions import available_actions
from monitor.app import MonitorApp
from monitor.screens.action_form import ActionForm
from monitor.screens.dialogs import MenuDialog
from monitor.screens.prompts import TextPrompt
from monitor.widgets.fields import SubmitButton, UnitField, UnitMatches, matching_units
from tests.monitor.driving import wait_for_refresh, wait_until
from tests.monitor.scene import NOW, play, received, screen_text

LONG = "2026101500001"


def _fill(store: Store) -> None:
    play(store, [received(LONG, NOW, "石狮" * 2000, content="石狮子没了")], NOW)


pytestmark = pytest.mark.store(databases=["sqlite"], fill=_fill, shared=True)

UNITS = {"城管局": ("城市管理局",), "公安局": (), "交警大队": ("公安局交警大队",)}


def test_a_fragment_that_fits_several_units_names_none() -> None:
    """A whole name or alias is one unit's, also where it is a part of another's."""
    assert matching_units("局", UNITS) == ["城管局", "公安局", "交警大队"]
    assert matching_units("公安局", UNITS) == ["公安局"]
    assert matching_units("交警", UNITS) == ["交警大队"]
    assert matching_units("税务", UNITS) == matching_units("", UNITS) == []


def test_a_form_asks_for_what_the_rules_miss(store: Store) -> None:
    """A result by its disposal, a part that says nothing, and the unit of an approved return."""
    with store.reading() as session:
        ticket = ticket_detail(session, LONG)
    returned = replace(ticket, status=Status.RETURNED, unit="城管局")
    actions = available_actions(returned) + available_actions(replace(returned, status="handling"))
    by_type = {action.type: action for action in actions}

    def unanswered(kind: MessageType, **answers: str) -> list[str]:
        return [question.name for question in by_type[kind].unanswered(answers)]

    parts = {"facts": "属实", "measures": "已修", "remedies": "无", "basis": "条例"}
    result = MessageType.RESULT_SUBMITTED
    assert unanswered(result, disposal="ordinary", **parts) == ["remedies"]
    assert unanswered(result, disposal="administrative_case", **parts) == ["materials"]
    assert unanswered(MessageType.UNIT_URGED, text="") == ["text"]
    assert unanswered(MessageType.TICKET_AMENDED, topic="", why="误录") == ["topic"]
    assert unanswered(MessageType.RETURN_REVIEWED, approved="yes", unit="") == ["unit"]
    assert unanswered(MessageType.RETURN_REVIEWED, approved="no", unit="") == []


async def test_nothing_is_decided_before_it_is_chosen(store: Store) -> None:
    """Of every action, as its form opens: what must be answered by a choice has no answer yet.

    The kind of a contact follows from what is owed, its method from habit. A draft keeps a choice,
    and starting anew takes it away again.
    """
    with store.reading() as session:
        ticket = ticket_detail(session, LONG)
    ticket.state.revisit = True
    ticket = replace(ticket, unit="城管局")
    choices = [
        (action, question)
        for status in Status
        for action in available_actions(replace(ticket, status=status))
        for question in action.questions
        if question.choices is not None
    ]
    contact = MessageType.CONTACT_ATTEMPTED
    answered = {(action.type, question.name) for action, question in choices if question.default}
    assert answered == {(contact, "purpose"), (contact, "method")}
    assert len({action.type for action, _question in choices}) > 6
    recording = next(action for action, _question in choices if action.type == contact)
    app = MonitorApp(store, lambda: NOW, wall=lambda: NOW, every=None)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for_refresh(pilot)
        form = ActionForm(recording, "", UNITS, {})
        form.draft = {"outcome": "no_answer"}
        app.push_screen(form)
        await wait_until(pilot, lambda: form.has_class("-draft") and bool(app.focused))
        assert form.filled() == {
            "purpose": "revisit",
            "outcome": "no_answer",
            "method": "phone",
            "evidence": "",
        }
        await pilot.press("f5")
        await wait_until(pilot, lambda: not form.filled()["outcome"])


async def test_a_unit_is_picked_from_a_list_in_a_small_terminal(store: Store) -> None:
    """The button is there below a title of 4,000 characters; the message names what was picked."""
    actor = Actor("desk", UserRole.SUPERVISOR)
    app = MonitorApp(store, lambda: NOW, wall=lambda: NOW, actor=actor, operator="林", every=None)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await wait_for_refresh(pilot)
        app.open_detail(LONG)
        await wait_for_refresh(pilot)
        await pilot.press("f2")
        await wait_until(pilot, lambda: isinstance(app.screen, MenuDialog) and bool(app.focused))
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, ActionForm) and bool(app.focused))
        button = app.screen.query_one(SubmitButton)
        field = app.screen.query_one(UnitField)
        assert button.region.bottom < 24
        field.value = "局"
        await pilot.pause()
        assert len(field.matches) > 5
        assert button.region.bottom < 24
        button.action_press()
        await wait_until(pilot, lambda: isinstance(app.focused, UnitMatches))
        await pilot.press("down", "enter")
        await pilot.pause()
        assert field.unit == field.value
        picked = field.unit
        button.action_press()
        await wait_until(pilot, lambda: bool(app.sender.waiting))
        await wait_for_refresh(pilot)
        # every character of what is message is on the screen, whatever edges are below
        await wait_until(pilot, lambda: "已提交" in screen_text(app))
        [message] = [n.message for n in app._notifications]
        assert message in screen_text(app)
    play(store, [], NOW)
    with store.reading() as session:
        assert session.scalar(select(TICKET.c.unit).where(TICKET.c.number == LONG)) == picked


async def test_the_first_start_greets_once(store: Store, tmp_path: Path) -> None:
    """The introduction and the question for the name are one dialog, also in a small terminal."""
    app = MonitorApp(
        store,
        lambda: NOW,
        wall=lambda: NOW,
        actor=Actor("desk", UserRole.SUPERVISOR),
        ask_name=True,
        preferences=tmp_path / "monitor.json",
        every=None,
    )
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until(pilot, lambda: isinstance(app.screen, TextPrompt) and bool(app.focused))
        assert "F2" in screen_text(app)
        assert app.screen.query_one(Input).region.bottom < 24
        await pilot.press("l", "i", "n", "enter")
        await wait_until(pilot, lambda: app.operator.name == "lin")
        await wait_for_refresh(pilot)
        assert app.screen is app.get_screen("overview")
