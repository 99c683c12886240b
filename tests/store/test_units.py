"""Units live longer than their names: renamed, merged and retired units keep their tickets."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import select

from models.database import Store
from models.operations.advance import advance
from models.operations.calendar import change_calendar
from models.operations.units import (
    UnitChangeRefused,
    UnitsChange,
    merge_units,
    rename_unit,
    replace_units,
)
from models.queries.figure_cases import figure_cases, figure_counts, figure_tickets
from models.queries.figures import Month
from models.queries.unit_names import load_unit_names
from models.rulebook import hold_rulebook, load_rulebook, stored_units
from models.rules.calendar import DeclaredDay
from models.rules.routing.units_file import Unit, UnitsFile, load_units
from models.rules.routing.units_toml import units_as_toml
from models.tables.core import CLOCK, INBOX, NOTICE
from tests.store.factories import (
    RESULT,
    advance_tickets,
    at,
    feed,
    letter,
    log_of,
    message,
    row_of,
)

A, B, C = "城管局", "市容局", "城运局"
OTHER = "住建局"
BEFORE, RENAMED, AFTER = (at(f"2026-11-{day}T09:00") for day in ("02", "04", "05"))

pytestmark = pytest.mark.store(units=UnitsFile((Unit(A), Unit(OTHER)), ("濠江",)), whole=True)


def _units(store: Store, units: Sequence[Unit], now: datetime) -> UnitsChange:
    with store.writing() as session:
        return replace_units(session, UnitsFile(tuple(units), ("濠江",)), now)


def _rename(store: Store, name: str, new: str, now: datetime) -> UnitsChange:
    with store.writing() as session:
        return rename_unit(session, name, new, now)


def _merge(store: Store, name: str, into: str, now: datetime) -> UnitsChange:
    with store.writing() as session:
        return merge_units(session, name, into, now)


def _accepted(store: Store, ticket: str, unit: str = A) -> None:
    """A ticket that the unit has accepted."""
    raws = [
        letter(ticket, "2026-11-02T09:00", unit=unit),
        message(ticket, "unit.accepted", "2026-11-02T10:00", unit=unit),
    ]
    assert feed(store, raws, BEFORE).refused == []
    advance_tickets(store, [ticket], at("2026-11-02T10:00"))
    assert row_of(store, ticket).status == "handling"


def _send(store: Store, now: datetime, *raws: dict[str, Any]) -> list[str]:
    """Send messages and advance their tickets; returns why they were refused."""
    assert feed(store, raws, now).refused == []
    advance_tickets(store, list(dict.fromkeys(raw["ticket"] for raw in raws)), now)
    with store.reading() as session:
        rows = session.execute(select(INBOX.c.message_id, INBOX.c.reason, INBOX.c.state)).all()
    sent = [row for row in rows if row.message_id in {raw["id"] for raw in raws}]
    assert all(row.state != "waiting" for row in sent)
    return [str(row.reason) for row in sent if row.reason]


def _names(store: Store, ticket: str, event: str) -> list[dict[str, Any]]:
    return [e.data for e in log_of(store, ticket) if e.name == event]


def _day_off(store: Store, day: str, now: datetime) -> list[str]:
    """Declare a day off; returns the tickets that stay as they were."""
    with store.writing() as session:
        days = {date.fromisoformat(day): DeclaredDay(False, "文件")}
        return change_calendar(session, days, now).kept


@pytest.mark.parametrize("by", ["command", "id", "alias"])
def test_a_renamed_unit_goes_on_with_its_tickets(store: Store, by: str) -> None:
    """Under both names its systems speak for it; the duties have the new name."""
    _accepted(store, "U1")
    if by == "command":
        change = _rename(store, A, B, RENAMED)
    else:
        with store.reading() as session:
            stored = next(unit for unit in stored_units(session) if unit.name == A)
        renamed = Unit(B, id=stored.id) if by == "id" else Unit(B, aliases=(A,))
        change = _units(store, [renamed, Unit(OTHER)], RENAMED)
    assert change.renamed == {A: B}
    assert change.passed_on == {A: 1}
    advance_tickets(store, ["U1"], RENAMED)
    assert _names(store, "U1", "unit.succeeded") == [{"unit": A, "successor": B}]
    assert row_of(store, "U1").unit == B
    reports = [
        message("U1", "progress.reported", f"2026-11-04T1{n}:00", unit=name, text="在办")
        for n, name in enumerate((A, B))
    ]
    assert _send(store, at("2026-11-04T12:00"), *reports) == []
    # what happened before the unit had its new name, whatever name it is sent under
    late = [
        message("U1", "progress.reported", f"2026-11-03T1{n}:00", unit=name, text="在办")
        for n, name in enumerate((A, B))
    ]
    assert _send(store, at("2026-11-04T13:00"), *late) == []
    assert _day_off(store, "2026-11-09", at("2026-11-04T14:00")) == []
    assert row_of(store, "U1").due == at("2026-11-12T17:30")
    result = message("U1", "result.submitted", "2026-11-05T10:00", unit=A, **RESULT)
    assert _send(store, at("2026-11-05T10:00"), result) == []
    assert row_of(store, "U1").status == "submitted"


def test_new_tickets_for_the_old_name_go_to_the_unit(store: Store) -> None:
    """Also one that was received before the renaming and arrives after it, with what follows."""
    _units(store, [Unit(B, aliases=(A,)), Unit(OTHER)], RENAMED)
    _units(store, [Unit(B), Unit(OTHER)], RENAMED)
    raws = [
        letter("U2", "2026-11-03T09:00"),
        message("U2", "unit.accepted", "2026-11-03T10:00", unit=A),
        message("U2", "progress.reported", "2026-11-03T11:00", unit=B, text="在办"),
    ]
    assert _send(store, AFTER, *raws) == []
    assert row_of(store, "U2").unit == B
    assert _day_off(store, "2026-11-06", AFTER) == []
    late = message("U2", "progress.reported", "2026-11-03T10:30", unit=A, text="在办")
    assert _send(store, AFTER, late) == []


def test_a_merged_unit_is_spoken_for_by_its_successor(store: Store) -> None:
    """Its tickets pass on with their duties; before the merger the successor was another unit."""
    _accepted(store, "U3")
    change = _merge(store, A, OTHER, RENAMED)
    assert change.merged == {A: OTHER}
    assert change.passed_on == {A: 1}
    advance_tickets(store, ["U3"], RENAMED)
    assert _holders(store, "U3") == {OTHER}
    before = message("U3", "progress.reported", "2026-11-03T10:00", unit=A, text="在办")
    others = message("U3", "progress.reported", "2026-11-03T11:00", unit=OTHER, text="在办")
    after = [
        message("U3", "progress.reported", f"2026-11-04T1{n}:00", unit=name, text="在办")
        for n, name in enumerate((A, OTHER))
    ]
    now = at("2026-11-04T12:00")
    assert _send(store, now, before, *after) == []
    assert len(_send(store, now, others)) == 1
    assert _day_off(store, "2026-11-09", now) == []
    with store.reading() as session:
        directory = load_rulebook(session).directory
    assert directory.resolve(A) == OTHER
    assert list(directory.units) == [OTHER]


def _holders(store: Store, ticket: str) -> set[str]:
    """Who holds the running duties of a ticket."""
    with store.reading() as session:
        row = row_of(store, ticket)
        clocks = select(CLOCK.c.holder).where(CLOCK.c.ticket_id == row.id)
        return set(session.scalars(clocks.where(CLOCK.c.state == "running")))


def test_names_change_again(store: Store) -> None:
    """A→B→C, and A merged into what is renamed later: every name speaks for the last unit."""
    _accepted(store, "U4")
    _accepted(store, "U5", OTHER)
    _rename(store, A, B, at("2026-11-04T09:00"))
    advance_tickets(store, ["U4"], at("2026-11-04T09:00"))
    _rename(store, B, C, at("2026-11-04T10:00"))
    _merge(store, OTHER, C, at("2026-11-04T11:00"))
    _rename(store, C, "大城管局", at("2026-11-04T12:00"))
    now = at("2026-11-05T09:00")
    advance_tickets(store, ["U4", "U5"], now)
    for ticket, names in (("U4", (A, B, C, "大城管局")), ("U5", (OTHER, C, "大城管局"))):
        assert row_of(store, ticket).unit == "大城管局"
        moments = [f"2026-11-04T14:0{n}" for n in range(len(names))]
        raws = [
            message(ticket, "progress.reported", moment, unit=name, text="在办")
            for moment, name in zip(moments, names, strict=True)
        ]
        assert _send(store, now, *raws) == []
    # each in its own time, under any of the names
    late = [
        message("U4", "progress.reported", f"2026-11-{moment}", unit=name, text="在办")
        for moment, name in (("03T10:00", C), ("04T09:30", A), ("04T10:30", B))
    ]
    assert _send(store, now, *late) == []
    assert _day_off(store, "2026-11-09", now) == []


def test_a_unit_may_get_its_name_back(store: Store) -> None:
    """The old file mends what a renaming did; the ticket goes back under the old name."""
    _accepted(store, "U6")
    with store.reading() as session:
        before = stored_units(session)
    _rename(store, A, B, RENAMED)
    advance_tickets(store, ["U6"], RENAMED)
    change = _units(store, [Unit(A), Unit(OTHER)], AFTER)
    assert change.renamed == {B: A}
    advance_tickets(store, ["U6"], AFTER)
    assert row_of(store, "U6").unit == A
    now = at("2026-11-05T12:00")
    raws = [
        message("U6", "progress.reported", f"2026-11-0{moment}", unit=name, text="在办")
        for moment, name in (("5T10:00", A), ("5T11:00", B), ("4T10:00", A), ("3T10:00", B))
    ]
    assert _send(store, now, *raws) == []
    assert _day_off(store, "2026-11-09", now) == []
    with store.reading() as session:
        assert [unit.id for unit in stored_units(session)] == [unit.id for unit in before]


def test_a_unit_that_leaves_the_file_is_retired(store: Store) -> None:
    """Its open tickets are named and it goes on with them, but it is given none."""
    _accepted(store, "U7")
    change = _units(store, [Unit(OTHER)], RENAMED)
    assert change.retired == {A: ["U7"]}
    assert change.passed_on == {}
    now = at("2026-11-04T12:00")
    report = message("U7", "progress.reported", "2026-11-04T10:00", unit=A, text="在办")
    assert _send(store, now, report) == []
    assert _day_off(store, "2026-11-09", now) == []
    _send(store, now, letter("U8", "2026-11-04T11:00"))
    assert row_of(store, "U8").status == "manual"
    assigned = message("U8", "ticket.assigned", "2026-11-04T11:30", unit=A, by="甲")
    assert len(_send(store, now, assigned)) == 1
    # a successor is found later
    assert _merge(store, A, OTHER, now).passed_on == {A: 1}
    advance_tickets(store, ["U7"], now)
    assert row_of(store, "U7").unit == OTHER


def test_a_file_merges_by_an_alias(store: Store) -> None:
    """A unit that is gone and whose name another one has as an alias is merged into it."""
    _accepted(store, "U9")
    change = _units(store, [Unit(OTHER, aliases=(A,))], RENAMED)
    assert (change.merged, change.retired) == ({A: OTHER}, {})
    advance_tickets(store, ["U9"], RENAMED)
    assert row_of(store, "U9").unit == OTHER
    # and it comes back as a unit of its own with the old file, without its tickets
    assert _units(store, [Unit(A), Unit(OTHER)], AFTER).added == [A]
    assert row_of(store, "U9").unit == OTHER


def test_what_cannot_be_renamed_or_merged_is_refused(store: Store) -> None:
    """With what to do instead, and nothing is changed."""
    for change, name, other_name, refusal in (
        (_rename, A, OTHER, "merge 城管局 --into 住建局"),
        (_rename, "没有的局", B, "没有的局"),
        (_rename, A, A, "already"),
        (_merge, A, A, "same unit"),
        (_merge, "没有的局", A, "没有的局"),
    ):
        with pytest.raises(UnitChangeRefused, match=refusal):
            change(store, name, other_name, RENAMED)
    with store.reading() as session:
        a, other = stored_units(session)
    with pytest.raises(UnitChangeRefused, match="third name"):
        _units(store, [Unit(OTHER, id=a.id), Unit(A, id=other.id)], RENAMED)
    # one after the other, names may move along
    moved = _units(store, [Unit(OTHER, id=a.id), Unit(B, id=other.id)], RENAMED)
    assert moved.renamed == {A: OTHER, OTHER: B}


def test_names_that_move_along_keep_the_tickets_apart(store: Store) -> None:
    """A takes the name that the other gives up: each goes on with its own tickets."""
    _accepted(store, "V1")
    _accepted(store, "V2", OTHER)
    with store.reading() as session:
        a, other = stored_units(session)
    _units(store, [Unit(OTHER, id=a.id), Unit(B, id=other.id)], RENAMED)
    advance_tickets(store, ["V1", "V2"], RENAMED)
    assert (row_of(store, "V1").unit, row_of(store, "V2").unit) == (OTHER, B)
    now = at("2026-11-04T12:00")
    raws = [
        message("V1", "progress.reported", "2026-11-04T10:00", unit=OTHER, text="在办"),
        message("V1", "progress.reported", "2026-11-04T10:01", unit=A, text="在办"),
        message("V2", "progress.reported", "2026-11-04T10:00", unit=B, text="在办"),
        message("V2", "progress.reported", "2026-11-03T10:00", unit=B, text="在办"),
    ]
    assert _send(store, now, *raws) == []
    assert _day_off(store, "2026-11-09", now) == []


def test_bodies_follow_their_parent(store: Store) -> None:
    """A parent that is renamed or merged keeps its bodies; nothing becomes its own parent."""
    _units(store, [Unit(A), Unit(OTHER), Unit("环卫所", parent=A)], BEFORE)
    _rename(store, A, B, RENAMED)
    with store.reading() as session:
        assert {u.name: u.parent for u in stored_units(session)}["环卫所"] == B
    _merge(store, B, OTHER, AFTER)
    with store.reading() as session:
        assert {u.name: u.parent for u in stored_units(session)}["环卫所"] == OTHER
    _merge(store, OTHER, "环卫所", at("2026-11-06T09:00"))
    with store.reading() as session:
        assert {u.name: u.parent for u in stored_units(session)} == {"环卫所": ""}


def test_a_merger_takes_the_words_along(store: Store) -> None:
    """What spoke for the merged unit speaks for its successor, but for what others have now."""
    units = [
        Unit(A, aliases=("城管",), keywords=("路灯", "井盖"), topics=("市容",)),
        Unit(OTHER, keywords=("房屋",)),
        Unit(C),
    ]
    _units(store, units, BEFORE)
    _units(store, [units[1], Unit(C, keywords=("井盖",))], RENAMED)
    _merge(store, A, OTHER, AFTER)
    with store.reading() as session:
        text = units_as_toml(stored_units(session), ["濠江"])
        merged = stored_units(session)[0]
    assert merged.aliases == (A, "城管")
    assert merged.keywords == ("房屋", "路灯")
    assert merged.topics == ("市容",)
    # the file that comes of it can be imported, and changes nothing
    again = load_units(text, "units.toml")
    change = _units(store, again.unit, at("2026-11-06T09:00"))
    assert change == UnitsChange(2)


_FAMILY = UnitsFile((Unit(A), Unit("环卫所", parent=A), Unit(OTHER)), ("濠江",))


def _cards(store: Store, ticket: str) -> list[tuple[str, str, str, str | None]]:
    """The notices of cards and their corrections: kind, role, unit and body."""
    return [
        (n["kind"], n["role"], n["unit"], n.get("body"))
        for n in _names(store, ticket, "notice.queued")
        if n.get("level") in ("yellow", "red")
    ]


@pytest.mark.store(units=_FAMILY, whole=True)
def test_the_leaders_of_the_parent_get_copies_of_cards(store: Store) -> None:
    """A copy is a notice of its own, queued once, and corrected as the first is."""
    _accepted(store, "P1", "环卫所")
    advance_tickets(store, ["P1"], at("2026-11-12T08:30"))
    yellow = [("yellow", "deputy_leader", u, b) for u, b in (("环卫所", None), (A, "环卫所"))]
    assert _cards(store, "P1") == yellow
    advance_tickets(store, ["P1"], at("2026-11-13T09:00"))
    red = [("red", "principal_leader", u, b) for u, b in (("环卫所", None), (A, "环卫所"))]
    assert _cards(store, "P1") == yellow + red
    with store.reading() as session:
        rows = session.execute(
            select(NOTICE.c.recipient, NOTICE.c.unit).where(NOTICE.c.kind.in_(("yellow", "red")))
        ).all()
    assert sorted(map(tuple, rows)) == sorted(
        (f"{unit}/{role}", unit)
        for unit in ("环卫所", A)
        for role in ("deputy_leader", "principal_leader")
    )
    late = message("P1", "result.submitted", "2026-11-10T10:00", unit="环卫所", **RESULT)
    assert _send(store, at("2026-11-13T10:00"), late) == []
    corrected = [card[1:] for card in _cards(store, "P1") if card[0] == "correction"]
    assert sorted(corrected, key=str) == sorted((card[1:] for card in yellow + red), key=str)


@pytest.mark.store(units=_FAMILY, whole=True)
def test_a_new_parent_is_told_of_no_card_of_before(store: Store) -> None:
    """A late message folds the ticket again under the units as they are now."""
    _accepted(store, "P2", OTHER)
    advance_tickets(store, ["P2"], at("2026-11-12T09:00"))
    _units(store, [Unit(A), Unit("环卫所"), Unit(OTHER, parent=A)], at("2026-11-12T10:00"))
    late = message("P2", "progress.reported", "2026-11-10T10:00", unit=OTHER, text="在办")
    assert _send(store, at("2026-11-12T11:00"), late) == []
    assert _cards(store, "P2") == [("yellow", "deputy_leader", OTHER, None)]
    advance_tickets(store, ["P2"], at("2026-11-13T09:00"))
    assert _cards(store, "P2")[1:] == [
        ("red", "principal_leader", OTHER, None),
        ("red", "principal_leader", A, OTHER),
    ]


@pytest.mark.store(databases=["postgresql"], units=UnitsFile((Unit(A), Unit(OTHER)), ("濠江",)))
def test_no_ticket_is_given_to_a_unit_while_it_is_renamed(store: Store) -> None:
    """A worker that began before the renaming ends first, and its ticket passes on too."""
    feed(store, [letter("R1", "2026-11-02T09:00")], BEFORE)
    changes: list[UnitsChange] = []
    renaming = Thread(target=lambda: changes.append(_rename(store, A, B, RENAMED)))
    with store.writing() as session:
        hold_rulebook(session)
        rulebook = load_rulebook(session)
        renaming.start()
        renaming.join(0.5)
        assert renaming.is_alive()
        advance(session, ["R1"], rulebook, at("2026-11-02T09:00"))
    renaming.join(10)
    assert [change.passed_on for change in changes] == [{A: 1}]
    advance_tickets(store, ["R1"], RENAMED)
    assert row_of(store, "R1").unit == B


def test_figures_stay_with_who_held_them(store: Store) -> None:
    """What two units did under one name is told apart; a merged unit's stands under its own."""
    for ticket, unit in (("F1", A), ("F2", OTHER)):
        _accepted(store, ticket, unit)
        done = message(ticket, "result.submitted", "2026-11-03T10:00", unit=unit, **RESULT)
        agreed = message(ticket, "result.reviewed", "2026-11-03T11:00", approved=True)
        assert _send(store, at("2026-11-03T11:00"), done, agreed) == []
    _rename(store, A, B, RENAMED)
    with store.writing() as session:
        first, other = (unit for unit in stored_units(session) if unit.name in (B, OTHER))
        without = replace(first, aliases=())
        replace_units(session, UnitsFile((without, other, Unit(A)), ("濠江",)), RENAMED)
    _accepted(store, "F3", A)
    done = message("F3", "result.submitted", "2026-11-05T10:00", unit=A, **RESULT)
    agreed = message("F3", "result.reviewed", "2026-11-05T11:00", approved=True)
    assert _send(store, at("2026-11-05T11:00"), done, agreed) == []
    _merge(store, OTHER, B, at("2026-11-06T09:00"))
    month = Month(2026, 11)
    with store.reading() as session:
        names = load_unit_names(session)
        (counts,) = figure_counts(session, [month], names)
        cases = {
            unit: [
                (case.unit, case.ticket)
                for case in figure_cases(session, month, "on_time", unit, names)
            ]
            for unit in (A, B, OTHER)
        }
        tickets = figure_tickets(session, month, "on_time", names)
    assert {
        unit: figures.get("on_time") for unit, figures in counts.items() if "timed" in figures
    } == {B: 1, OTHER: 1, A: 1}
    assert cases == {A: [(A, "F3")], B: [(B, "F1")], OTHER: [(OTHER, "F2")]}
    assert tickets == {A: ("F3",), B: ("F1",), OTHER: ("F2",)}
    assert OTHER in names.retired
    assert {A, B}.isdisjoint(names.retired)


@pytest.mark.store(units=UnitsFile((Unit(A, aliases=("城管",)), Unit("环卫所", parent="城管"))))
def test_bodies_are_known_by_their_parent(store: Store) -> None:
    """Under the parent's present name, though the file has an alias of it."""
    for name in (A, B):
        if name != A:
            _rename(store, A, name, RENAMED)
        with store.reading() as session:
            assert load_unit_names(session).bodies == {name: ("环卫所",)}
