"""The form of a refused message: the fields of its type, checked as the intake checks them."""

from typing import Any

import pytest
from sqlalchemy import select
from textual.pilot import Pilot
from textual.widgets import Static, TextArea

from models.database import Store
from models.i18n import render
from models.operations.advance import advance
from models.operations.edited_messages import find_wrong_fields
from models.operations.inbox import add_messages
from models.rulebook import load_rulebook
from models.rules.messages import FIELDS, UNIT_FIELDS, wrong_fields
from models.rules.vocabulary import MessageType, UserRole
from models.security.roles import Actor
from models.tables.core import INBOX
from monitor.app import MonitorApp
from monitor.message_edit import restored_body
from monitor.message_form import (
    KEPT,
    REMOVED,
    FormField,
    InvalidAnswer,
    Kind,
    apply_answers,
    form_fields,
    required_names,
)
from monitor.screens.failures import FailuresScreen
from monitor.screens.form_row import FormRow
from monitor.screens.mend_form import MendForm
from monitor.widgets.fields import ChoiceField, SubmitButton, TextField, UnitMatches
from tests.monitor.driving import wait_for_refresh, wait_until
from tests.monitor.scene import NOW, received, screen_text
from tests.rules.test_messages import GOOD

DETAIL, RESULT = "2026101500001", "2026101500002"
EARLY, RETURNED = "2026101500003", "2026101500004"
LETTER = "海边路12号的井盖没了，请尽快派人来看。\n电话13800138000。"


def _refused() -> list[dict[str, Any]]:
    letter = received(DETAIL, NOW, "井盖" * 2000, content=LETTER, weather="大雨")
    at = {"at": NOW.isoformat(), "ticket": RESULT}
    return [
        letter | {"category": "投诉"},
        received(RESULT, NOW, "路灯不亮", unit="城管局"),
        at | {"id": "a", "type": "unit.accepted", "unit": "园林局"},
        received(EARLY, NOW, "树倒了", unit="城管局"),
        at | {"id": "b", "type": "result.reviewed", "ticket": EARLY, "approved": True},
        received(RETURNED, NOW, "树又倒了", unit="城管局"),
        at | {"id": "c", "type": "unit.returned", "ticket": RETURNED, "unit": "城管局"},
    ]


def _fill(store: Store) -> None:
    with store.writing() as session:
        add_messages(session, "city", _refused(), NOW)
    _work(store)


def _work(store: Store) -> None:
    """Apply every waiting message, as a worker does."""
    with store.writing() as session:
        waiting = session.scalars(select(INBOX.c.ticket).where(INBOX.c.state == "waiting")).all()
        advance(session, waiting, load_rulebook(session), NOW)


pytestmark = pytest.mark.store(databases=["sqlite"], fill=_fill, shared=True)


def _answers(fields: list[FormField], **answers: str) -> list[str]:
    return [answers.get(field.name.replace(".", "_"), field.text) for field in fields]


@pytest.mark.parametrize("kind", list(MessageType))
def test_every_type_has_a_form_that_changes_nothing_by_itself(kind: MessageType) -> None:
    """Each field is in it, required ones are marked, codes are lists; unchanged is what it was."""
    body = {"type": kind.value, "ticket": "1", "at": NOW.isoformat(), "id": "x", **GOOD[kind]}
    fields = form_fields(kind, body)
    assert {field.path[0] for field in fields} == {"ticket", "at", *FIELDS[kind]}
    answers = [field.text for field in fields]
    required = required_names(kind, fields, answers, body)
    assert {"ticket", "at", *(n for n, f in FIELDS[kind].items() if f.required)} <= required
    # what is marked is what is missed, and nothing else
    bare = {name: body[name] for name in ("type", "ticket", "at")}
    kept = {name: body[name] for name in ("disposal", "outcome") if name in body}
    assert {"ticket", "at", *wrong_fields(kind, bare | kept), *kept} == required | {*kept}
    assert all(f.kind is Kind.UNIT for f in fields if f.name in UNIT_FIELDS)
    assert apply_answers(fields, _answers(fields), body) == body


