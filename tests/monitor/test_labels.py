"""Codes on the screen: every one is shown by its label, in both languages, never as the code."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from msgspec import UnsetType
from rich.cells import cell_len

from models.database import Store
from models.i18n import LazyText, PrivateText, activate, render
from models.queries.detail import NoticeView, TicketDetail, ticket_detail
from models.queries.duties import DutyNotice, DutyRow, DutyView, NextDuty
from models.queries.failures import MESSAGE, NOTE, Failure, Failures
from models.queries.health import Health, ProcessStatus
from models.queries.log_lines import LogLine
from models.queries.owed_calls import KINDS, OwedCall, OwedCalls
from models.queries.queue_depths import QueueRow
from models.queries.ticket_list import ListedTicket, TicketPage
from models.rules.events import EVENT_TYPES, EventData, NoticeQueued, NoticeSent
from models.rules.messages import FIELDS, HOTLINE
from models.rules.origins import Origin as TextOrigin
from models.rules.origins import origins
from models.rules.queues import QUEUES
from models.rules.speaking import OWN_SOURCES
from models.rules.vocabulary import (
    HOTLINE_HOLDERS,
    LISTS,
    OPEN,
    Category,
    ClockName,
    ClockState,
    Code,
    ContactPurpose,
    DutyChange,
    Emergency,
    EventName,
    Level,
    MessageType,
    NoticeKind,
    NoticeState,
    Rating,
    Recipient,
    Status,
    label,
)
from monitor import labels, ticket_view
from monitor.app import MonitorApp
from monitor.formatting import DEFAULT_OFFICE
from monitor.screens.base import MonitorScreen
from monitor.snapshot import Snapshot
from monitor.ticket_log import log
from monitor.widgets.ticket_columns import COLUMNS
from monitor.widgets.virtual_list import VirtualList
from scripts.ingest.readers.json_messages import SOURCE
from tests.monitor.driving import wait_for_refresh
from tests.monitor.scene import NOW, fill_scene, screen_text
from workers.notices.channels import BUILT_IN

CODES = {str(code) for codes in LISTS for code in codes}
HAN = re.compile("[一-鿿]")
LANGUAGES = ("zh", "en")


pytestmark = pytest.mark.store(databases=["sqlite"], fill=fill_scene, shared=True)


@pytest.fixture
def ticket(store: Store) -> TicketDetail:
    """A ticket of the scene, to be given other codes."""
    with store.reading() as session:
        return ticket_detail(session, "2026101500077")


def _codes_in(text: str) -> list[str]:
    """Return the codes that stand in a Chinese text as they are."""
    # the name of a machine may be any word
    text = re.sub(r"@\w+:\d+", "", text)
    return sorted(set(re.findall(r"[a-z][a-z_.]*[a-z]", text)) & CODES)


@pytest.mark.parametrize("codes", LISTS)
def test_every_code_has_a_label_in_both_languages(codes: type[Code]) -> None:
    """The English label is words, the Chinese one Chinese."""
    for code in codes:
        activate("zh")
        assert HAN.search(label(codes, code)), code
        activate("en")
        assert label(codes, code) == code.label
        assert not re.search(r"[._]", code.label), code


def _fields() -> Iterator[tuple[type[EventData], str, Any]]:
    """Yield every field of every event that stands in the log in clear, with its type."""
    for kind in EVENT_TYPES.values():
        hints, texts = get_type_hints(kind, include_extras=True), origins(kind)
        for field in kind.__struct_fields__:
            if texts[field] is not TextOrigin.PRIVATE:
                yield kind, field, hints[field]


def _alternatives(hint: Any) -> list[Any]:
    """Return the types that a field may have, without null and unset."""
    if hasattr(hint, "__metadata__"):
        return _alternatives(hint.__origin__)
    parts = get_args(hint)
    if not parts or getattr(hint, "__origin__", None) is tuple:
        return [hint]
    alternatives = [alternative for part in parts for alternative in _alternatives(part)]
    return [a for a in alternatives if a not in (type(None), UnsetType)]


_FIELD_NAMES = sorted({name for fields in FIELDS.values() for name in fields})
_NAMED: dict[str, list[Any]] = {
    # texts of the service itself, which are no closed list
    "channel": [*BUILT_IN],
    "holder": ["城管局", *HOTLINE_HOLDERS],
    "unit": ["城管局", HOTLINE],
    "fields": [tuple(_FIELD_NAMES)],
    "missing": [(*_FIELD_NAMES, "long_term.next_steps")],
    "lines": [(3, 4)],
}


def _values(field: str, hint: Any) -> list[Any]:
    """Return the values to try in a field: all that the service itself puts there."""
    if field in _NAMED:
        return _NAMED[field]
    values: list[Any] = []
    for kind in _alternatives(hint):
        if getattr(kind, "__origin__", None) is tuple:
            values.append(("城管局", "住建局"))
        elif issubclass(kind, Code):
            values += list(kind)
        else:
            # a line is shown with its texts, which then stand in their place
            texts = {LazyText: _REASON, PrivateText: "无名局"}
            samples = {bool: True, int: 3, str: "城管局", datetime: NOW, **texts}
            values.append(samples[kind])
    return values


_REASON = LazyText("no unit found")


def _events() -> Iterator[EventData]:
    """Yield every event with every value that each of its fields may have."""
    for kind in EVENT_TYPES.values():
        fields = {field: _values(field, hint) for k, field, hint in _fields() if k is kind}
        first = {field: values[0] for field, values in fields.items()}
        yield kind(**first)
        for field, values in fields.items():
            for value in values[1:]:
                yield kind(**first | {field: value})


FLAGS = sorted({field for _kind, field, hint in _fields() if bool in _alternatives(hint)})


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("words", "codes"),
    [
        (labels.BADGES, tuple(Level)),
        (labels.PROCESS_ROLES, ("worker", "timekeeper")),
        (labels.CONTACT_STATES, tuple(s for s in ClockState if s is not ClockState.CANCELLED)),
        (labels.FLAGS, FLAGS),
        (labels.CHANNELS, BUILT_IN),
        (labels.SOURCES, (*OWN_SOURCES, SOURCE)),
    ],
    ids=["badges", "process roles", "contact states", "flags", "channels", "sources"],
)
def test_the_monitors_own_words_cover_what_they_are_for(
    language: str, words: dict[str, LazyText], codes: Sequence[str]
) -> None:
    """Each code has a word, and nothing else has."""
    activate(language)
    assert sorted(words) == sorted(codes)
    for text in words.values():
        assert bool(HAN.search(render(text))) is (language == "zh")


def test_the_log_shows_no_code(ticket: TicketDetail) -> None:
    """Every event name, every value of every field of a closed list; each number has a word."""
    events = list(_events())
    assert {type(event).event for event in events} == set(EventName)
    for event in events:
        line = LogLine(1, NOW, NOW - timedelta(hours=1), event, {}, "")
        text = log(_with(ticket, log=(line,)), NOW, 200).plain
        assert not re.search("[A-Za-z_]{2}", text), (event, text)
        assert HAN.search(text.split("  ")[2]), text
        values = text.split("  ")[3:]
        assert not any(value.strip().isdecimal() for value in values), (event, text)


def test_the_log_cites_no_line_that_it_leaves_out(ticket: TicketDetail) -> None:
    """The line that queued a notice stands among the notices: its recipient is named instead."""
    kind, role = NoticeKind.RELEASED, Recipient.UNIT_CONTACT
    queued = NoticeQueued(kind=kind, role=role, unit="城管局")
    sent = NoticeSent(kind=kind, channel="log", of=7)
    lines = tuple(LogLine(seq, NOW, NOW, event, {}, "") for seq, event in ((7, queued), (8, sent)))
    text = log(_with(ticket, log=lines), NOW, 200).plain
    assert "第 7 条" not in text
    assert f"城管局 {label(Recipient, role)}" in text
    # where somebody had it queued again, the line is there, and is cited
    again = msgspec.structs.replace(queued, again=1)
    both = replace(lines[0], event=again), lines[1]
    assert "第 7 条" in log(_with(ticket, log=both), NOW, 200).plain


def test_a_ticket_shows_no_code(ticket: TicketDetail) -> None:
    """Status, category, level and emergency; clocks; notices with kind, recipient and state."""
    variants: list[dict[str, Any]] = [{"status": s} for s in Status]
    variants += [{"category": c} for c in Category]
    variants += [{"level": level} for level in Level] + [{"emergency": e} for e in Emergency]
    for variant in variants:
        other = _with(ticket, **variant)
        assert _codes_in(ticket_view.summary(other, NOW, DEFAULT_OFFICE).plain) == [], variant
        assert _codes_in(ticket_view.preview(other, None, NOW, DEFAULT_OFFICE).plain) == []
    rows = (
        DutyRow("k", 1, name, holder, purpose, NOW, NOW, True, state, NOW)
        for name in ClockName
        for holder in (Recipient.CITY_HOTLINE, Recipient.DISTRICT_DESK)
        for state in ClockState
        for purpose in (None, *ContactPurpose)
    )
    of_duty = tuple(DutyNotice(NOW, kind, DutyChange.STARTED) for kind in NoticeKind)
    names = itertools.cycle(EventName)
    duties = tuple(DutyView(row, next(names), of_duty) for row in rows)
    text = ticket_view.duties(_with(ticket, duties=duties), NOW, DEFAULT_OFFICE, 80, {}).plain
    assert _codes_in(text) == []
    notices = tuple(
        NoticeView(1, kind, role, None, state, None, None, NOW, None)
        for kind in NoticeKind
        for role in Recipient
        for state in NoticeState
    )
    assert _codes_in(ticket_view.notices(_with(ticket, notices=notices)).plain) == []


def _with(ticket: TicketDetail, **fields: Any) -> TicketDetail:
    return replace(ticket, **fields)


def _snapshots() -> Iterator[tuple[str, Snapshot]]:
    """Yield for each screen snapshots that hold every code that it can show."""
    empty = Snapshot(NOW, NOW)
    messages = [
        Failure(MESSAGE, n, "1", kind, "市", "因", NOW, str(n))
        for n, kind in enumerate(MessageType)
    ]
    notices = [Failure(NOTE, n, "1", kind, "市", "因", NOW) for n, kind in enumerate(NoticeKind)]
    for rows in (messages, notices):
        yield "failures", replace(empty, failures=Failures(1, 1, tuple(rows)))
    calls = [OwedCall("1", "题", "局", s, r, NOW, NOW) for s in Status for r in Rating]
    yield (
        "callbacks",
        replace(empty, calls=OwedCalls(dict.fromkeys(KINDS, 1), KINDS[0], tuple(calls))),
    )
    processes = [ProcessStatus(r, r, NOW, NOW, q, 0, 0, 0) for r in ("甲", "乙") for q in QUEUES]
    health = Health(tuple(replace(p, role=r) for p in processes for r in labels.PROCESS_ROLES))
    yield "queues", replace(empty, queues=tuple(map(QueueRow, QUEUES)), health=health)
    first = ListedTicket(
        1, "1", OPEN[0], Category.HELP, None, "题", "局", None, NOW, NOW, False, None
    )
    tickets = [replace(first, status=status) for status in OPEN]
    tickets += [replace(first, level=level) for level in Level]
    tickets += [replace(first, first_contact=state) for state in labels.CONTACT_STATES]
    tickets += [
        replace(first, emergency=Emergency.DISASTER, missed=(name,))
        for name in (ClockName.ON_SITE, ClockName.EMERGENCY_REPORT)
    ]
    tickets += [replace(first, next_duty=NextDuty(name, "局", NOW)) for name in ClockName]
    yield "tickets", replace(empty, page=TicketPage(tuple(tickets), 0, len(tickets)))


def test_duties_are_whole_in_a_narrow_list() -> None:
    """In both languages, whichever clock is due next."""
    column = next(column for column in COLUMNS if column.key == "duty")
    assert set(labels.DUTY_NAMES) == set(ClockName)
    for language in ("zh", "en"):
        activate(language)
        names = [render(name) for name in labels.DUTY_NAMES.values()]
        assert [name for name in names if cell_len(name) > column.narrow] == []


async def test_no_screen_shows_a_code(store: Store) -> None:
    """Lists of tickets, calls, failures and queues that hold every code they can hold."""
    app = MonitorApp(store, lambda: NOW, wall=lambda: NOW, every=None)
    async with app.run_test(size=(200, 80)) as pilot:
        await wait_for_refresh(pilot)
        for name, snapshot in _snapshots():
            app.action_go(name)
            await wait_for_refresh(pilot)
            screen = app.screen
            assert isinstance(screen, MonitorScreen)
            screen.show(snapshot)
            await pilot.pause()
            text = screen_text(app)
            assert _codes_in(text) == [], name
            # everything was on the screen, not only its first lines
            lists = screen.query(VirtualList)
            assert all(items.total <= items.visible_rows for items in lists), name
