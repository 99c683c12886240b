"""Every dialog in a small terminal: nothing is cut, or lies over anything else."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Region
from textual.widget import Widget
from textual.widgets import Static

import monitor.app
from models.database import Store
from models.i18n import LazyText, activate, lazy
from models.queries.detail import TicketDetail, ticket_detail
from models.queries.failures import RefusedMessage
from models.queries.find_tickets import FoundTicket
from models.queries.log_lines import LogLine
from models.queries.owed_calls import DISSATISFIED
from models.rules.events import ScreeningProposed
from models.rules.messages import FIELDS
from models.rules.vocabulary import MessageType, Status
from monitor.action_types import Action
from monitor.actions import available_actions
from monitor.calls import call_purpose, call_results
from monitor.judged_text import JUDGED
from monitor.operator.batch import Batch
from monitor.places import Places
from monitor.screens.action_form import ActionForm
from monitor.screens.batch_results import BatchResults
from monitor.screens.call_form import CallForm
from monitor.screens.columns_dialog import ColumnsDialog
from monitor.screens.dialogs import (
    ConfirmDialog,
    Dialog,
    LeaveDialog,
    MenuDialog,
    RevealedDialog,
    TextDialog,
)
from monitor.screens.form import Form
from monitor.screens.go_to import GoToDialog
from monitor.screens.help import introduction
from monitor.screens.mend_form import MendForm
from monitor.screens.prompts import RevealForm, TextPrompt
from monitor.screens.shift_dialog import ShiftDialog
from monitor.shared_actions import assignment
from monitor.theme import DARK
from monitor.widgets.fields import UnitField
from tests.monitor.scene import NOW, play, received


def _fill(store: Store) -> None:
    play(store, [received("2026101500001", NOW, "路灯不亮", unit="城管局")], NOW)


pytestmark = pytest.mark.store(databases=["sqlite"], fill=_fill, shared=True)

UNITS = {"城管局": ("城市管理局",), "公安局": (), "交警大队": ("公安局交警大队",)}
TEMPLATES = {"临期督办": "请抓紧。" * 20, "超期督办": "请立即办理。", "再次督办": "请说明原因。"}
TITLE = "河浦路与磊广公路交界处的自来水管爆裂" * 4
ABOUT = "\n".join((f"20261015000001  {TITLE}"[:70], "城管局", "注意：林小燕 10:42 正在办理"))


def _actions(ticket: TicketDetail) -> Iterator[Action]:
    """Yield an action of every type that has a form, and two whose labels are long proposals."""
    why = LazyText("{text}", {"text": TITLE})
    events = [ScreeningProposed(code="2.2.6", why=why)]
    log = [LogLine(n, NOW, NOW, event, {}, "") for n, event in enumerate(events)]
    seen: dict[MessageType, Action] = {}
    ticket.state.revisit = True
    for status in Status:
        for action in available_actions(replace(ticket, status=status, log=tuple(log))):
            seen.setdefault(action.type, action)
    yield from seen.values()
    yield assignment(lazy("Choose the unit; proposed: {unit} ({why})", unit="城管局", why=TITLE))


def _refused(kind: MessageType) -> RefusedMessage:
    body = {"type": str(kind), "ticket": "20261015000001", "at": NOW.isoformat()}
    body |= dict.fromkeys(FIELDS[kind], "甲乙丙" * 40)
    return RefusedMessage(1, "city", "m", kind, "20261015000001", "缺少字段：依据" * 20, body)


def _dialogs(ticket: TicketDetail) -> Iterator[Dialog[Any]]:
    """Yield every dialog, with as much in it as there may be."""
    for action in _actions(ticket):
        judged = Content("\n".join([TITLE] * 9) if action.type in JUDGED else "")
        yield ActionForm(action, ABOUT, UNITS, TEMPLATES, judged)
    log = Content("\n".join(f"{n:>3} 10-15 09:0{n % 10}  已签收  城管局" for n in range(40)))
    texts = ("姓名  陈女士", "电话  13800138000", TITLE, "城管局", ABOUT)
    about = [Content(text) for text in texts]
    for kind in ("first_contact", "survey", DISSATISFIED):
        yield CallForm(call_purpose(kind), about, log, call_results(kind), "林小燕", NOW)
    refused = _refused(MessageType.UNIT_RETURNED)
    yield MendForm(refused, {"basis": LazyText("x" * 200)}, UNITS, _never)
    yield ShiftDialog(Content("\n".join([TITLE] * 40)), has_unread=True)
    yield RevealForm("何人何时查看、理由何在，记入访问记录。")
    yield TextPrompt("存为视图", Content(TITLE), "同名的视图被替换")
    yield TextPrompt("姓名", introduction(), "以后不再询问")
    yield ConfirmDialog("期间已有变动：仍要改派？", "\n".join([TITLE] * 4), "仍然提交")
    yield MenuDialog("操作", [TITLE] * 30)
    yield LeaveDialog(with_service=True)
    yield ColumnsDialog(["left"])
    yield TextDialog("如何使用", introduction())
    yield RevealedDialog("20261015000001", Content(TITLE), 30)
    batch = Batch("督办", 2, [], {"20261015000001": TITLE, "20261015000002": TITLE})
    yield BatchResults(batch)
    yield GoToDialog(Places(UNITS, []), [], _nowhere)


class _Dialogs(App[None]):
    """An app that has the monitor's styles, and nothing below its dialogs."""

    CSS_PATH = Path(monitor.app.__file__).with_name("hotline.tcss")

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return the colours that the style sheet names."""
        return DARK.variables


async def _nowhere(_text: str) -> Sequence[FoundTicket]:
    return []


async def _never(_edited: dict[str, object]) -> dict[str, LazyText]:
    return {}


def _faults(dialog: Dialog[Any]) -> Iterator[str]:
    """Yield what is wrong with how a dialog is laid out; what is scrolled may end below it."""
    frame = dialog.query_one(".dialog")
    yield from _faults_in(frame, frame.content_region)


def _faults_in(parent: Widget, room: Region) -> Iterator[str]:
    parts = [child for child in parent.children if child.display]
    for part in parts:
        if not room.contains_region(part.region):
            yield f"{part} ends outside: {part.region} of {room}"
        if isinstance(part, Static):
            needed = part.get_content_height(part.size, part.size, part.size.width)
            if needed > part.size.height:
                yield f"{part} is cut: {needed} of {part.size.height} lines"
        elif isinstance(part, VerticalScroll):
            long = Region(part.region.x, part.region.y - 500, part.region.width, 1000)
            yield from _faults_in(part, long)
        else:
            yield from _faults_in(part, part.region)
    for part, other in combinations(parts, 2):
        if part.region.overlaps(other.region):
            yield f"{part} lies over {other}"


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_nothing_in_a_dialog_is_hidden(store: Store, language: str) -> None:
    """With a draft, an error and what is said about a unit, at 80 by 24; in English the forms."""
    activate(language)
    with store.reading() as session:
        ticket = ticket_detail(session, "2026101500001")
    app = _Dialogs()
    faults = []
    async with app.run_test(size=(80, 24)) as pilot:
        for dialog in _dialogs(ticket):
            if language == "en" and not isinstance(dialog, ActionForm | CallForm):
                continue
            if isinstance(dialog, Form):
                dialog.draft = {"text": "路灯", "reason": "核对", "unit": "局", "body": "{}"}
            await app.push_screen(dialog)
            await pilot.pause()
            for field in dialog.query(UnitField):
                field.value = "城管局"
            if isinstance(dialog, Form) and not isinstance(dialog, MendForm):
                for error in dialog.query("#error").results(Static):
                    error.update("缺少：依据、建议承办单位、签批人")
            await pilot.pause()
            if dialog.query("#judged"):
                assert dialog.query_one("#judged").size.height >= 4
                assert dialog.query_one(".questions").size.height >= 2
            if len(dialog.query(".question")) > 4:
                await pilot.press("shift+tab", "shift+tab", "tab", "tab")
                await pilot.pause()
                questions = dialog.query_one(".questions")
                line = dialog.query(".question").first()
                assert questions.region.contains_region(line.region), "scrolled away"
            name = f"{type(dialog).__name__} {dialog._title[:20]}"
            faults += [f"{name}: {fault}" for fault in _faults(dialog)]
            await app.pop_screen()
    assert not faults, "\n".join(faults)