def test_what_is_typed_becomes_what_the_message_holds() -> None:
    """Codes, numbers, names, objects and their parts; an empty field is left out."""
    body = {
        "type": "ticket.received",
        "ticket": "1",
        "at": "2026-10-15",
        "category": "咨询",
        "title": "路灯",
        "statutory_limit": {"hours": "3天", "basis": "某条例"},
        "claimant": {"name": "陈大文", "age": 40},
    }
    fields = form_fields(MessageType.TICKET_RECEIVED, body)
    texts = {field.name: field.text for field in fields}
    assert texts["category"] == "consultation"
    typed = {"category": "help", "title": "", "claimant_contact": "unwanted"}
    typed |= {"statutory_limit_workdays": "3", "statutory_limit_hours": "", "declined": "4"}
    edited = apply_answers(fields, _answers(fields, **typed, claimant_age=REMOVED), body)
    assert edited["category"] == "help"
    assert edited["declined"] == "4"
    assert "title" not in edited
    assert edited["statutory_limit"] == {"workdays": 3, "basis": "某条例"}
    assert edited["claimant"] == {"name": "陈大文", "contact": "unwanted"}
    dispute = {"units": ["城管局"], "approved": 1}
    [units] = [f for f in form_fields(MessageType.DISPUTE_OPENED, dispute) if f.name == "units"]
    assert apply_answers([units], ["城管局、住建局"], {})["units"] == ["城管局", "住建局"]


def test_a_wrong_or_unknown_value_is_seen_and_goes_only_by_choice() -> None:
    """A code that is none stands first among the allowed ones; a field of no type can go."""
    body = {"approved": "同意", "colour": {"a": 1}, "why": ["附件1"]}
    fields = {f.name: f for f in form_fields(MessageType.RESULT_REVIEWED, body)}
    choices = fields["approved"].choices
    assert choices is not None
    assert [render(text) for text in choices.values()] == ["「同意」", "是", "否"]
    assert (fields["colour"].kind, fields["colour"].text) == (Kind.UNKNOWN, KEPT)
    asked = [fields["approved"], fields["colour"], fields["why"]]
    assert apply_answers(asked, [asked[0].text, KEPT, asked[2].text], body) == body
    assert apply_answers(asked, ["true", REMOVED, '["附件2"]'], body) == {
        "approved": True,
        "why": ["附件2"],
    }
    with pytest.raises(InvalidAnswer) as caught:
        apply_answers(asked, ["true", KEPT, '["附件2"'], body)
    assert caught.value.field == "why"
    kept = apply_answers(asked, ["true", KEPT, '["附件2"'], body, as_it_is=True)
    assert kept["why"] == '["附件2"'


def test_masked_parts_of_a_changed_field_stay_what_they_were() -> None:
    """Of a claimant whose name is corrected the phone is kept."""
    body = {"claimant": {"name": "陈大文", "phone": "13800138000"}}
    redacted = {"claimant": {"name": "陈**", "phone": "138****8000"}}
    fields = form_fields(MessageType.TICKET_RECEIVED, redacted)
    edited = apply_answers(fields, _answers(fields, claimant_name="陈小文"), redacted)
    assert restored_body(edited, body)["claimant"] == {"name": "陈小文", "phone": "13800138000"}


