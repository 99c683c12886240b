"""Saved views: own and shared ones, who may change them, and what is kept in clear."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models.database import Store
from models.json_types import Json
from models.operations import saved_views as operation
from models.operations.saved_views import (
    InvalidViewName,
    TooManyViews,
    ViewNotFound,
    delete_view,
    rename_view,
    save_view,
)
from models.queries.saved_views import SavedView, View, read_view, saved_views
from models.queries.ticket_order import QUEUE_ORDER, SortColumn, TicketOrder
from models.rules.vocabulary import UserRole
from models.security.roles import Actor, Denied, NotAllowed
from models.tables.core import SAVED_VIEW
from tests.store.factories import at

NOW = at("2026-12-01T17:25")
LIN, ZHAO = (Actor(name, UserRole.OPERATOR) for name in "林赵")
CHIEF, GUEST = Actor("主管", UserRole.SUPERVISOR), Actor("客", "")
RED = View("红牌", "级别:红 张三丰", TicketOrder(SortColumn.UNIT, True), ("unit", "left"))

pytestmark = pytest.mark.store(whole=True)


def _views(store: Store, who: Actor) -> list[SavedView]:
    with store.reading() as session:
        return saved_views(session, who.name)


def _save(store: Store, who: Actor, view: View, *, is_shared: bool = False) -> None:
    with store.writing() as session:
        save_view(session, who, view, NOW + timedelta(minutes=1), is_shared=is_shared)


def test_own_and_shared_views(store: Store) -> None:
    """Each operator sees their own and the shared ones; a name is replaced, not doubled."""
    _save(store, LIN, RED)
    _save(store, LIN, View("全部"), is_shared=True)
    _save(store, LIN, View("红牌", "级别:红"), is_shared=True)
    _save(store, LIN, View("红牌", "级别:黄"))
    assert [(v.view.name, v.view.filter, v.is_shared) for v in _views(store, LIN)] == [
        ("红牌", "级别:黄", False),
        ("全部", "", True),
        ("红牌", "级别:红", True),
    ]
    assert [v.view.name for v in _views(store, ZHAO)] == ["全部", "红牌"]
    _save(store, ZHAO, RED)
    assert _views(store, ZHAO)[0].view == RED
    assert len(_views(store, LIN)) == 3


def test_a_shared_view_is_changed_by_its_maker_or_a_supervisor(store: Store) -> None:
    """Another operator is denied; nobody without a role saves anything."""
    _save(store, LIN, RED, is_shared=True)
    [saved] = _views(store, ZHAO)
    with store.writing() as session:
        with pytest.raises(Denied, match="林"):
            rename_view(session, ZHAO, saved.id, "黄牌")
        with pytest.raises(Denied, match="林"):
            delete_view(session, ZHAO, saved.id)
        with pytest.raises(Denied, match="林"):
            save_view(session, ZHAO, RED, NOW, is_shared=True)
        with pytest.raises(NotAllowed):
            save_view(session, GUEST, RED, NOW, is_shared=False)
        rename_view(session, CHIEF, saved.id, "黄牌")
    [renamed] = _views(store, ZHAO)
    assert (renamed.view.name, renamed.view.filter, renamed.who) == ("黄牌", RED.filter, "林")
    with store.writing() as session:
        delete_view(session, LIN, saved.id)
        with pytest.raises(ViewNotFound):
            delete_view(session, LIN, saved.id)
    assert _views(store, ZHAO) == []


def test_limits_of_names_and_numbers(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A view has a name of its own and of one line, and nobody has more of them than some."""
    _save(store, LIN, RED)
    _save(store, LIN, View(" 急\n件 ", "急"))
    first, second = _views(store, LIN)
    assert {first.view.name, second.view.name} == {"红牌", "急 件"}
    with store.writing() as session:
        for name in ("", " ", "长" * 41):
            with pytest.raises(InvalidViewName):
                save_view(session, LIN, View(name), NOW, is_shared=False)
        with pytest.raises(InvalidViewName, match=second.view.name):
            rename_view(session, LIN, first.id, second.view.name)
        monkeypatch.setattr(operation, "MOST_VIEWS", 2)
        with pytest.raises(TooManyViews):
            save_view(session, LIN, View("三"), NOW, is_shared=False)


def test_nothing_of_a_view_is_in_clear_and_an_altered_one_is_left_out(store: Store) -> None:
    """A filter may hold a claimant's name."""
    _save(store, LIN, RED)
    _save(store, LIN, View("急", "急"))
    with store.writing() as session:
        contents = session.scalars(select(SAVED_VIEW.c.content).order_by(SAVED_VIEW.c.id)).all()
        assert all("张三".encode() not in content.raw for content in contents)
        session.execute(
            update(SAVED_VIEW)
            .where(SAVED_VIEW.c.content != contents[0])
            .values(who="赵", is_shared=True)
        )
    assert [saved.view for saved in _views(store, LIN)] == [RED]


@pytest.mark.parametrize("content", [None, {}, {"sort": "colour", "columns": 3}, ["x"]])
def test_a_view_of_another_release_is_read_as_far_as_it_goes(content: Json) -> None:
    """An order or columns that this program does not know are left out."""
    view = read_view(content)
    assert (view.order, view.columns) == (QUEUE_ORDER, ())