def test_the_check_before_sending_is_that_of_the_intake(store: Store) -> None:
    """It names the field: of the envelope, of the content, or of a unit that nobody knows."""
    good = {"type": "unit.accepted", "ticket": "1", "at": NOW.isoformat(), "unit": "城管局"}
    refused: list[tuple[dict[str, Any], list[str]]] = [
        ({}, []),
        ({"at": "昨天"}, ["at"]),
        ({"ticket": " "}, ["ticket"]),
        ({"unit": None}, ["unit"]),
        ({"unit": "园林局"}, ["unit"]),
        ({"type": "dispute.opened", "units": ["城管局", "园林局"]}, ["units"]),
        ({"type": "unit.returned", "reason": "不属本局"}, ["basis", "suggested_unit", "signed_by"]),
        ({"type": "progress.reported", "text": "无"}, ["text"]),
        (
            {"type": "result.submitted", "disposal": "行政立案", "long_term": {"progress": "在办"}},
            ["materials"],
        ),
        (
            {"type": "result.submitted", "disposal": "ordinary", "long_term": {"progress": "在办"}},
            ["facts", "measures", "remedies", "basis", "long_term.next_steps"],
        ),
        ({"type": "revisit.recorded", "outcome": "更正"}, ["rating"]),
        (
            {"type": "ticket.received", "claimant": {"contact": "也许"}, "category": "投诉"},
            ["category", "title", "claimant.contact"],
        ),
    ]
    with store.reading() as session:
        for change, names in refused:
            assert list(find_wrong_fields(session, good | change)) == names
        unknown = find_wrong_fields(session, good | {"unit": "园林局"})
    assert "园林局" in render(unknown["unit"])


async def _open(pilot: Pilot[None], number: str) -> MendForm:
    """Open the form of the refused message of this ticket."""
    app = pilot.app
    assert isinstance(app, MonitorApp)
    await pilot.press("6")
    await wait_for_refresh(pilot)
    screen = app.screen
    await pilot.press("home")
    for _step in range(5):
        if screen.ticket_under_cursor() == number:  # type: ignore[attr-defined]
            break
        await pilot.press("down")
    await pilot.press("enter")
    await wait_until(pilot, lambda: isinstance(app.screen, MendForm) and bool(app.focused))
    await wait_until(pilot, lambda: bool(app.screen.query("FormRow, #body")))
    await pilot.pause()
    form = app.screen
    assert isinstance(form, MendForm)
    return form


def _row(form: MendForm, name: str) -> FormRow:
    return next(row for row in form.query(FormRow) if row.field.name == name)


def _all_buttons_are_seen(form: MendForm) -> bool:
    return all(0 < button.region.bottom < 24 for button in form.query(SubmitButton))


def _app(store: Store) -> MonitorApp:
    actor = Actor("desk", UserRole.SUPERVISOR)
    return MonitorApp(store, lambda: NOW, wall=lambda: NOW, actor=actor, operator="林", every=None)


async def test_a_letter_is_mended_in_a_small_terminal(store: Store) -> None:
    """The wrong field has the focus and its reason; a draft outlives Esc; what is sent is whole."""
    app = _app(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for_refresh(pilot)
        form = await _open(pilot, DETAIL)
        assert _all_buttons_are_seen(form)
        assert app.focused is _row(form, "category").answer
        assert "咨询, 意见建议, 求助, 投诉举报" in screen_text(app)
        assert "13800138000" not in _row(form, "content").value
        assert _row(form, "weather").field.kind is Kind.UNKNOWN
        await pilot.press("left", "left")
        category = _row(form, "category").answer
        assert isinstance(category, ChoiceField)
        assert category.value == "help"
        await pilot.press("escape")
        await wait_until(pilot, lambda: not isinstance(app.screen, MendForm))
        form = await _open(pilot, DETAIL)
        assert _row(form, "category").value == "help"
        # as JSON, and back
        await pilot.press("f6")
        await wait_until(pilot, lambda: bool(form.query("#body")))
        area = form.query_one("#body", TextArea)
        await pilot.pause()
        assert _all_buttons_are_seen(form)
        area.text = area.text.replace('"help"', '"complaint')
        await pilot.press("f2")
        await wait_until(pilot, lambda: "不是 JSON 对象：" in screen_text(app))
        area.text = area.text.replace('"complaint', '"complaint"')
        await pilot.press("f6")
        await wait_until(pilot, lambda: bool(form.query(FormRow)))
        at = _row(form, "at").answer
        assert isinstance(at, TextField)
        before, at.value = at.value, "昨天"
        await pilot.press("f2")
        await wait_until(pilot, lambda: app.focused is at)
        assert "ISO 8601" in screen_text(app)
        at.value = before
        await pilot.press("f2")
        await wait_until(pilot, lambda: bool(app.sender.waiting))
    _work(store)
    with store.reading() as session:
        row = session.execute(select(INBOX).where(INBOX.c.ticket == DETAIL, INBOX.c.current)).one()
        body = session.decrypt(INBOX.c.body, row)
    assert row.state == "applied"
    assert (body["category"], body["content"], body["weather"]) == ("complaint", LETTER, "大雨")
    assert body["claimant"]["phone"] == "13800138000"


async def test_a_unit_that_nobody_knows_is_picked_from_a_list(store: Store) -> None:
    """A fragment of several names opens the list; the message goes to the unit picked there."""
    app = _app(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for_refresh(pilot)
        form = await _open(pilot, RESULT)
        unit = _row(form, "unit").answer
        assert app.focused is unit
        assert isinstance(unit, TextField)
        assert "园林局" in screen_text(app)
        unit.value = "城"
        await pilot.pause()
        if form.query_one(UnitMatches).has_class("-on"):
            await pilot.press("f2")
            await wait_until(pilot, lambda: isinstance(app.focused, UnitMatches))
            await pilot.press("enter")
            await wait_until(pilot, lambda: app.focused is unit)
        await pilot.press("f2")
        await wait_until(pilot, lambda: bool(app.sender.waiting))
    with store.reading() as session:
        row = session.execute(
            select(INBOX).where(
                INBOX.c.ticket == RESULT, INBOX.c.current, INBOX.c.type == "unit.accepted"
            )
        ).one()
        assert session.decrypt(INBOX.c.body, row)["unit"] != "园林局"


async def test_what_the_regulation_asks_for_is_marked_and_missed_before_sending(
    store: Store,
) -> None:
    """Of a return its reason, basis, suggested unit and signature; nothing is sent without them."""
    app = _app(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for_refresh(pilot)
        form = await _open(pilot, RETURNED)
        rows = {row.field.name: row for row in form.query(FormRow)}
        names = ("reason", "basis", "suggested_unit", "signed_by")
        marks = {n: str(row.query_one(".name", Static).content)[0] for n, row in rows.items()}
        assert {n for n, mark in marks.items() if mark == "*"} == {"ticket", "at", "unit", *names}
        reason = rows["reason"].answer
        assert isinstance(reason, TextField)
        await pilot.press("f2")
        await wait_until(pilot, lambda: rows["reason"].has_class("-wrong"))
        reason.value = "不属本局"
        # what was missing is there, before it is sent again
        await wait_until(pilot, lambda: not rows["reason"].has_class("-wrong"))
        await pilot.press("f2")
        await wait_until(pilot, lambda: app.focused is rows["basis"].answer)
        assert [n for n, row in rows.items() if row.has_class("-wrong")] == [*names[1:]]
        assert app.focused is rows["basis"].answer
        assert app.screen is form


async def test_the_cursor_stays_with_a_message_that_is_refused_again(store: Store) -> None:
    """While it waits the next one is under the cursor; its new refusal has the cursor again."""
    app = _app(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for_refresh(pilot)
        await _open(pilot, EARLY)
        await pilot.press("f2")
        await wait_until(pilot, lambda: bool(app.sender.waiting))
        await wait_until(pilot, lambda: isinstance(app.screen, FailuresScreen))
        await wait_for_refresh(pilot)
        assert app.screen.ticket_under_cursor() != EARLY  # type: ignore[attr-defined]
        _work(store)
        await wait_for_refresh(pilot)
        screen = app.screen
        assert isinstance(screen, FailuresScreen)
        assert screen.ticket_under_cursor() == EARLY
